"""Rounding rules of what is left of a division, and of the whole number that it is left by.

`np.fmod` rounds nothing: x - n y with n = trunc(x / y) is a multiple of the last digits of x and y, and no larger than
either, so every dtype that has x and y has it (Sterbenz, *Floating-point computation*, 1974, section 4.3 in the case
n = 1). What moves it are the errors of its operands: by e_x + |n| e_y while n stays, and where n may be another number,
the result may be anything between -|y| and |y|.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.rounding import RULES, Part, Rounded

Array = NDArray[np.float64]


def remainder(x: Any, y: Any) -> Any:
    """x - n y with n = x / y without its fraction: `np.fmod`, of arrays of any type but complex ones."""
    return np.fmod(x, y)


def truncated(x: Any) -> Any:
    """x without its fraction: `np.trunc`, of arrays of any type but complex ones."""
    return np.trunc(x)


def nearest(x: Any) -> Any:
    """The whole number nearest to x: `np.rint`, of arrays of any type but complex ones."""
    return np.rint(x)


def _whole(ufunc: Any) -> None:
    """Register the rule of a step function: sure unless another step lies within the operand's error."""

    def rule(like: Rounded, value: Array, a: Part) -> Rounded:
        if a[1] is None:
            return like.like(value, None)
        low, high = ufunc(a[0] - a[1]), ufunc(a[0] + a[1])
        return like.like(value, np.where(np.isfinite(value), np.maximum(high - value, value - low), 0.0))

    RULES[ufunc] = rule


def _of_fmod(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    """e_x + |n| e_y where the same n is sure, else all that there is room for."""
    if a[1] is None and b[1] is None:
        return like.like(value, None)
    x, y = like.like(*a), like.like(*b)
    quotient = x / y
    whole = truncated(quotient)
    moved = x.bound() + np.abs(whole.value) * y.bound()
    sure = (whole.bound() == 0) & (np.rint(quotient.value) != quotient.value)
    room = np.where(sure, moved, 2.0 * (np.abs(y.value) + y.bound()))
    return like.like(value, np.where((x.bound() == 0) & (y.bound() == 0), 0.0, room))


_whole(np.trunc)
_whole(np.rint)
RULES[np.fmod] = _of_fmod
