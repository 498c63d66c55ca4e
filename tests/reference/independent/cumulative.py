"""Independent forwards of the family `cumulative`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def cumsum(x: Any, *, dim: int) -> Any:
    return onnx("CumSum", x, np.array(dim))


@forward
def cumprod(x: Any, *, dim: int) -> Any:
    return np.cumprod(x, axis=dim)
