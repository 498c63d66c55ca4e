"""What a framework wrote into that is not its own, and what it gave otherwise when it ran once more.

The worker looks, and says in capture.json what differs. Where nothing does there is no row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradconform.contract import Capture, Problem
from gradconform.contract.forms import Difference
from gradconform.graph import Address, Node
from gradconform.judge.judgement import row_of
from gradconform.reasons import Code, Reason, detailed
from gradconform.rows import Blame, Check, CheckKind, Kind, Row, Verdict


def rows(problem: Problem, capture: Capture) -> Iterator[Row]:
    """A row for each tensor of the problem that was written into, and for each that a second run gave otherwise."""
    for tensor, difference in capture.changed.items():
        name = tensor.partition("/")[2]
        readers = [node.name for node in problem.graph.readers.get(name, ())]
        culprits = [problem.output] if tensor == f"cotangent/{problem.output}" else readers
        node = culprits[0] if culprits else ""
        row = row_of(problem, capture, node=node, tensor=tensor, kind=Kind.NONE, check=Check(CheckKind.UNCHANGED))
        row = _with(row, difference, problem.graph.shape(name), Code.WRITTEN_INTO)
        yield replace(row, culprit=" ".join(culprits), blame=Blame.JOINT if len(culprits) > 1 else Blame.NONE)
    yield from _repeated(problem, capture)


def _repeated(problem: Problem, capture: Capture) -> Iterator[Row]:
    """Where a tensor differs of which something that it is computed from differs too, the nodes behind that did it."""
    blamed: dict[str, list[str]] = {}
    for address in _in_order(problem) if capture.repeated else ():
        if address.tensor not in capture.repeated:
            continue
        nodes = _made_by(problem, address)
        reads = [read for node in nodes for read in _read(node, address)]
        before = [name for read in reads for name in blamed.get(read, ())]
        blamed[address.tensor] = list(dict.fromkeys(before or [node.name for node in nodes]))
        row = row_of(
            problem,
            capture,
            node=address.node,
            tensor=address.tensor,
            kind=Kind(address.kind),
            check=Check(CheckKind.REPEAT),
        )
        row = _with(row, capture.repeated[address.tensor], address.shape, Code.NOT_REPEATED)
        joint = not before and len(nodes) > 1
        culprit = " ".join(blamed[address.tensor])
        yield replace(row, culprit=culprit, blame=Blame.JOINT if joint else Blame.NONE)


def _in_order(problem: Problem) -> list[Address]:
    """All that is captured, each after what it is computed from: outputs forward, then gradients backward."""
    place = {node.name: i for i, node in enumerate(problem.nodes)}
    addresses = list(problem.graph.addresses())
    outputs = [address for address in addresses if address.kind == Kind.OUTPUT]
    between = [address for address in addresses if address.kind == Kind.GRAD_OUTPUT]
    leaves = [a for a in addresses if a.kind not in (Kind.OUTPUT, Kind.GRAD_OUTPUT)]
    return [*outputs, *sorted(between, key=lambda address: -place[address.node]), *leaves]


def _made_by(problem: Problem, address: Address) -> Sequence[Node]:
    """The node that gives an output; of a gradient, those that read its tensor and send it back."""
    if address.kind == Kind.OUTPUT:
        return [problem.graph.by_name[address.node]]
    return problem.graph.senders(address.tensor.partition("/")[2])


def _read(node: Node, address: Address) -> list[str]:
    """The captured tensors from which a node computes an output, or what it sends back."""
    outputs = [f"output/{name}" for name in node.reads]
    return outputs if address.kind == Kind.OUTPUT else [*outputs, *(f"grad/{output.name}" for output in node.results)]


def _with(row: Row, difference: Difference, shape: tuple[int, ...], code: Code) -> Row:
    """The row of a tensor that differs, with its first element that does."""
    row = replace(row, shape=str(list(shape)), ratio=math.inf, verdict=Verdict.DIVERGES)
    if difference.n == 0:
        return replace(row, reason=detailed(code, f"{difference.was}, then {difference.now}"))
    was, now = float(difference.was), float(difference.now)
    return replace(
        row,
        reason=Reason(code),
        max_abs_err=abs(now - was),
        worst_index=str(list(difference.index)),
        got=now,
        expected=was,
        n_bad=difference.n,
    )
