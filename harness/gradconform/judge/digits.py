"""How many digits are right where a tensor diverges: whether accuracy is lost, or the law is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import Dtype
from gradconform.rows import LIMIT

Array = NDArray[Any]

FLOOR = 64.0
"""In units of roundoff of a tensor's largest element: what the error of a smaller element is held against.

So an error of one or two such units, which is the best that a sum with the largest element can give, leaves 1.5 digits.
"""


def digits_left(got: Array, expected: Array, bound: Array | float, unit: Dtype, scale: float, chunk: int) -> float:
    """How many decimal digits are right where the fewest are, of the elements that are beyond their bound; at least 0.

    got, expected: flat, of one length.
    bound: of the same length, or one for all elements.
    scale: the largest magnitude that is expected.
    chunk: how many elements to look at together.
    """
    single = np.ndim(bound) == 0
    floor, largest = FLOOR * unit.roundoff * scale, 0.0
    for start in range(0, got.size, chunk):
        part = slice(start, start + chunk)
        limit = np.asarray(bound if single else np.asarray(bound)[part], float)
        largest = max(largest, _relative(got[part], expected[part], limit, floor))
    # An error that only its ratio shows to be beyond the bound is a matter of the last digit.
    return max(0.0, -math.log10(largest or unit.roundoff))


def _relative(got: Array, expected: Array, bound: Array, floor: float) -> float:
    """The largest relative error of the elements that are beyond their bound; 0.0 where none is."""
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(float) - expected)
        beyond = np.isfinite(error) & (error > LIMIT * bound)
        relative = error / np.maximum(np.abs(expected), floor)
    return float(np.max(relative, initial=0.0, where=beyond))
