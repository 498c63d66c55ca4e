"""Constants of a formula that frameworks compute themselves in the dtype under test, such as weights between pixels.

A constant that stands in the formula as a number is rounded once, when it is written. One that is computed, an angle or
a place between two pixels, is off by as many roundoffs as its computation has steps, each of the size of what it steps
through. The reference computes it in float64 or from whole numbers, and says how far off it may be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.arrays import real_numbers
from gradconform.reference.tracked.exactness import Exact, InexactError
from gradconform.reference.tracked.rounding import Rounded, constant_error

Array = NDArray[Any]


def computed(constants: Array, roundoffs: Array | float, like: Any) -> Any:
    """The constants as arrays of the kind of `like`, which stands beside them in a formula.

    constants: [...], float64. roundoffs: by how many unit roundoffs, not relative to the constant, each may be off;
    it broadcasts to them. Raises InexactError where a proof of exactness needs one that the dtype does not have.
    """
    if getattr(like, "outer", False):
        return computed(constants, roundoffs, like.value)
    if isinstance(like, Rounded):
        return like.like(constants, np.broadcast_to(roundoffs, constants.shape) * like.unit.roundoff)
    if isinstance(like, Exact):
        if constant_error(like.unit, constants) is not None:
            raise InexactError(f"a constant of the formula is rounded when computed in {like.unit.name}")
        return like.like(constants, None)
    return constants.astype(like.dtype) if like.dtype.kind == "f" else constants


def whole_below(x: Any) -> Array:
    """The largest whole numbers that are not above x, [...] int, by the values alone: in which cell of a grid x lies.

    0 where x is no number. Numbers beyond 2^31 count as that far, so that one more or less can be added.
    """
    return np.asarray(np.clip(np.nan_to_num(np.floor(real_numbers(x))), -(2.0**31), 2.0**31), dtype=np.int64)
