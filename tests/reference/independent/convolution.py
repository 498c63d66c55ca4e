"""Independent forwards of the family `convolution`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def conv1d(x: Any, weight: Any, bias: Any, **attributes: Any) -> Any:
    return _convolved(x, weight, bias, **attributes)


@forward
def conv2d(x: Any, weight: Any, bias: Any, **attributes: Any) -> Any:
    return _convolved(x, weight, bias, **attributes)


@forward
def conv3d(x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    # By full convolutions, since the ONNX evaluator mixes the three axes up where their strides differ.
    from scipy.signal import convolve

    padded = np.pad(x, [(0, 0), (0, 0), *map(tuple, padding)])
    kernels = np.flip(_with_gaps(weight, dilation), (2, 3, 4))
    per_group, out = weight.shape[1], weight.shape[0]
    every = tuple(slice(None, None, step) for step in stride)
    maps = [
        sum(
            convolve(image[o // (out // groups) * per_group + c], kernels[o, c], mode="valid", method="direct")
            for c in range(per_group)
        )[every]
        + (0 if bias is None else bias[o])
        for image in padded
        for o in range(out)
    ]
    return np.reshape(maps, (len(x), out, *maps[0].shape))


def _convolved(x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    pads = [before for before, _ in padding] + [after for _, after in padding]
    return onnx("Conv", x, weight, bias, strides=stride, pads=pads, dilations=dilation, group=groups)


@forward
def depthwise_conv2d(x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any) -> Any:
    # Channel after channel, by a convolution of one image with one kernel.
    from scipy.signal import convolve2d

    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    kernels, each = np.flip(_with_gaps(weight, dilation), (2, 3)), len(weight) // x.shape[1]
    maps = [
        [
            convolve2d(image[o // each], kernel, mode="valid")[:: stride[0], :: stride[1]]
            for o, (kernel,) in enumerate(kernels)
        ]
        for image in padded
    ]
    return np.array(maps) + (0 if bias is None else bias[:, None, None])


@forward
def conv_transpose1d(x: Any, weight: Any, bias: Any, **attributes: Any) -> Any:
    return _transposed(x, weight, bias, **attributes)


@forward
def conv_transpose2d(x: Any, weight: Any, bias: Any, **attributes: Any) -> Any:
    return _transposed(x, weight, bias, **attributes)


@forward
def conv_transpose3d(x: Any, weight: Any, bias: Any, **attributes: Any) -> Any:
    return _transposed(x, weight, bias, **attributes)


def _transposed(
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
    from scipy.signal import convolve

    # By full convolutions, since the ONNX evaluator mixes the groups up.
    spread = _with_gaps(x, stride)
    kernels = _with_gaps(weight, dilation)
    n, c = x.shape[:2]
    per_group = weight.shape[1]
    extent = [a + b - 1 for a, b in zip(spread.shape[2:], kernels.shape[2:], strict=True)]
    y = np.zeros((n, groups * per_group, *extent))
    for i, j, k in np.ndindex(n, c, per_group):
        y[i, j // (c // groups) * per_group + k] += convolve(spread[i, j], kernels[j, k], method="direct")
    y = np.pad(y, [(0, 0), (0, 0), *((0, extra) for extra in output_padding)])
    y = y[(..., *(slice(p, length - p) for p, length in zip(padding, y.shape[2:], strict=True)))]
    return y if bias is None else y + bias.reshape(-1, *([1] * len(extent)))


def _with_gaps(a: Any, steps: Any) -> Any:
    """Zeros put between the elements of all axes but the first two."""
    lengths = ((length - 1) * step + 1 for length, step in zip(a.shape[2:], steps, strict=True))
    wide = np.zeros((*a.shape[:2], *lengths))
    wide[(..., *(slice(None, None, step) for step in steps))] = a
    return wide
