"""What a faulty node does to the network as a whole: the error end to end, beside that of the other frameworks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gradconform.contract.run import RunInfo
from gradconform.report.faults import Fault
from gradconform.rows import CheckKind, Kind, Row
from gradconform.words import figure

Column = tuple[str, str, str, str]
"""Spec, framework, version, dtype."""


@dataclass(frozen=True)
class Ends:
    """The rows end to end of a run, and the graphs of its networks.

    rows: (network, framework, version, dtype) -> rows.
    output: network -> its last node.
    edges: network -> pairs of a tensor and a node that reads it.
    """

    rows: Mapping[Column, tuple[Row, ...]]
    output: Mapping[str, str]
    edges: Mapping[str, Sequence[tuple[str, str]]]

    @classmethod
    def of(cls, rows: Iterable[Row], run: RunInfo) -> Ends:
        """Picks the rows end to end out of all rows of a run, and takes the graphs from its manifest."""
        ends: dict[Column, list[Row]] = {}
        for row in rows:
            if row.check.kind == CheckKind.END_TO_END:
                ends.setdefault((row.spec, row.framework, row.version, row.dtype), []).append(row)
        output = {network.name: network.nodes[-1][0] for network in run.networks if network.nodes}
        edges = {network.name: network.edges for network in run.networks}
        return cls({key: tuple(group) for key, group in ends.items()}, output, edges)


def consequence(fault: Fault, ends: Ends) -> list[str]:
    """What a fault does to the network, a sentence for each of two tensors; empty where nothing was measured.

    These are the network's output, and the worst of the tensors that the fault reaches.
    """
    row = fault.worst
    mine = ends.rows.get((row.spec, row.framework, row.version, row.dtype), ())
    felt = Felt.of(fault, ends.edges.get(fault.spec, ())) if mine else None
    reached = [end for end in mine if felt is not None and felt.by(end)]
    output = [end for end in mine if end.tensor == f"output/{ends.output.get(row.spec)}"]
    worst = max(reached, key=_error, default=None)
    shown = [*output, *([worst] if worst is not None and worst not in output else [])]
    return [_said(end, ends) for end in shown]


@dataclass(frozen=True)
class Felt:
    """Where a fault can be felt: two walks over the graph answer for every tensor.

    nodes: those at fault. below: they and all that depends on them; empty where no output is wrong. above: all that
    they depend on.
    """

    nodes: frozenset[str]
    below: frozenset[str]
    above: frozenset[str]

    @classmethod
    def of(cls, fault: Fault, edges: Iterable[tuple[str, str]]) -> Felt:
        """Where a fault can be felt in a network. edges: pairs of a tensor and a node that reads it."""
        readers: dict[str, list[str]] = {}
        reads: dict[str, list[str]] = {}
        for read, reader in edges:
            readers.setdefault(read, []).append(reader)
            reads.setdefault(reader, []).append(read)
        forward = any(row.kind == Kind.OUTPUT for row in fault.rows)
        above = _reached((read for node in fault.nodes for read in reads.get(node, ())), reads)
        return cls(frozenset(fault.nodes), _reached(fault.nodes if forward else (), readers), above)

    def by(self, end: Row) -> bool:
        """Whether a tensor can feel it.

        A wrong output: what depends on it, and every gradient. A wrong gradient: those of all that it depends on.
        """
        if end.kind == Kind.OUTPUT:
            return end.node in self.below
        # A parameter's gradient comes out of its node's own backward, that of a tensor out of its readers'.
        if end.kind == Kind.GRAD_PARAM:
            return bool(self.below) or end.node in self.above or end.node in self.nodes
        return bool(self.below) or end.tensor.partition("/")[2] in self.above


def _reached(start: Iterable[str], onward: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """These names and all that a walk comes to from them."""
    reached = set(start)
    left = list(reached)
    while left:
        new = set(onward.get(left.pop(), ())) - reached
        reached |= new
        left += new
    return frozenset(reached)


def _error(row: Row) -> float:
    return row.max_rel_err if row.max_rel_err == row.max_rel_err else float("inf")


def _said(end: Row, ends: Ends) -> str:
    """One tensor's relative error in words, and the smallest that another framework has in the same place."""
    others = [
        (_error(row), row.framework)
        for key, rows in ends.rows.items()
        if (key[0], key[3]) == (end.spec, end.dtype) and key[1:3] != (end.framework, end.version)
        for row in rows
        if row.tensor == end.tensor
    ]
    beside = f" ({min(others)[1]} {figure(min(others)[0])})" if others else ""
    error = _error(end)
    if error == 0:
        return f"{end.tensor} is right to the bit{beside}"
    far = figure(error) if error < float("inf") else "more than any figure (NaN, infinity or another shape)"
    return f"{end.tensor} is off by {far} of its largest element{beside}"
