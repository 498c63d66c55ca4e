"""Independent forwards of the family `repetition`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def expand(x: Any, *, shape: list[int]) -> Any:
    return onnx("Expand", x, np.array(shape))


@forward
def sum_to_size(x: Any, *, shape: list[int]) -> Any:
    new = x.ndim - len(shape)
    axes = [i for i in range(x.ndim) if i < new or (shape[i - new] == 1 and x.shape[i] != 1)]
    y = onnx("ReduceSum", x, np.array(axes), keepdims=1) if axes else x
    return y.reshape(shape)


@forward
def tile(x: Any, *, dims: list[int]) -> Any:
    return onnx("Tile", x.reshape([1] * (len(dims) - x.ndim) + list(x.shape)), np.array(dims))


@forward
def repeat_interleave(x: Any, *, repeats: int, dim: int) -> Any:
    return onnx("Gather", x, np.array([i for i in range(x.shape[dim]) for _ in range(repeats)]), axis=dim)


def _pad(x: Any, padding: Any, mode: str) -> Any:
    return onnx("Pad", x, np.array(padding).T.ravel(), mode=mode)


@forward
def reflection_pad(x: Any, *, padding: Any) -> Any:
    return _pad(x, padding, "reflect")


@forward
def replication_pad(x: Any, *, padding: Any) -> Any:
    return _pad(x, padding, "edge")


@forward
def circular_pad(x: Any, *, padding: Any) -> Any:
    for axis, (before, after) in enumerate(padding):
        n = x.shape[axis]
        x = np.take(x, [i % n for i in range(-before, n + after)], axis=axis)
    return x


@forward
def unfold(x: Any, *, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    n, c, *image = x.shape
    high, wide = (
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, d, p, s in zip(image, kernel_size, dilation, padding, stride, strict=True)
    )
    y = np.zeros((n, c, *kernel_size, high, wide))
    for i, j, row, column in np.ndindex(*kernel_size, high, wide):
        h = row * stride[0] + i * dilation[0] - padding[0]
        w = column * stride[1] + j * dilation[1] - padding[1]
        if 0 <= h < image[0] and 0 <= w < image[1]:
            y[:, :, i, j, row, column] = x[:, :, h, w]
    return y.reshape(n, -1, high * wide)
