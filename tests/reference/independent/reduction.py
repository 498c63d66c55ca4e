"""Independent forwards of the family `reduction`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def sum(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceSum", x, np.array(dim), keepdims=int(keepdim))


@forward
def mean(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceMean", x, np.array(dim), keepdims=int(keepdim))
