"""What fails no check and must be looked at all the same: NaN and infinity, and what rounding alone decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gradconform.contract.run import RunInfo
from gradconform.rows import CheckKind, Kind, Row
from gradconform.words import counted, listed

SHOWN = 4
"""Tensors that a sentence names."""


class DoubtKind(StrEnum):
    """Why something is to be looked at that nobody can call wrong."""

    NONFINITE = "nonfinite"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Doubt:
    """What is to be looked at in one network, in the frameworks in which it is the same.

    kind: why.
    spec: the network, case or behaviour.
    frameworks: names with versions.
    tensors: which, in the order in which they are computed.
    since: the node of the first of them.
    """

    kind: DoubtKind
    spec: str
    frameworks: tuple[str, ...]
    tensors: tuple[str, ...]
    since: str

    @property
    def sentence(self) -> str:
        """What is to be looked at, where it begins, and in which frameworks."""
        named = listed([*self.tensors[:SHOWN], *(["more"] if len(self.tensors) > SHOWN else [])])
        count, where = counted(len(self.tensors), "tensor"), f"in {listed(self.frameworks)}"
        if self.kind is DoubtKind.NONFINITE:
            return f"{self.spec}: NaN or infinity in {count} since {self.since} ({named}), {where}."
        return f"{self.spec}: rounding alone decides {count}, first of {self.since} ({named}), {where}: not judged."


def doubts_of(rows: Iterable[Row], run: RunInfo) -> tuple[Doubt, ...]:
    """What is to be looked at in these rows: by kind, then by network, one for the frameworks that agree."""
    place = {network.name: {name: i for i, (name, _) in enumerate(network.nodes)} for network in run.networks}
    groups: dict[tuple[DoubtKind, str], dict[str, list[Row]]] = {}
    for row in rows:
        for kind in _kinds(row):
            group = groups.setdefault((kind, row.spec), {})
            group.setdefault(f"{row.framework} {row.version}".strip(), []).append(row)
    return tuple(
        doubt
        for (kind, spec), group in sorted(groups.items(), key=lambda item: item[0])
        for doubt in _doubts(kind, spec, group, place.get(spec, {}))
    )


def tensors_in(doubts: Iterable[Doubt], kind: DoubtKind) -> int:
    """How many tensors of networks are in doubt for this reason, in whatever framework."""
    return len({(doubt.spec, tensor) for doubt in doubts if doubt.kind is kind for tensor in doubt.tensors})


def _kinds(row: Row) -> Iterable[DoubtKind]:
    if row.n_nonfinite and row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT):
        yield DoubtKind.NONFINITE
    if row.undecided:
        yield DoubtKind.UNDECIDED


def _doubts(kind: DoubtKind, spec: str, group: Mapping[str, Sequence[Row]], place: Mapping[str, int]) -> list[Doubt]:
    same: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for framework, rows in group.items():
        if all(row.verdict.wrong for row in rows):
            # What is out of place is a finding already.
            continue
        ordered = sorted(rows, key=lambda row: _computed(row, place))
        tensors = tuple(dict.fromkeys(row.tensor for row in ordered))
        same.setdefault((tensors, ordered[0].node), []).append(framework)
    return [Doubt(kind, spec, tuple(names), tensors, since) for (tensors, since), names in same.items()]


def _computed(row: Row, place: Mapping[str, int]) -> tuple[bool, int, str]:
    """Sort key of a row: outputs from the first node on, then gradients from the last node back."""
    backward, at = row.kind is not Kind.OUTPUT, place.get(row.node, 0)
    return backward, -at if backward else at, row.tensor
