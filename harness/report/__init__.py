"""Rows to the files that people and tools read. Only here are pandas, pyarrow and jinja2 imported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from harness.judge.rows import Row
from harness.report.files import CSV, MANIFEST, PAGE, PARQUET, read, write_csv, write_parquet, write_whole
from harness.report.frame import frame_of
from harness.report.page import page
from harness.report.run import FrameworkInfo, NetworkInfo, RunInfo
from harness.report.summary import Summary, summary_of
from harness.report.terminal import terminal_summary

__all__ = [
    "FrameworkInfo", "NetworkInfo", "RunInfo", "Summary", "frame_of", "read", "summary_of",
    "terminal_summary", "write", "write_frame",
]  # fmt: skip


def write(rows: Sequence[Row], run: RunInfo, folder: Path) -> None:
    """Write the run folder: `diff.csv`, `diff.parquet`, `index.html` and `run.json`, all of them or none."""
    write_frame(frame_of(rows), run, folder)


def write_frame(frame: pd.DataFrame, run: RunInfo, folder: Path) -> None:
    """The same from a frame, as `read` gives it."""
    html, manifest = page(frame, run), run.to_json()
    write_whole(
        folder,
        {
            PARQUET: partial(write_parquet, frame),
            CSV: partial(write_csv, frame),
            PAGE: lambda path: path.write_text(html, encoding="utf-8"),
            MANIFEST: lambda path: path.write_text(manifest, encoding="utf-8"),
        },
    )
