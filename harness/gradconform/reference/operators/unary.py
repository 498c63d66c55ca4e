"""Arithmetic and elementary functions of one tensor, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.operator import operator


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
