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
