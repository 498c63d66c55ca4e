"""Rows to the files that people and tools read. Only here are pandas, pyarrow and jinja2 imported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from gradconform.contract.run import FrameworkInfo, NetworkInfo, RunInfo
from gradconform.evidence.value import Evidence, to_json
from gradconform.history.changes import Changes
from gradconform.report.files import (
    CSV,
    EVIDENCE,
    JUNIT,
    MANIFEST,
    PAGE,
    PARQUET,
    SUMMARY,
    read,
    write_csv,
    write_parquet,
    write_whole,
)
from gradconform.report.frame import frame_of
from gradconform.report.junit import junit
from gradconform.report.markdown import markdown
from gradconform.report.notebook import Run, load_run
from gradconform.report.page import page
from gradconform.report.summary import Summary, summary_of
from gradconform.report.terminal import terminal_summary
from gradconform.rows import Row

__all__ = [
    "Evidence", "FrameworkInfo", "NetworkInfo", "Run", "RunInfo", "Summary", "frame_of", "load_run", "read",
    "summary_of", "terminal_summary", "write", "write_frame",
]  # fmt: skip


def write(rows: Sequence[Row], run: RunInfo, folder: Path) -> None:
    """Write the run folder: the rows, the page, the summaries and the manifest, all of them or none."""
    write_frame(frame_of(rows), run, folder)


def write_frame(
    frame: pd.DataFrame, run: RunInfo, folder: Path, changes: Changes | None = None, evidence: Sequence[Evidence] = ()
) -> None:
    """The same from a frame, as `read` gives it. changes: since an earlier run; evidence: of the worst rows."""
    texts = {
        PAGE: page(frame, run, changes, evidence),
        SUMMARY: markdown(frame, run, changes),
        JUNIT: junit(frame, run),
        EVIDENCE: to_json(evidence),
        MANIFEST: run.to_json(),
    }
    write_whole(
        folder,
        {
            PARQUET: partial(write_parquet, frame),
            CSV: partial(write_csv, frame),
            **{name: partial(_write_text, text) for name, text in texts.items()},
        },
    )


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
