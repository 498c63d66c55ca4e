"""The table of what differs: as rows, in a file that is kept, and as text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.atlas.differences import Difference, Kind
from gradconform.atlas.measured import Measured
from gradconform.words import counted, listed, printable, without_paths


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
    digits: how many decimal digits are right in the worst element that differs; empty where that is no matter of digits.
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


INTRODUCTION = """\
# The atlas of what differs

Who ports a network from one framework to another reads this first: where an operator, at one of its edges or with nothing said of an attribute, gives something
else than the stated convention of the reference ([specs.md](specs.md)). Edges are kinks and ties, ends of domains, zeros and their signs, infinities, NaN, and magnitudes at which plain
formulas overflow or cancel. Every number is measured and none is written by hand; of which kind a difference is, a person decided. The same as a table for machines: [atlas.csv](atlas.csv).

    gradconform atlas                                       # measure all, in the frameworks that are there
    gradconform atlas gelu --adapter torch                  # one operator in one framework
    gradconform atlas --script gelu.far_below --adapter torch    # the few lines that show it, which need torch and NumPy alone
    gradconform atlas --out docs                            # write this page and the table

`specs/atlas/` holds the conditions, `specs/atlas/differences/` what is known to differ. A difference that nobody has classified makes the command fail (*new*), and so
does one that no longer shows (*vanished*). What all frameworks do as the reference says stands in no row.
"""


def markdown(rows: Sequence[Row]) -> str:
    """The page of the atlas."""
    reasons = {row.reason: row for row in rows}
    versions = sorted({(row.framework, row.version) for row in rows})
    parts = [INTRODUCTION, _counts(rows, versions), "## By operator\n"]
    parts.append(
        "Of tensors of more than three elements those that differ are shown, three at most. *digits*: how many decimal digits are right in the worst of them.\n"
    )
    parts.append("| operator | condition | framework | tensor | gives | reference | digits | kind | why |\n" + "|---" * 9 + "|")
    parts += [_line(row) for row in rows]
    parts.append("\n## Why")
    for kind in Kind:
        of_kind = sorted((row for row in reasons.values() if row.kind == kind), key=lambda row: _natural(row.reason))
        parts.append(f"\n### {kind.capitalize()}\n\n{kind.about.capitalize()}.\n")
        parts += [_reason(row, rows) for row in of_kind]
    return "\n".join(parts) + "\n"


def _counts(rows: Sequence[Row], versions: Sequence[tuple[str, str]]) -> str:
    lines = ["| kind | means | " + " | ".join(f"{name} {version}" for name, version in versions) + " |"]
    lines.append("|---" * (len(versions) + 2) + "|")
    for kind in Kind:
        counts = [str(places(r for r in rows if r.kind == kind and r.framework == name)) for name, _ in versions]
        lines.append(f"| **{kind}** | {kind.about} | {' | '.join(counts)} |")
    total = f"{counted(places(rows), 'pair')} of a condition and a framework, {counted(len(rows), 'tensor')}"
    return "\n".join(lines) + f"\n\n{total}.\n"


def _line(row: Row) -> str:
    gives, reference = briefly(row)
    cells = [
        row.operator,
        row.at + ("" if row.dtype == "float32" else f" ({row.dtype})"),
        row.framework,
        f"`{row.tensor}`",
        gives,
        reference,
        row.digits,
        row.kind,
        f"[{row.reason}](#{row.reason})",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _reason(row: Row, rows: Sequence[Row]) -> str:
    link = f" [Said here]({row.link})." if row.link else ""
    operators = listed(dict.fromkeys(each.operator for each in rows if each.reason == row.reason))
    return f'- <a id="{row.reason}"></a>**{row.reason}**, {row.framework} {row.version}, {operators}: {row.says}{link}'


def _natural(key: str) -> tuple[str, int]:
    name, _, number = key.rpartition("-")
    return name, int(number)


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
