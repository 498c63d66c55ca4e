"""Whether a behaviour can tell: its right answers are exact, and no wrong habit gives them by the choice of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradconform.behaviour import Answer, Program, indistinct, right
from gradconform.contract import ProblemNode
from gradconform.draws import draw
from gradconform.spec.model import Network


def unfit_asks(network: Network) -> Iterator[tuple[int, str, str]]:
    """(index of the ask, what is wrong, what to do) for each ask that this behaviour cannot judge."""
    program = program_of(network)
    with np.errstate(all="ignore"):
        for index, answer in enumerate(right(program)):
            if not all(_exact(answer, dtype) for dtype in network.dtypes):
                message = f"the right answer for {network.asks[index]} is not exact in {network.dtypes[0]}"
                yield index, message, "write small integers for every input, parameter and the cotangent"
        for index, word in indistinct(program):
            message = f"{network.asks[index]} cannot tell: with these numbers `{word}` gives the right answer too"
            yield index, message, "choose numbers for which the two differ"


def program_of(network: Network) -> Program:
    """The program of a spec, its numbers drawn in float64."""
    nodes = tuple(
        ProblemNode(
            node.name, node.op, {s: list(r) if isinstance(r, tuple) else r for s, r in node.tensors.items()},
            node.attributes, tuple((output.name, output.shape) for output in node.outputs),
        )
        for node in network.nodes
    )  # fmt: skip
    values = {
        t.name: draw(t.draw, network.seed, t.name, "int64" if t.kind == "int64" else "float64") for t in network.tensors
    }
    wanted = frozenset(t.name for t in network.tensors if t.grad)
    cotangent = draw(network.cotangent, network.seed, "cotangent/", "float64")
    return Program(nodes, values, wanted, cotangent, network.script, network.asks)


def _exact(answer: Answer, dtype: str) -> bool:
    if answer.array is None:
        return True
    return bool(np.array_equal(answer.array.astype(dtype).astype(float), answer.array, equal_nan=True))
