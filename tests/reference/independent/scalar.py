"""Independent forwards of the family `scalar`."""

from __future__ import annotations

from typing import Any

import mpmath
from oracles import forward, precisely


@forward
def add_scalar(x: Any, *, value: float) -> Any:
    return precisely(lambda v: v + value)(x)


@forward
def mul_scalar(x: Any, *, value: float) -> Any:
    return precisely(lambda v: v * value)(x)


@forward
def pow_scalar(x: Any, *, exponent: float) -> Any:
    return precisely(lambda v: v ** mpmath.mpf(exponent))(x)


@forward
def rsub_scalar(x: Any, *, value: float) -> Any:
    return precisely(lambda v: mpmath.mpf(value) - v)(x)


@forward
def rdiv_scalar(x: Any, *, value: float) -> Any:
    return precisely(lambda v: mpmath.mpf(value) / v)(x)


@forward
def rpow_scalar(x: Any, *, base: float) -> Any:
    return precisely(lambda v: mpmath.exp(v * mpmath.log(base)))(x)
