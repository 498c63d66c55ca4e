"""Steps of a formula that are too large for a dtype of narrow range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import FLOAT32, Dtype

Array = NDArray[Any]


def overflowing(value: Array, error: Array, unit: Dtype) -> Array:
    """The errors of a step's results, infinite where these may be too large for the dtype.

    Formulas are chosen so that no step of one overflows in single precision where its result does not. The range of
    float16 is narrower: there the square of 300 is infinite, and what is made of that may be anything.
    """
    if unit.exponent >= FLOAT32.exponent:
        return error
    return np.where(np.isfinite(value) & (np.abs(value) + error > unit.largest), np.inf, error)
