"""Independent forwards of the family `rectifiers`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import forward, onnx, precisely

SELU_ALPHA, SELU_SCALE = mpmath.mpf("1.6732632423543772"), mpmath.mpf("1.0507009873554805")

selu = precisely(lambda v: SELU_SCALE * (v if v > 0 else SELU_ALPHA * mpmath.expm1(v)))


@forward
def relu6(x: Any) -> Any:
    return onnx("Clip", x, np.asarray(0.0), np.asarray(6.0))


@forward
def clipped_relu(x: Any, *, z: float) -> Any:
    return onnx("Clip", x, np.asarray(0.0), np.asarray(float(z)))


@forward
def celu(x: Any, *, alpha: float) -> Any:
    return precisely(lambda v: v if v > 0 else alpha * mpmath.expm1(v / alpha))(x)


@forward
def rrelu(x: Any, *, lower: float, upper: float, training: bool) -> Any:
    assert not training
    return precisely(lambda v: v if v > 0 else v * (mpmath.mpf(lower) + mpmath.mpf(upper)) / 2)(x)


@forward
def prelu(x: Any, weight: Any) -> Any:
    return onnx("PRelu", x, weight.reshape(-1, *[1] * (x.ndim - 2)))


@forward
def crelu(x: Any, *, dim: int) -> Any:
    return onnx("Relu", onnx("Concat", x, -x, axis=dim))
