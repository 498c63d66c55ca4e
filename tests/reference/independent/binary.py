"""Independent forwards of the family `binary`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import Forward, forward, of_onnx

add = of_onnx("Add")
sub = of_onnx("Sub")
mul = of_onnx("Mul")
div = of_onnx("Div")
maximum = of_onnx("Max")
minimum = of_onnx("Min")


def _to_the_power(x: float, exponent: float) -> float:
    with mpmath.workdps(30):
        return float(mpmath.mpf(x) ** mpmath.mpf(exponent))


pow = Forward(np.vectorize(_to_the_power, otypes=[float]))


def _left(x: float, y: float) -> float:
    """In whole numbers of the last place that x and y have in common, so that nothing is rounded."""
    (a, b), (c, d) = x.as_integer_ratio(), y.as_integer_ratio()
    left = abs(a * d) % abs(c * b) / (b * d)
    return left if a > 0 else -left


fmod = Forward(np.vectorize(_left, otypes=[float]))


def _angle(y: float, x: float) -> float:
    with mpmath.workdps(30):
        return float(mpmath.atan2(mpmath.mpf(y), mpmath.mpf(x)))


atan2 = Forward(np.vectorize(_angle, otypes=[float]))


@forward
def squared_difference(x: Any, y: Any) -> Any:
    return np.vectorize(lambda a, b: float((mpmath.mpf(a) - mpmath.mpf(b)) ** 2), otypes=[float])(x, y)


@forward
def absolute_difference(x: Any, y: Any) -> Any:
    return np.vectorize(lambda a, b: float(abs(mpmath.mpf(a) - mpmath.mpf(b))), otypes=[float])(x, y)
