"""Functions that jump from one number to the next and are constant between: to the next whole number, or the sign.

What they give, every dtype has. An error of the operand matters only where it reaches across a jump.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.arrays import real_numbers
from gradconform.reference.tracked.dual import Dual
from gradconform.reference.tracked.rounding import Rounded

Array = NDArray[Any]


def step(function: Callable[[Array], Array], x: Any) -> Any:
    """A monotonic step function of an array of any type; its derivative is zero, on its jumps too.

    Of a rounded array the error is how far the function of any number within reach is off.
    """
    if isinstance(x, Dual):
        return Dual(step(function, x.value), None)
    if isinstance(x, Rounded) and x.error is not None:
        y, low, high = (function(each) for each in (x.value, x.value - x.error, x.value + x.error))
        error = np.maximum(high - y, y - low)
        return x.like(y, error if error.any() else None)
    return x.like(function(x.value), None) if hasattr(x, "value") else function(np.real(x))


def stairs(function: Callable[[Array], Array], x: Any) -> Array:
    """On which stair each element lies, by its value alone, as a plain array."""
    return function(real_numbers(x))
