"""Independent forwards of the family `shape`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def flatten(x: Any, *, start_dim: int) -> Any:
    return onnx("Reshape", x, np.array([0] * start_dim + [-1]))


@forward
def reshape(x: Any, *, shape: list[int]) -> Any:
    return onnx("Reshape", x, np.array(shape))


@forward
def permute(x: Any, *, dims: list[int]) -> Any:
    return onnx("Transpose", x, perm=dims)


@forward
def cat(xs: Any, *, dim: int) -> Any:
    return onnx("Concat", *xs, axis=dim)


@forward
def narrow(x: Any, *, dim: int, start: int, length: int) -> Any:
    return onnx("Slice", x, np.array([start]), np.array([start + length]), np.array([dim]))


@forward
def pad(x: Any, *, padding: Any, value: float) -> Any:
    return onnx("Pad", x, np.array(padding).T.ravel(), np.asarray(float(value)))
