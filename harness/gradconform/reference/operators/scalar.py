"""Arithmetic of a tensor and a number, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Real
from gradconform.reference.operator import operator


@operator(elementwise=True)
def add_scalar(x: Any, *, value: Real) -> Any:
    """x + value."""
    return x + value


@add_scalar.vjp
def add_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (dy,)


@operator(elementwise=True)
def mul_scalar(x: Any, *, value: Real) -> Any:
    """x * value."""
    return x * value


@mul_scalar.vjp
def mul_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (dy * value,)


@operator(elementwise=True)
def pow_scalar(x: Any, *, exponent: Real) -> Any:
    """x to the power `exponent`; NaN where x < 0 and the exponent is not whole."""
    return np.power(x, exponent)


@pow_scalar.vjp
def pow_scalar_vjp(dy: Any, x: Any, *, exponent: float) -> Any:
    if exponent == 0:  # the formula would give 0 * infinity at x = 0
        return (np.zeros_like(x),)
    return (dy * (exponent * np.power(x, exponent - 1)),)
