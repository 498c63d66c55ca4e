"""What a faulty node does to the network as a whole: the error end to end, beside that of the other frameworks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    readers: network -> tensor -> the nodes that read it.
    """

    rows: Mapping[Column, tuple[Row, ...]]
    output: Mapping[str, str]
    readers: Mapping[str, Mapping[str, tuple[str, ...]]]

    @classmethod
    def of(cls, rows: Iterable[Row], run: RunInfo) -> Ends:
        """Picks the rows end to end out of all rows of a run, and takes the graphs from its manifest."""
        ends: dict[Column, list[Row]] = {}
        for row in rows:
            if row.check.kind == CheckKind.END_TO_END:
                ends.setdefault((row.spec, row.framework, row.version, row.dtype), []).append(row)
        readers: dict[str, dict[str, tuple[str, ...]]] = {}
        for network in run.networks:
            of = readers.setdefault(network.name, {})
            for read, reader in network.edges:
                of[read] = (*of.get(read, ()), reader)
        output = {network.name: network.nodes[-1][0] for network in run.networks if network.nodes}
        return cls({key: tuple(group) for key, group in ends.items()}, output, readers)


def consequence(fault: Fault, ends: Ends) -> list[str]:
    """What a fault does to the network, a sentence for each of two tensors; empty where nothing was measured.

    These are the network's output, and the worst of the tensors that the fault reaches.
    """
    row = fault.worst
    mine = ends.rows.get((row.spec, row.framework, row.version, row.dtype), ())
    reached = [end for end in mine if _reaches(fault, end, ends)]
    output = [end for end in mine if end.tensor == f"output/{ends.output.get(row.spec)}"]
    worst = max(reached, key=_error, default=None)
    shown = [*output, *([worst] if worst is not None and worst not in output else [])]
    return [_said(end, ends) for end in shown]


def _reaches(fault: Fault, end: Row, ends: Ends) -> bool:
    """Whether a fault can be felt in the tensor of a row end to end.

    A wrong output is felt in what depends on it, and in every gradient; a wrong gradient in those of all that it
    depends
    on.
    """
    readers = ends.readers.get(fault.spec, {})
    forward = any(row.kind == Kind.OUTPUT for row in fault.rows)
    if end.kind == Kind.OUTPUT:
        return forward and end.node in _below(fault.nodes, readers)
    name = end.tensor.partition("/")[2]
    # A parameter's gradient comes out of its node's own backward, that of a tensor out of its readers'.
    after = _below([end.node], readers) if end.kind == Kind.GRAD_PARAM else _below([name], readers) - {name}
    return forward or bool(after & set(fault.nodes))


def _below(nodes: Iterable[str], readers: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Some nodes and all that depend on them."""
    below, left = set(nodes), list(nodes)
    while left:
        new = set(readers.get(left.pop(), ())) - below
        below |= new
        left += new
    return below


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
