"""What a person porting a network asks: how far is the whole network from the reference, and one framework from another?

These rows are measured, not judged: the layers after an honest error may amplify it, and only the local check can
tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from harness.contract import Capture, Problem
from harness.judge.compare import Comparison, compare
from harness.judge.local import measured, row_of
from harness.judge.rows import Reason, Row
from harness.reference.unit import Unit
from harness.walk import reference

Array = NDArray[Any]


def rows(problem: Problem, captures: Sequence[Capture]) -> Iterator[Row]:
    """Each capture against the reference, and each against every other, tensor by tensor."""
    yield from _against_all(problem, captures, "end_to_end", reference(problem))
    for capture in captures:
        for other in captures:
            if other is not capture:
                yield from _against_all(problem, [capture], f"cross:{other.framework}", other.tensors)


def _against_all(
    problem: Problem, captures: Sequence[Capture], check: str, expected: Mapping[str, Array]
) -> Iterator[Row]:
    unit = Unit.of(problem.dtype)
    for name, node, kind, shape in addresses(problem):
        if name not in expected:
            continue
        wide = expected[name].astype(float)
        for capture in captures:
            if name in capture.tensors:
                row = row_of(problem, capture, node=node, tensor=name, kind=kind, check=check)
                # Another framework's tensor of a wrong shape is that framework's fault; nothing can be measured here.
                fits = wide.shape == shape
                found = compare(capture.tensors[name], wide, None, unit, shape) if fits else Comparison(reason=Reason.SHAPE)
                yield measured(row, shape, found)


def addresses(problem: Problem) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """(tensor, node, kind, shape) of everything that a capture may hold."""
    for node in problem.nodes:
        for name, shape in node.outputs:
            yield f"output/{name}", node.name, "output", shape
        if node.name != problem.output:
            yield f"grad/{node.name}", node.name, "grad_output", node.outputs[0][1]
    for name, (role, shape, _, grad) in problem.given.items():
        reader = next((n.name for n in problem.nodes if name in n.reads), "")
        if grad:
            yield f"grad/{name}", reader, f"grad_{'param' if role == 'parameter' else 'input'}", shape
