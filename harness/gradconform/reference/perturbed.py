"""What a network's gradients may honestly be off by as a whole, layers amplifying the rounding of those before them.

The network is run in float64, each result moved by a random part of its own rounding bound, forward and backward
(stochastic arithmetic; Parker, Pierce and Eggert, 2000, *Monte Carlo arithmetic*). How far the gradients of several
runs lie from those of a run that nothing moved is the spread that rounding alone has in this network at this point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.dtypes import Dtype, is_float
from gradconform.reference.network import backward, forward
from gradconform.reference.tracked.rounding import Rounded

Array = NDArray[Any]


def gradients(problem: Problem, generator: np.random.Generator) -> dict[str, Array]:
    """The gradient of every tensor of a problem that has one, in float64, from one run with moved results.

    NaN and infinite where no bound is known on the way. Raises ContractError where the numbers cannot be read.
    """
    unit = Dtype.of(problem.dtype)

    def moved(result: Any) -> Any:
        if not isinstance(result, Rounded) or result.error is None:
            return result
        return Rounded(result.value + result.error * generator.uniform(-1.0, 1.0, result.shape), unit=unit)

    leaves = {name: _exact(problem.value(name), unit) for name in problem.graph.leaves}
    outputs = forward(problem.graph, leaves, moved)
    found = backward(problem.graph, {**leaves, **outputs}, _exact(problem.cotangent, unit), moved)
    return {name: np.asarray(each.value if isinstance(each, Rounded) else each, float) for name, each in found.items()}


def deviations(problem: Problem, plain: Mapping[str, Array], runs: int) -> list[dict[str, Array]]:
    """What the gradients of some runs differ by from those of a run that nothing moved; the same at each call.

    plain: `grad/...` -> the gradient that nothing moved, of each tensor that is asked for.
    """
    generator = np.random.default_rng(0)
    found = []
    for _ in range(runs):
        run = gradients(problem, generator)
        found.append({name: run[name.partition("/")[2]] - expected for name, expected in plain.items()})
    return found


def _exact(array: Array, unit: Dtype) -> Any:
    return Rounded(array, unit=unit) if is_float(array) else array
