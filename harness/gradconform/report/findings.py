"""What is wrong in a run, one finding for all the nodes that show the same: a framework, its operators and the kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gradconform.dtypes import FLOAT64, known
from gradconform.reasons import SENTENCE, Code
from gradconform.report.faults import Fault
from gradconform.rows import CheckKind, Row, Verdict

ENOUGH_DIGITS = 1.5
"""Where every element beyond its bound has so many right digits, the law is right and accuracy is lost."""

WORST = 3
"""Nodes that the card of a finding names; the rest are in its list."""


class FaultKind(StrEnum):
    """What kind of fault it is, in the words of a card; in a node that shows several, the first of them counts."""

    SHAPE = "wrong shape"
    DTYPE = "wrong dtype"
    NONFINITE = "NaN or infinity out of place"
    LAW = "wrong law"
    BOUND = "no finite bound"
    BEHAVIOUR = "another behaviour"
    NUMERIC = "not the derivative of its own forward"
    ACCURACY = "loss of accuracy"
    OTHER = "another fault"
    MISSING = "missing"
    UNJUDGED = "not judged"
    VANISHED = "listed divergence vanished"


_OF_CODE = {
    Code.SHAPE: FaultKind.SHAPE,
    Code.DTYPE: FaultKind.DTYPE,
    Code.NONFINITE: FaultKind.NONFINITE,
    Code.BOUND: FaultKind.BOUND,
    Code.VANISHED: FaultKind.VANISHED,
}
_GRAVEST = list(FaultKind)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in one framework, with every node that shows it.

    framework: which one.
    versions: those in which it shows.
    ops: the operators of the nodes to look at; empty where no node is to blame.
    kind: what kind of fault it is.
    detail: which check or reason it is of, where the kind does not say it.
    listed: what a list of known divergences says of it; empty where it is news.
    faults: the nodes that show it, the worst first.
    """

    framework: str
    versions: tuple[str, ...]
    ops: tuple[str, ...]
    kind: FaultKind
    detail: str
    listed: str
    faults: tuple[Fault, ...]

    @property
    def worst(self) -> Row:
        """The row that is furthest beyond its bound."""
        return self.faults[0].worst

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks in which it shows, that of the worst node first."""
        return tuple(dict.fromkeys(fault.spec for fault in self.faults))

    @property
    def digits(self) -> float:
        """How many decimal digits are right where the fewest are; NaN where nothing of it has digits."""
        every = [row.digits for fault in self.faults for row in fault.rows if math.isfinite(row.digits)]
        return min(every, default=math.nan)

    @property
    def in_short(self) -> str:
        """The kind with its detail, such as `missing (graph_cut)` or `loss of accuracy (2.8 digits left)`."""
        left = f"{self.digits:.1f} digits left" if self.kind is FaultKind.ACCURACY else ""
        more = "; ".join(filter(None, (self.detail, left)))
        return f"{self.kind} ({more})" if more else str(self.kind)

    @property
    def sentence(self) -> str:
        """What the kind means here: wrong by any reading, or so many digits left of those that the dtype has."""
        detail = f" ({self.detail.replace('_', ' ')})" if self.detail else ""
        if self.kind is FaultKind.ACCURACY:
            # Of the row with the fewest digits.
            rows = [row for fault in self.faults for row in fault.rows if row.digits == self.digits]
            dtype = known(rows[0].dtype) or FLOAT64
            whole = -math.log10(dtype.roundoff)
            left = f"{self.digits:.1f} of the {whole:.1f} digits of {dtype.name} are left where it is worst"
            return f"Loss of accuracy{detail}: the law is right, and {left}."
        if self.kind is FaultKind.LAW and math.isfinite(self.digits):
            count = f"{self.digits:.1f} digits are" if self.digits >= 0.1 else "no digit is"
            return f"Wrong law{detail}: where it is worst {count} right, which no loss of accuracy explains."
        return f"{self.kind[0].upper()}{self.kind[1:]}{detail}."


def findings_of(faults: Iterable[Fault]) -> tuple[Finding, ...]:
    """The findings that some faults come to, those with the worst node first."""
    groups: dict[tuple[str, tuple[str, ...], FaultKind, str, str], list[Fault]] = {}
    for fault in faults:
        kind, row = _kind_and_row(fault.rows)
        listed = row.reason.partition(SENTENCE)[2] if row.verdict == Verdict.KNOWN else ""
        key = (fault.framework, tuple(sorted(fault.ops)), kind, _detail(kind, row), listed)
        groups.setdefault(key, []).append(fault)
    findings = [
        Finding(framework, tuple(dict.fromkeys(f.version for f in group)), ops, kind, detail, listed, tuple(group))
        for (framework, ops, kind, detail, listed), group in groups.items()
    ]
    return tuple(sorted(findings, key=lambda finding: finding.worst.severity, reverse=True))


def kind_of(row: Row) -> FaultKind:
    """What kind of fault one row that fails shows."""
    if row.verdict == Verdict.MISSING:
        return FaultKind.MISSING if row.culprit else FaultKind.UNJUDGED
    if row.reason.code in _OF_CODE:
        return _OF_CODE[row.reason.code]
    if row.check.kind in (CheckKind.SEMANTICS, CheckKind.CLAIM):
        return FaultKind.BEHAVIOUR
    if row.check.kind == CheckKind.NUMERIC:
        return FaultKind.NUMERIC
    if row.reason.code in (Code.VALUE, Code.NOT_BITWISE):
        return FaultKind.ACCURACY if row.digits >= ENOUGH_DIGITS else FaultKind.LAW
    return FaultKind.OTHER


def _kind_and_row(rows: Sequence[Row]) -> tuple[FaultKind, Row]:
    """The gravest kind of fault that these rows show, and the worst row that shows it. rows: the worst first."""
    row = min(rows, key=lambda row: _GRAVEST.index(kind_of(row)))
    return kind_of(row), row


def _detail(kind: FaultKind, row: Row) -> str:
    if kind in (FaultKind.MISSING, FaultKind.UNJUDGED):
        return str(row.reason.code or "")
    if kind is FaultKind.BEHAVIOUR:
        return row.answered.word.partition(" ")[0]
    return "" if row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT, CheckKind.NUMERIC) else str(row.check)
