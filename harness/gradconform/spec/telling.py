"""Whether a behaviour can tell right from wrong: exact answers, which no wrong habit gives by the choice of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradconform.behaviour import Answer, Program, indistinct, right
from gradconform.draws import COTANGENT, draw
from gradconform.dtypes import FLOAT64, Dtype
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
    """The program of a behaviour that was loaded, its numbers drawn in float64."""
    numbers = {t.name: draw(t.draw, network.seed, t.name, t.leaf(FLOAT64.name).dtype) for t in network.tensors}
    cotangent = draw(network.cotangent, network.seed, COTANGENT, FLOAT64.name)
    return Program(network.graph(FLOAT64.name), numbers, cotangent, network.script, network.asks)


def _exact(answer: Answer, dtype: str) -> bool:
    if answer.array is None:
        return True
    return bool(np.array_equal(answer.array.astype(Dtype.of(dtype).numpy).astype(float), answer.array, equal_nan=True))
