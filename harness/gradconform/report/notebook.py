"""A finished run in a notebook: its rows as a DataFrame, and those that a reader asks for first."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import pandas as pd

from gradconform.report.files import read
from gradconform.report.frame import rows_of

_FIRST = [
    "verdict",
    "spec",
    "node",
    "tensor",
    "check",
    "framework",
    "version",
    "dtype",
    "ratio",
    "worst_index",
    "got",
    "expected",
    "reason",
    "culprit",
]


def load_run(folder: str | PathLike[str]) -> pd.DataFrame:
    """The rows of a finished run folder, columns as in reports/README.md. Raises FileNotFoundError, ValueError."""
    return read(Path(folder))


def worst(frame: pd.DataFrame, n: int = 20) -> pd.DataFrame:
    """The n rows furthest from conforming, the worst first, in the columns that are read first.

    frame: what `load_run` gave, or rows selected from it.
    """
    severities = [row.severity for row in rows_of(frame)]
    ordered = sorted(range(len(frame)), key=severities.__getitem__, reverse=True)
    return frame.iloc[ordered[:n]][_FIRST]
