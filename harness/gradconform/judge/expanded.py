"""The problem that a framework has in the layout `expanded`, in which one slice stands for a whole tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem

Array = NDArray[Any]
ROUTE = "layout-expanded"


class Expanded(Problem):
    """A problem whose tensors hold the numbers of their first slice along the first axis of two elements or more.

    That is what memory of stride 0 can hold, so the layout has numbers of its own: its captures are judged by what the
    reference makes of these, not by the primary route. No proof of exactness is known of them.
    """

    @property
    def exact(self) -> bool:
        """Never: the numbers that were proved to leave nothing to round are others."""
        return False

    def value(self, name: str) -> Array:
        """The numbers of an input, a parameter or a buffer, repeated. Raises KeyError, ContractError."""
        return repeated(super().value(name))

    @property
    def cotangent(self) -> Array:
        """The gradient that is handed to the output, repeated."""
        return repeated(super().cotangent)


def expanded(problem: Problem) -> Expanded:
    """The same problem with the numbers of the layout."""
    return Expanded(problem.folder, problem.document, problem.graph)


def repeated(array: Array) -> Array:
    """The first slice along the first axis of two elements or more in place of all of them; else the array itself."""
    axis = next((axis for axis, extent in enumerate(array.shape) if extent > 1), None)
    return array if axis is None else np.repeat(np.take(array, [0], axis), array.shape[axis], axis)
