"""What failed, grouped by whose fault it is, and what a framework refused, grouped by its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from gradconform.rows import Blame, Row, Verdict

HOW = {
    Blame.NONE: "",
    Blame.JOINT: "These nodes read the same tensor and are blamed together: no second capture shows them apart.",
    Blame.APART: "Found in a second capture, with an identity before each reader; the figures are of the first.",
    Blame.SUM: "Each reader's own part is right in a second capture: it is their sum that is wrong.",
    Blame.FIRST: "In a second capture, with an identity before each reader, all is right: the gradient of the first "
    "capture was overwritten.",
}
"""How culprits were found, as a sentence."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one culprit in one network and one framework.

    framework, version, spec: where.
    culprit: the node or nodes to look at, joined by a space.
    ops: their operators.
    dtypes: in which it shows.
    rows: those that fail (or are known), the worst first.
    """

    framework: str
    version: str
    spec: str
    culprit: str
    ops: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes to look at; several where they read one tensor and are blamed together."""
        return tuple(self.culprit.split())

    @property
    def found(self) -> str:
        """How the nodes were found, where several read one tensor; empty where that was no question."""
        return HOW[min((row.blame for row in self.rows if row.blame), key=list(Blame).index, default=Blame.NONE)]

    @property
    def worst(self) -> Row:
        """The row that is furthest beyond its bound."""
        return self.rows[0]


@dataclass(frozen=True)
class Refusal:
    """What one framework could not do, in its own words.

    verdict: `unsupported` or `crashed`.
    framework, version: which one.
    reason: its words.
    ops, where, dtypes: the operators, places and dtypes in which it said so.
    rows: how many say so.
    """

    verdict: str
    framework: str
    version: str
    reason: str
    ops: tuple[str, ...]
    where: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: int


def faults_of(rows: Sequence[Row], ops: Mapping[tuple[str, str], str]) -> tuple[Fault, ...]:
    """What is wrong in these rows: one fault for each framework, network and culprit, the worst first.

    ops: (network, node) -> operator, as `operators_of` gives it.
    """
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        # A missing row that blames nobody lacks what another node failed to give: one entry for them all.
        culprit = row.culprit or (row.node if row.verdict != Verdict.MISSING else "")
        groups.setdefault((row.framework, row.version, row.spec, culprit), []).append(row)
    faults = [
        Fault(
            *key,
            ops=_operators(group, key[2], key[3], ops),
            dtypes=tuple(sorted({row.dtype for row in group})),
            rows=tuple(sorted(group, key=attrgetter("severity"), reverse=True)),
        )
        for key, group in groups.items()
    ]
    return tuple(sorted(faults, key=lambda fault: fault.worst.severity, reverse=True))


def _operators(group: Sequence[Row], spec: str, culprit: str, ops: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """The operators of culprits: those that their rows name, else those of the nodes of the same names."""
    named = _distinct(op for row in group for op in row.culprit_op.split())
    return named or _distinct(ops.get((spec, node), "") for node in culprit.split())


def operators_of(rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """(network, node) -> operator, of every node that a row speaks of."""
    return {(row.spec, row.node): row.op for row in rows if row.op}


def refusals_of(rows: Iterable[Row], verdict: Verdict) -> tuple[Refusal, ...]:
    """The rows of this verdict, one refusal for each framework and reason."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.verdict == verdict:
            groups.setdefault((row.framework, row.version, row.refused.sentence), []).append(row)
    return tuple(
        Refusal(
            verdict,
            framework,
            version,
            reason or "no reason given",
            ops=_distinct(row.op or row.refused.op for row in group),
            where=_distinct(f"{row.spec}: {row.node}" if row.node else row.spec for row in group),
            dtypes=_distinct(row.dtype for row in group),
            rows=len(group),
        )
        for (framework, version, reason), group in groups.items()
    )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))
