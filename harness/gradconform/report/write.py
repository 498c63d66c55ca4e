"""The folder of a report: everything that is written of a run, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gradconform.contract.run import MANIFEST
from gradconform.evidence.value import Evidence, to_json
from gradconform.history.changes import Changes
from gradconform.report.files import (
    CSV,
    EVIDENCE,
    JUNIT,
    PAGE,
    PARQUET,
    SUMMARY,
    write_csv,
    write_parquet,
    write_whole,
)
from gradconform.report.frame import frame_of
from gradconform.report.junit import junit
from gradconform.report.markdown import markdown
from gradconform.report.page import page
from gradconform.report.summary import Summary


def write(summary: Summary, folder: Path, changes: Changes | None = None, evidence: Sequence[Evidence] = ()) -> None:
    """Write the run folder: the rows, the page, the summaries and the manifest, all of them or none.

    changes: since an earlier run.
    evidence: of the worst rows.
    Raises ContractError where the folder holds what no run wrote, OSError.
    """
    frame = frame_of(summary.rows)
    texts = {
        PAGE: page(summary, changes, evidence),
        SUMMARY: markdown(summary, changes),
        JUNIT: junit(summary),
        EVIDENCE: to_json(evidence),
        MANIFEST: summary.run.to_json(),
    }
    writers = {PARQUET: partial(write_parquet, frame), CSV: partial(write_csv, frame)}
    write_whole(folder, writers | {name: partial(_write_text, text) for name, text in texts.items()})


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
