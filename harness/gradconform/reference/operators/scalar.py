"""Arithmetic of a tensor and a number, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradconform.reference.attributes import Real
from gradconform.reference.operator import Dims, ShapeError, operator


@operator
def add_scalar(x: Any, *, value: Real) -> Any:
    """x + value."""
    return x + value


@add_scalar.vjp
def add_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (dy,)


@operator
def mul_scalar(x: Any, *, value: Real) -> Any:
    """x * value."""
    return x * value


@mul_scalar.vjp
def mul_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (dy * value,)


@operator
def pow_scalar(x: Any, *, exponent: Real) -> Any:
    """x to the power `exponent`; NaN where x < 0 and the exponent is not whole."""
    return np.power(x, exponent)


@pow_scalar.vjp
def pow_scalar_vjp(dy: Any, x: Any, *, exponent: float) -> Any:
    if exponent == 0:  # the formula would give 0 * infinity at x = 0
        return (np.zeros_like(x),)
    return (dy * (exponent * np.power(x, exponent - 1)),)


@operator
def rsub_scalar(x: Any, *, value: Real) -> Any:
    """value - x."""
    return value - x


@rsub_scalar.vjp
def rsub_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (-dy,)


@operator
def rdiv_scalar(x: Any, *, value: Real) -> Any:
    """value / x; infinite at 0."""
    return value / x


@rdiv_scalar.vjp
def rdiv_scalar_vjp(dy: Any, x: Any, *, value: float) -> Any:
    return (-dy * (value / x / x),)


@operator
def rpow_scalar(x: Any, *, base: Real) -> Any:
    """base to the power x, of a base that is positive."""
    return np.power(base, x)


@rpow_scalar.vjp
def rpow_scalar_vjp(dy: Any, x: Any, *, base: float) -> Any:
    return (dy * (np.power(base, x) * math.log(base)),)


@rpow_scalar.shape
def rpow_scalar_shape(x: Dims, *, base: Real) -> Dims:
    if base <= 0:
        raise ShapeError(
            f"base is {base}; expected more than 0, since other powers have no logarithm to differentiate by"
        )
    return x
