"""The table of what differs: as rows, in a file that is kept, and as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.atlas.differences import Difference, Kind
from gradconform.atlas.measured import Measured
from gradconform.words import printable, without_paths


@dataclass(frozen=True, order=True)
class Row:
    """One tensor of an operator under one condition that a framework gives otherwise than the reference.

    operator, condition: which; the condition as `<operator>.<key>`.
    framework, version: of which.
    tensor: `output`, `grad/x`, or `all` where an error is in question.
    at: the condition in words.
    dtype: in which.
    kind: of which kind the difference is.
    gives: what the framework gives, as nested lists, or its error.
    reference: what the reference gives, rounded to the dtype, or `refuses` where nothing is right but an error.
    digits: how many decimal digits are right in the worst element that differs; empty where that says nothing.
    reason: the key of what is said of it, which several rows share.
    says, link: that.
    """

    operator: str
    condition: str
    framework: str
    version: str
    tensor: str
    at: str
    dtype: str
    kind: str
    gives: str
    reference: str
    digits: str
    reason: str
    says: str
    link: str


COLUMNS = tuple(field.name for field in fields(Row))
REFUSES = "refuses"


def rows_of(shown: Iterable[tuple[Measured, Difference]]) -> tuple[Row, ...]:
    """The rows of what was measured and classified, in the order of the table."""
    return tuple(sorted(_row(measured, difference) for measured, difference in shown))


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as a file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return out.getvalue()


def from_csv(text: str) -> tuple[Row, ...]:
    """The rows of a file. Raises ValueError where it has other columns."""
    head, *lines = list(csv.reader(io.StringIO(text))) or [[]]
    if tuple(head) != COLUMNS:
        raise ValueError(f"columns are {', '.join(head)}; expected {', '.join(COLUMNS)}")
    return tuple(Row(*line) for line in lines)


def places(rows: Iterable[Row]) -> int:
    """How many pairs of a condition and a framework the rows are of."""
    return len({(row.condition, row.framework) for row in rows})


MOST = 3
"""So many elements are shown on the page."""


def briefly(row: Row) -> tuple[str, str]:
    """What a framework gives and what the reference does, the elements alone that differ."""
    if row.tensor == "all" or not row.gives.startswith("["):
        return row.gives, _first(row.reference)
    ours, theirs = _flat(row.reference), _flat(row.gives)
    if len(ours) != len(theirs) or len(ours) <= MOST:
        return _first(row.gives), _first(row.reference)
    differing = [i for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) if a != b]
    # Neighbours to the last bit are no part of it.
    far = [i for i in differing if not _close(theirs[i], ours[i])] or differing
    more = ", …" if len(far) > MOST else ""
    return ", ".join(theirs[i] for i in far[:MOST]) + more, ", ".join(ours[i] for i in far[:MOST]) + more


def _close(one: str, other: str) -> bool:
    a, b = float(one), float(other)
    return abs(a - b) <= 3e-6 * max(abs(a), abs(b))


def _first(text: str) -> str:
    numbers = _flat(text)
    if not text.startswith("[") and "(" not in text:
        return text
    if text.startswith("shape"):
        return text
    return ", ".join(numbers[: 2 * MOST]) + (", …" if len(numbers) > 2 * MOST else "")


def _flat(text: str) -> list[str]:
    return [word for word in re.split(r"[\[\], ]+", text) if word]


def _row(measured: Measured, difference: Difference) -> Row:
    condition = measured.condition
    return Row(
        operator=condition.operator,
        condition=condition.name,
        framework=measured.framework,
        version=measured.version,
        tensor=measured.tensor,
        at=condition.at,
        dtype=condition.dtype,
        kind=str(difference.kind),
        gives=_gives(measured),
        reference=_reference(measured),
        digits=_digits(measured) if difference.kind in (Kind.FAULT, Kind.ACCURACY) else "",
        reason=difference.key,
        says=difference.says,
        link=difference.link,
    )


def described(measured: Measured) -> str:
    """What a framework gives and what the reference does, in short."""
    return f"gives {_gives(measured)}, the reference {_reference(measured)}"


def _digits(measured: Measured) -> str:
    return "" if measured.digits is None else f"{int(measured.digits)}"


def _gives(measured: Measured) -> str:
    if measured.got is None:
        if measured.error == "none":
            return "no gradient"
        return "raises " + _short(measured.error)
    wrong_shape = measured.expected is not None and measured.got.shape != measured.expected.shape
    shape = f"shape {list(measured.got.shape)}: " if wrong_shape else ""
    return shape + numbers(measured.got, measured.condition.dtype)


def _reference(measured: Measured) -> str:
    if measured.expected is not None:
        return numbers(measured.expected, measured.condition.dtype)
    return REFUSES if measured.condition.refused else "numbers"


def numbers(array: NDArray[Any], dtype: str) -> str:
    """Nested lists of the shortest numbers that tell a dtype's numbers apart."""
    with np.errstate(all="ignore"):
        kept = array.astype(dtype)

    def nested(part: NDArray[Any]) -> str:
        return f"[{', '.join(map(nested, part))}]" if part.ndim else str(part[()])

    return nested(kept)


def _short(error: str) -> str:
    """What a framework says, without the paths of the machine it was built on, and its first words alone."""
    text = " ".join(printable(without_paths(error)).replace("|", "/").replace("`", "'").split())
    return text if len(text) <= 90 else text[:87].rstrip() + "…"
