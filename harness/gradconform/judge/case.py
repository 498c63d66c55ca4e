"""Whether a problem is the one that a list names: drawn from that very network, whatever anybody's spec is called."""

from __future__ import annotations

import numpy as np

from gradconform.contract import Problem
from gradconform.contract.problem import fingerprint
from gradconform.draw.problem import document, drawn_numbers
from gradconform.dtypes import is_float
from gradconform.judge.known import Shows


def is_case(problem: Problem, shows: Shows) -> bool:
    """Whether a problem has the graph and the numbers that the named network gives with the problem's own seed.

    Exact problems are none: they have other numbers, chosen to be exact. Raises KnownError where the network cannot be
    read.
    """
    network = shows.network()
    if problem.spec != network.name or problem.exact or problem.script:
        return False
    seed = int(problem.document["seed"])
    if fingerprint(document(network, problem.dtype, "drawn", seed)) != fingerprint(problem.document):
        return False
    drawn = drawn_numbers(network, problem.dtype, seed)
    return all(np.array_equal(array, problem.tensors[name], equal_nan=is_float(array)) for name, array in drawn.items())
