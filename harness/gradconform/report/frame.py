"""Rows to one DataFrame: every writer starts from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from gradconform.rows import COLUMNS, Row, Verdict

NUMBERS = tuple(field.name for field in fields(Row) if field.type == "float")
COUNTS = tuple(field.name for field in fields(Row) if field.type == "int")
TEXTS = tuple(name for name in COLUMNS if name not in NUMBERS + COUNTS)
DTYPES = (
    dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(COUNTS, "int64") | dict.fromkeys(TEXTS, "string")
)  # fmt: skip

SORTED_BY = [
    "spec",
    "framework",
    "version",
    "route",
    "dtype",
    "check",
    "node",
    "tensor",
    "kind",
    "verdict",
    "reason",
]

# Columns in other people's words. The rest are figures, and names that were validated with the spec.
FREE_TEXT = ("version", "reason")
_FORMULA = re.compile(r"[=+\-@\t\r]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """One line for each row, columns as in `Row`, sorted, so that two runs can be compared line by line."""
    frame = pd.DataFrame(
        {name: [_clean(name, getattr(row, name)) for row in rows] for name in COLUMNS}, columns=list(COLUMNS)
    )
    return typed(frame).sort_values(SORTED_BY, kind="stable", ignore_index=True)


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the dtypes that all frames of rows have. Raises ValueError at an unknown verdict."""
    unknown = sorted(set(frame["verdict"].astype("string")) - set(Verdict))
    if unknown:
        # A word that no writer knows would be counted nowhere.
        raise ValueError(f"verdict {unknown[0]!r}; expected one of {', '.join(Verdict)}; correct the judge")
    return frame.astype(DTYPES)


def _clean(column: str, value: object) -> object:
    if column not in TEXTS:
        return value
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _ANSI.sub("", str(value)))
    # A spreadsheet evaluates a cell that begins like a formula, quoted or not; an apostrophe makes it text.
    return f"'{text}" if column in FREE_TEXT and _FORMULA.match(text) else text
