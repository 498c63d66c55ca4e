"""Rows as a DataFrame and back: for CSV, for Parquet and for notebooks, and for nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from gradconform.rows import COLUMNS, COUNTS, NUMBERS, ORDER, TEXTS, Row, Verdict
from gradconform.words import printable

DTYPES = dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(COUNTS, "int64") | dict.fromkeys(TEXTS, "string")

# Columns in other people's words. The rest are figures, and names that were validated with the spec.
FREE_TEXT = ("version", "reason")
_FORMULA = re.compile(r"[=+\-@\t\r]")


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """One line for each row, columns as in `Row`, sorted, so that two runs can be compared line by line."""
    frame = pd.DataFrame(
        {name: [clean(name, getattr(row, name)) for row in rows] for name in COLUMNS}, columns=list(COLUMNS)
    )
    return typed(frame).sort_values(list(ORDER), kind="stable", ignore_index=True)


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows of a frame. Raises ValueError at a verdict, kind or check that there is not."""
    return [Row(*values) for values in frame.astype(object).itertuples(index=False, name=None)]


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the dtypes that all frames of rows have. Raises ValueError at an unknown verdict."""
    unknown = sorted(set(frame["verdict"].astype("string")) - set(Verdict))
    if unknown:
        # A word that no writer knows would be counted nowhere.
        raise ValueError(f"verdict {unknown[0]!r}; expected one of {', '.join(Verdict)}; correct the judge")
    return frame.astype(DTYPES)


def clean(column: str, value: object) -> object:
    """A value as it stands in a file of rows: a text fit to be printed, and no formula of a spreadsheet."""
    if column not in TEXTS:
        return value
    text = printable(str(value))
    # A spreadsheet evaluates a cell that begins like a formula, quoted or not; an apostrophe makes it text.
    return f"'{text}" if column in FREE_TEXT and _FORMULA.match(text) else text
