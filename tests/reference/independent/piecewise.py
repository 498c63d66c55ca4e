"""Independent forwards of the family `piecewise`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import forward, of_onnx, onnx, precisely

abs = precisely(abs)
relu = of_onnx("Relu")


@forward
def leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return precisely(lambda v: v if v > 0 else v * mpmath.mpf(negative_slope))(x)


@forward
def elu(x: Any, *, alpha: float) -> Any:
    return precisely(lambda v: v if v > 0 else alpha * (mpmath.exp(v) - 1))(x)


@forward
def clamp(x: Any, *, min: float, max: float) -> Any:
    return onnx("Clip", x, np.asarray(float(min)), np.asarray(float(max)))


@forward
def clamp_min(x: Any, *, min: float) -> Any:
    return onnx("Clip", x, np.asarray(float(min)))


@forward
def clamp_max(x: Any, *, max: float) -> Any:
    return onnx("Clip", x, None, np.asarray(float(max)))


hardswish = precisely(lambda v: v * _between(v / 6 + mpmath.mpf(1) / 2, 0, 1))


def _between(v: Any, low: float, high: float) -> Any:
    return low if v < low else high if v > high else v


@forward
def hardtanh(x: Any, *, min_val: float, max_val: float) -> Any:
    return onnx("Clip", x, np.asarray(float(min_val)), np.asarray(float(max_val)))


@forward
def hardsigmoid(x: Any, *, slope: float) -> Any:
    return precisely(lambda v: _between(slope * v + mpmath.mpf(1) / 2, 0, 1))(x)


@forward
def softshrink(x: Any, *, lambd: float) -> Any:
    return precisely(lambda v: v - _between(v, -lambd, lambd))(x)


@forward
def hardshrink(x: Any, *, lambd: float) -> Any:
    return precisely(lambda v: v if v > lambd or v < -lambd else 0)(x)
