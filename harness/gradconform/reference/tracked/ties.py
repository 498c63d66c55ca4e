"""Derivatives where there is none: which elements lie on a kink, and between which two gradients theirs may be.

The set of subgradients of an element is an interval; that of an element which is on no kink is the gradient itself,
with the bound it has there. Where the derivative is asked for at a NaN there is no right value, so the interval is the
whole line.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gradconform.reference.tracked.arrays import Tracked

Array = NDArray[Any]

ALONE = -1
"""The number of an element that shares its gradient with no other."""


def tied(a: Any, b: Any) -> Array:
    """Where a and b are equal, or so near that their errors decide which is larger; truth values, broadcast.

    a, b: arrays of any type or Python numbers; a number that the dtype under test does not have carries the error of
    writing it there.
    """
    like = next((operand for operand in (a, b) if isinstance(operand, Tracked)), None)
    if like is None:
        return np.asarray(a == b)
    (a_value, a_error), (b_value, b_error) = like.split(a), like.split(b)
    reach = (0.0 if a_error is None else a_error) + (0.0 if b_error is None else b_error)
    with np.errstate(invalid="ignore"):
        return np.asarray((a_value == b_value) | (np.abs(a_value - b_value) <= reach))


def between(gradient: Any, kink: Array, one: Any, other: Any, *, nan: Array) -> tuple[Any, Any]:
    """(low, high) of the subgradients of each element, in the shape of `gradient` [...] and of its type.

    gradient: the derivative where there is one.
    kink: the elements where there is none; there it is any number between `one` and `other`.
    nan: the elements that something is chosen by which is no number; there it is any number at all, as it is at a kink
    that NaN arrives at, of which a choice may hand on nothing or all.
    """
    low, high = (np.where(kink, choice(one, other), gradient) for choice in (np.minimum, np.maximum))
    nan = nan | (kink & np.isnan(low))
    return np.where(nan, -np.inf, low), np.where(nan, np.inf, high)


def joined(size: int, one: Array, other: Array) -> Array:
    """A number for each of `size` elements: equal for those that are joined by pairs, `ALONE` for one in no pair.

    one, other: the elements of each pair, [P] int.
    """
    pairs = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(size, size))
    _, numbers = connected_components(pairs, directed=False)
    numbers = numbers.astype(np.int64)
    lone = np.ones(size, dtype=bool)
    lone[one] = lone[other] = False
    numbers[lone] = ALONE
    return np.asarray(numbers)


def joined_where(at: Array, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The numbers, as of `joined`, of two tensors that broadcast to `at` and share a gradient where it is true."""
    x_size, y_size = (int(np.prod(shape)) for shape in (x_shape, y_shape))
    x = np.broadcast_to(np.arange(x_size).reshape(x_shape), at.shape)[at]
    y = np.broadcast_to(x_size + np.arange(y_size).reshape(y_shape), at.shape)[at]
    numbers = joined(x_size + y_size, x, y)
    return numbers[:x_size].reshape(x_shape), numbers[x_size:].reshape(y_shape)
