"""Elements that are picked by their place: where each element of a result comes from, and the way back.

An operator that only picks elements is told by an array of places: for each element of its result the number, in
row-major order, of the element of x that it is. Its forward is `picked`, and its VJP `sent_back`, which sums what comes
to an element that was picked more than once as one sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.sums import scatter_sum

Places = NDArray[np.intp]


def numbered(shape: tuple[int, ...]) -> Places:
    """The number of each element of a tensor of that shape, in row-major order."""
    return np.arange(math.prod(shape)).reshape(shape)


def picked(x: Any, places: Places) -> Any:
    """The elements of x at the places, in the shape of `places`."""
    return x.reshape(-1)[places]


def sent_back(dy: Any, places: Places, shape: tuple[int, ...]) -> Any:
    """The gradient of x, of the given shape, from that of what was picked; 0 where nothing was."""
    return scatter_sum((math.prod(shape),), added(dy, places)).reshape(shape)


def added(terms: Any, places: Places) -> list[tuple[Any, Any]]:
    """The terms of a `scatter_sum` over a flat tensor that add each element of `terms` at its place."""
    flat, rows = places.reshape(-1), terms.reshape(-1)
    return [(flat[at], rows[at]) for at in occurrences(flat)]


def occurrences(indices: Places) -> list[Any]:
    """Where each index occurs for the first time, for the second, ...: in none does an index come twice.

    Of no indices there is one part, without elements.
    """
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return [order[rank == k] for k in range(int(rank.max(initial=0)) + 1)]
