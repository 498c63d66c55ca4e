"""Per network: the error end to end, against the reference and between frameworks. Measured, never judged."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradconform.dtypes import known
from gradconform.rows import CheckKind, Kind, Row

Column = tuple[str, str, str]
"""Framework, version, dtype."""

ERROR_STEPS = (16.0, 1024.0, 1_048_576.0)
"""Where the shades of an error change, in units of roundoff of the dtype. A shade, not a judgement."""


@dataclass(frozen=True)
class ErrorCell:
    """The error of one tensor in one framework and dtype.

    row: the worst of its routes; None where none was measured.
    level: how large the error is, for the colour.
    """

    row: Row | None
    level: str


@dataclass(frozen=True)
class ErrorLine:
    """The errors of one tensor.

    tensor: its name.
    cells: in the order of the columns.
    """

    tensor: str
    cells: tuple[ErrorCell, ...]


@dataclass(frozen=True)
class Between:
    """The tensor in which two frameworks differ most.

    row: the row that says so.
    other: the second framework.
    tensors: how many tensors were compared.
    """

    row: Row
    other: str
    tensors: int


def columns_of(row: Row, columns: Iterable[Column]) -> list[Column]:
    """The columns that a row speaks of; what failed before its version or dtype was known speaks of all it could be."""
    return [
        (name, version, dtype)
        for name, version, dtype in columns
        if row.framework == name and row.version in ("", version) and row.dtype in ("", dtype)
    ]


def errors_of(rows: Iterable[Row], nodes: Sequence[str], columns: Sequence[Column]) -> tuple[ErrorLine, ...]:
    """The errors of each tensor end to end: outputs before gradients, each in the order of the nodes."""
    place = {node: i for i, node in enumerate(nodes)}
    cells_of: dict[str, dict[Column, Row]] = {}
    where: dict[str, tuple[bool, int, str]] = {}
    for row in rows:
        if row.check.kind != CheckKind.END_TO_END or not row.tensor:
            continue
        where[row.tensor] = (row.kind != Kind.OUTPUT, place.get(row.node, len(place)), row.tensor)
        cells = cells_of.setdefault(row.tensor, {})
        for column in columns_of(row, columns):
            cells[column] = max(cells.get(column, row), row, key=_relative)
    return tuple(
        ErrorLine(tensor, tuple(_cell(cells_of[tensor].get(column)) for column in columns))
        for tensor in sorted(cells_of, key=lambda tensor: where[tensor])
    )


def between_of(rows: Iterable[Row]) -> tuple[Between, ...]:
    """The largest difference of each pair of frameworks in each dtype, whichever was compared with the other."""
    groups: dict[tuple[frozenset[str], str], list[Row]] = {}
    for row in rows:
        if row.check.kind == CheckKind.CROSS:
            groups.setdefault((frozenset((row.framework, row.check.of)), row.dtype), []).append(row)
    worst = {key: max(group, key=_relative) for key, group in groups.items()}
    return tuple(Between(row, row.check.of, len({r.tensor for r in groups[key]})) for key, row in worst.items())


def _relative(row: Row) -> tuple[bool, float]:
    """Sort key of a row: what could not be compared at all is larger than any figure."""
    incomparable = row.max_rel_err != row.max_rel_err
    return incomparable, 0.0 if incomparable else row.max_rel_err


def _cell(row: Row | None) -> ErrorCell:
    if row is None or (dtype := known(row.dtype)) is None:
        return ErrorCell(row, "e0")
    incomparable, error = _relative(row)
    step = len(ERROR_STEPS) if incomparable else bisect.bisect_right(ERROR_STEPS, error / dtype.roundoff)
    return ErrorCell(row, f"e{step}")
