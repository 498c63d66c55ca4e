"""How |error| / bound is spread over the tensors of each operator, and which bounds are too wide by that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradconform.reference import OPERATORS
from gradconform.rows import CheckKind, Row, Verdict

LEAST = 0.01
"""An operator that stays further below its bound in all of its cases has a bound that would hide a real loss."""


@dataclass(frozen=True)
class Ratios:
    """The ratios of one operator in one framework, over all tensors that the local check judged.

    op, framework: which.
    rows: how many tensors.
    lower, median, upper: the quartiles.
    largest: the ratio of the worst tensor, infinite where that is wrong beyond all bounds.
    """

    op: str
    framework: str
    rows: int
    lower: float
    median: float
    upper: float
    largest: float


def ratios_of(rows: Iterable[Row]) -> tuple[Ratios, ...]:
    """The spread of each operator in each framework, operators in alphabetical order."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.check.kind == CheckKind.LOCAL and row.verdict.judged and row.ratio == row.ratio:
            # What is wrong counts with the operator that did it, as everywhere in the report.
            for op in row.culprit_op.split() or [row.op] * bool(row.op):
                found.setdefault((op, row.framework), []).append(row.ratio)
    return tuple(
        Ratios(*place, len(ratios), *quartiles(ratios), max(ratios)) for place, ratios in sorted(found.items())
    )


def quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Ratios that occur, of which a quarter, a half and three quarters are no larger."""
    ordered = sorted(ratios)
    lower, median, upper = (ordered[(len(ordered) - 1) * quarter // 4] for quarter in (1, 2, 3))
    return lower, median, upper


def too_wide(rows: Iterable[Row], least: float = LEAST) -> dict[str, float]:
    """Operator -> its largest honest ratio, where that is below `least` in every framework and dtype.

    An operator that only moves numbers has no error; of one that rounds, some case must come near its bound.
    """
    largest: dict[str, float] = {}
    for row in rows:
        honest = row.check.kind == CheckKind.LOCAL and row.verdict == Verdict.CONFORMS and row.ratio == row.ratio
        if honest and row.op in OPERATORS and not OPERATORS[row.op].moves:
            largest[row.op] = max(largest.get(row.op, 0.0), row.ratio)
    return {op: ratio for op, ratio in sorted(largest.items()) if ratio < least}
