"""Arithmetic and elementary functions of one tensor, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradconform.reference.operator import operator

_LN_2 = math.log(2.0)
_LN_10 = math.log(10.0)


@operator(elementwise=True, moves=True)
def neg(x: Any) -> Any:
    """-x."""
    return -x


@neg.vjp
def neg_vjp(dy: Any, x: Any) -> Any:
    return (-dy,)


@operator(elementwise=True)
def exp(x: Any) -> Any:
    """e to the power x."""
    return np.exp(x)


@exp.vjp
def exp_vjp(dy: Any, x: Any) -> Any:
    return (dy * np.exp(x),)


@exp.from_output
def exp_from_output(y: Any) -> Any:
    return y


@operator(elementwise=True)
def log(x: Any) -> Any:
    """The natural logarithm."""
    return np.log(x)


@log.vjp
def log_vjp(dy: Any, x: Any) -> Any:
    return (dy / x,)


@operator(elementwise=True)
def sqrt(x: Any) -> Any:
    """The square root; its derivative at 0 is infinite."""
    return np.sqrt(x)


@sqrt.vjp
def sqrt_vjp(dy: Any, x: Any) -> Any:
    return (dy / (2.0 * np.sqrt(x)),)


@sqrt.from_output
def sqrt_from_output(y: Any) -> Any:
    return 0.5 / y


@operator(elementwise=True)
def square(x: Any) -> Any:
    """x * x."""
    return np.square(x)


@square.vjp
def square_vjp(dy: Any, x: Any) -> Any:
    return (dy * (2.0 * x),)


@operator(elementwise=True)
def expm1(x: Any) -> Any:
    """exp(x) - 1, accurate near 0, where the difference cancels; the derivative is taken from the output, y + 1."""
    return np.expm1(x)


@expm1.vjp
def expm1_vjp(dy: Any, x: Any) -> Any:
    return (dy * (np.expm1(x) + 1.0),)


@expm1.from_output
def expm1_from_output(y: Any) -> Any:
    return y + 1.0


@operator(elementwise=True)
def log1p(x: Any) -> Any:
    """log(1 + x), accurate near 0, where the sum loses what is added."""
    return np.log1p(x)


@log1p.vjp
def log1p_vjp(dy: Any, x: Any) -> Any:
    return (dy / (1.0 + x),)


@operator(elementwise=True)
def exp2(x: Any) -> Any:
    """2 to the power x."""
    return np.exp2(x)


@exp2.vjp
def exp2_vjp(dy: Any, x: Any) -> Any:
    return (dy * (np.exp2(x) * _LN_2),)


@exp2.from_output
def exp2_from_output(y: Any) -> Any:
    return y * _LN_2


@operator(elementwise=True)
def log2(x: Any) -> Any:
    """The logarithm to the base 2."""
    return np.log2(x)


@log2.vjp
def log2_vjp(dy: Any, x: Any) -> Any:
    return (dy / (x * _LN_2),)


@operator(elementwise=True)
def log10(x: Any) -> Any:
    """The logarithm to the base 10."""
    return np.log10(x)


@log10.vjp
def log10_vjp(dy: Any, x: Any) -> Any:
    return (dy / (x * _LN_10),)


@operator(elementwise=True)
def reciprocal(x: Any) -> Any:
    """1 / x; infinite at 0."""
    return 1.0 / x


@reciprocal.vjp
def reciprocal_vjp(dy: Any, x: Any) -> Any:
    return (-dy * np.square(1.0 / x),)


@reciprocal.from_output
def reciprocal_from_output(y: Any) -> Any:
    return -y * y


@operator(elementwise=True)
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x); infinite at 0."""
    return 1.0 / np.sqrt(x)


@rsqrt.vjp
def rsqrt_vjp(dy: Any, x: Any) -> Any:
    y = 1.0 / np.sqrt(x)
    return (dy * (-0.5 * (y * y * y)),)


@rsqrt.from_output
def rsqrt_from_output(y: Any) -> Any:
    return -0.5 * (y * y * y)
