"""Independent forwards of the family `convolution`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def conv2d(x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    (top, bottom), (left, right) = padding
    pads = [top, left, bottom, right]
    return onnx("Conv", x, weight, bias, strides=stride, pads=pads, dilations=dilation, group=groups)


@forward
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    # Imported here: it takes two seconds, which only these cases need.
    from scipy.signal import convolve2d

    # By full convolutions, since the ONNX evaluator mixes the groups up.
    spread = _with_gaps(x, stride)
    kernels = _with_gaps(weight, dilation)
    n, c = x.shape[:2]
    per_group = weight.shape[1]
    y = np.zeros(
        (
            n,
            groups * per_group,
            *(a + b - 1 for a, b in zip(spread.shape[2:], kernels.shape[2:], strict=True)),
        )
    )
    for i, j, k in np.ndindex(n, c, per_group):
        y[i, j // (c // groups) * per_group + k] += convolve2d(spread[i, j], kernels[j, k])
    y = np.pad(y, [(0, 0), (0, 0), (0, output_padding[0]), (0, output_padding[1])])
    y = y[:, :, padding[0] : y.shape[2] - padding[0], padding[1] : y.shape[3] - padding[1]]
    return y if bias is None else y + bias[:, None, None]


def _with_gaps(a: Any, steps: Any) -> Any:
    """Zeros put between the elements of the last two axes."""
    wide = np.zeros((*a.shape[:2], *((length - 1) * step + 1 for length, step in zip(a.shape[2:], steps, strict=True))))
    wide[:, :, :: steps[0], :: steps[1]] = a
    return wide
