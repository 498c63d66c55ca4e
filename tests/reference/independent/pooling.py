"""Independent forwards of the family `pooling`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import Forward, forward, onnx


def _window(kernel_size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {"kernel_shape": kernel_size, "strides": stride, "pads": [*padding, *padding]}


def _largest(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    return onnx("MaxPool", x, **_window(kernel_size, stride, padding))


def _mean(x: Any, *, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    return onnx("AveragePool", x, count_include_pad=int(count_include_pad), **_window(kernel_size, stride, padding))


def _largest_covered(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """Window after window, while it begins in x or in the padding before it and what is before is not all of x."""
    rows, columns = (
        [range(max(first, 0), min(first + k, length)) for first in _beginnings(length, k, s, p)]
        for length, k, s, p in zip(x.shape[2:], kernel_size, stride, padding, strict=True)
    )
    return np.array([[[[image[a][:, b].max() for b in columns] for a in rows] for image in sample] for sample in x])


def _beginnings(length: int, k: int, s: int, p: int) -> list[int]:
    """Where windows begin: up to the first whose end is the padding's, as long as they begin in x."""
    found = [-p]
    while found[-1] + k < length + p and found[-1] + s < length:
        found.append(found[-1] + s)
    return found


def _largest_in_line(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """Window after window; ONNX's evaluator reads past the end of a padded line."""
    (k,), (s,), (p,) = kernel_size, stride, padding
    places = range(-p, x.shape[2] + p - k + 1, s)
    return np.stack([x[..., max(first, 0) : first + k].max(axis=-1) for first in places], axis=-1)


max_pool2d_ceil = Forward(_largest_covered)
max_pool1d, max_pool2d, max_pool3d = Forward(_largest_in_line), Forward(_largest), Forward(_largest)
avg_pool1d, avg_pool2d, avg_pool3d = Forward(_mean), Forward(_mean), Forward(_mean)


@forward
def adaptive_avg_pool2d(x: Any, *, output_size: Any) -> Any:
    # Each element by itself, as the mean of those whose place, as a part of the axis, meets its own.
    h, w = x.shape[2:]
    oh, ow = output_size
    y = np.empty((*x.shape[:2], oh, ow))
    for i, j in np.ndindex(oh, ow):
        rows = [r for r in range(h) if r * oh < (i + 1) * h and (r + 1) * oh > i * h]
        columns = [c for c in range(w) if c * ow < (j + 1) * w and (c + 1) * ow > j * w]
        y[:, :, i, j] = x[:, :, rows][..., columns].mean(axis=(2, 3))
    return y
