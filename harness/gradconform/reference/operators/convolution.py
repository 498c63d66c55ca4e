"""Convolution and its transpose, over images of one, two and three axes: [N, C, L], [N, C, H, W], [N, C, D, H, W].

Both are one bilinear map and its adjoint, in which the sums of `reference/correlation.py` serve all six operators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradconform.draws import Draw, bias, weight
from gradconform.reference.attributes import (
    Padding1d,
    Padding2d,
    Padding3d,
    Pair,
    PairOrZero,
    Single,
    SingleOrZero,
    Size,
    Triple,
    TripleOrZero,
)
from gradconform.reference.correlation import Geometry, correlate, pair, spread
from gradconform.reference.operator import Dims, ShapeError, operator

# How the extents of an image are called, by the number of its axes.
_WORDS = {1: ("long",), 2: ("high", "wide"), 3: ("deep", "high", "wide")}
_LAYOUTS = {1: "[N, C, L]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv1d(
    x: Any, weight: Any, bias: Any, *, stride: Single, padding: Padding1d, dilation: Single, groups: Size
) -> Any:
    """Cross-correlation over one axis.  x [N, C, L], weight [O, C / groups, k], bias [O] or absent; as `conv2d`."""
    return correlate(x, weight, bias, _of_convolution(x, weight, stride, padding, dilation, groups))


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv2d(x: Any, weight: Any, bias: Any, *, stride: Pair, padding: Padding2d, dilation: Pair, groups: Size) -> Any:
    """Cross-correlation, with zeros as padding, asymmetric or not.

    x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or absent; y [N, O, OH, OW], where
    OH = floor((H + top + bottom - dilation (kh - 1) - 1) / stride) + 1.
    Dumoulin and Visin (2016), *A guide to convolution arithmetic for deep learning*.
    """
    return correlate(x, weight, bias, _of_convolution(x, weight, stride, padding, dilation, groups))


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv3d(
    x: Any, weight: Any, bias: Any, *, stride: Triple, padding: Padding3d, dilation: Triple, groups: Size
) -> Any:
    """Cross-correlation over three axes.

    x [N, C, D, H, W], weight [O, C / groups, kd, kh, kw], bias [O] or absent; as `conv2d`.
    """
    return correlate(x, weight, bias, _of_convolution(x, weight, stride, padding, dilation, groups))


@conv1d.vjp
@conv2d.vjp
@conv3d.vjp
def convolution_vjp(
    dy: Any,
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Sequence[int],
    padding: Sequence[Sequence[int]],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    at = _of_convolution(x, weight, stride, padding, dilation, groups)
    return spread(dy, weight, None, at), pair(dy, x, at), _bias_gradient(dy, bias)


@conv1d.gathers
@conv2d.gathers
@conv3d.gathers
def convolution_gathers(x: Dims, weight: Dims, bias: Dims | None) -> int:
    """One for each place of the kernel, after the channels were summed (im2col)."""
    return math.prod(weight[2:])


@conv1d.shape
def conv1d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Single,
    stride: Single,
    padding: Padding1d,
    dilation: Single,
    groups: Size,
) -> Dims:
    return _convolved(x, out_channels, kernel_size, stride, padding, dilation, groups)


@conv2d.shape
def conv2d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding2d,
    dilation: Pair,
    groups: Size,
) -> Dims:
    return _convolved(x, out_channels, kernel_size, stride, padding, dilation, groups)


@conv3d.shape
def conv3d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Triple,
    stride: Triple,
    padding: Padding3d,
    dilation: Triple,
    groups: Size,
) -> Dims:
    return _convolved(x, out_channels, kernel_size, stride, padding, dilation, groups)


# The types of the sizes are those of the shape rules, which are registered before.
@conv1d.draws
@conv2d.draws
@conv3d.draws
def convolution_draws(x: Dims, *, out_channels: Size, kernel_size: Any, groups: Size) -> Mapping[str, Draw]:
    shape = (out_channels, x[1] // groups, *kernel_size)
    return {"weight": weight(shape, math.prod(shape[1:])), "bias": bias((out_channels,))}


def _convolved(
    x: Dims, out_channels: int, kernel: Sequence[int], stride: Any, padding: Any, dilation: Any, groups: int
) -> Dims:
    _check_channels(x, len(kernel), out_channels, groups)
    return (x[0], out_channels, *_positions(x[2:], kernel, stride, padding, dilation))


def _of_convolution(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    image, kernel = x.shape[2:], weight.shape[2:]
    maps = _positions(image, kernel, stride, padding, dilation)
    return Geometry(image, maps, kernel, stride, padding, dilation, groups)


def _positions(image: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    """How often the kernel fits, along each axis; what is left over is dropped."""
    positions = []
    words = _WORDS[len(kernel)]
    for word, length, k, s, sides, d in zip(words, image, kernel, stride, padding, dilation, strict=True):
        room, reach = length + sum(sides), d * (k - 1) + 1
        if room < reach:
            raise ShapeError(f"the padded x is {room} {word}; expected {reach} or more, the kernel's reach")
        positions.append((room - reach) // s + 1)
    return tuple(positions)


def _check_channels(x: Dims, axes: int, out_channels: int, groups: int) -> None:
    if len(x) != 2 + axes:
        raise ShapeError(f"x has shape {list(x)}; expected {2 + axes} axes {_LAYOUTS[axes]}")
    for name, channels in (("x has", x[1]), ("out_channels gives", out_channels)):
        if channels % groups:
            raise ShapeError(f"{name} {channels} channels; expected a multiple of groups = {groups}")


@operator(parameters=("weight", "bias"), optional=("bias",))
def depthwise_conv2d(x: Any, weight: Any, bias: Any, *, stride: Pair, padding: PairOrZero, dilation: Pair) -> Any:
    """`conv2d` of each channel by itself, to m maps: the groups are the channels.

    x [N, C, H, W], weight [C m, 1, kh, kw], bias [C m] or absent; y [N, C m, OH, OW], channel after channel.
    Sifre (2014), *Rigid-motion scattering for image classification*, section 6.2.
    """
    return correlate(x, weight, bias, _of_depthwise(x, weight, stride, padding, dilation))


@depthwise_conv2d.vjp
def depthwise_conv2d_vjp(
    dy: Any,
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Any:
    at = _of_depthwise(x, weight, stride, padding, dilation)
    return spread(dy, weight, None, at), pair(dy, x, at), _bias_gradient(dy, bias)


@depthwise_conv2d.shape
def depthwise_conv2d_shape(
    x: Dims, *, multiplier: Size, kernel_size: Pair, stride: Pair, padding: PairOrZero, dilation: Pair
) -> Dims:
    _check_channels(x, 2, multiplier, 1)
    return _convolved(x, x[1] * multiplier, kernel_size, stride, [[p, p] for p in padding], dilation, x[1])


@depthwise_conv2d.draws
def depthwise_conv2d_draws(x: Dims, *, multiplier: Size, kernel_size: Pair) -> Mapping[str, Draw]:
    shape = (x[1] * multiplier, 1, *kernel_size)
    return {"weight": weight(shape, math.prod(kernel_size)), "bias": bias(shape[:1])}


def _of_depthwise(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Geometry:
    return _of_convolution(x, weight, stride, [[p, p] for p in padding], dilation, x.shape[1])


def _bias_gradient(dy: Any, bias: Any) -> Any:
    return None if bias is None else np.sum(dy, axis=(0, *range(2, dy.ndim)))


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Single,
    padding: SingleOrZero,
    output_padding: SingleOrZero,
    dilation: Single,
    groups: Size,
) -> Any:
    """The adjoint of `conv1d` in its x, plus a bias.  x [N, C, L], weight [C, O / groups, k]; as `conv_transpose2d`."""
    return spread(x, weight, bias, _of_transpose(x, weight, stride, padding, output_padding, dilation, groups))


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Pair,
    padding: PairOrZero,
    output_padding: PairOrZero,
    dilation: Pair,
    groups: Size,
) -> Any:
    """The adjoint of `conv2d` in its x, plus a bias.  Dumoulin and Visin (2016), section 4.

    x [N, C, H, W], weight [C, O / groups, kh, kw], bias [O] or absent; y [N, O, OH, OW], where
    OH = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
    """
    return spread(x, weight, bias, _of_transpose(x, weight, stride, padding, output_padding, dilation, groups))


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Triple,
    padding: TripleOrZero,
    output_padding: TripleOrZero,
    dilation: Triple,
    groups: Size,
) -> Any:
    """The adjoint of `conv3d` in its x, plus a bias.

    x [N, C, D, H, W], weight [C, O / groups, kd, kh, kw], bias [O] or absent; as `conv_transpose2d`.
    """
    return spread(x, weight, bias, _of_transpose(x, weight, stride, padding, output_padding, dilation, groups))


@conv_transpose1d.vjp
@conv_transpose2d.vjp
@conv_transpose3d.vjp
def transpose_vjp(
    dy: Any,
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    output_padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    at = _of_transpose(x, weight, stride, padding, output_padding, dilation, groups)
    return correlate(dy, weight, None, at), pair(x, dy, at), _bias_gradient(dy, bias)


@conv_transpose1d.shape
def conv_transpose1d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Single,
    stride: Single,
    padding: SingleOrZero,
    output_padding: SingleOrZero,
    dilation: Single,
    groups: Size,
) -> Dims:
    return _transposed(x, out_channels, kernel_size, stride, padding, output_padding, dilation, groups)


@conv_transpose2d.shape
def conv_transpose2d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Pair,
    stride: Pair,
    padding: PairOrZero,
    output_padding: PairOrZero,
    dilation: Pair,
    groups: Size,
) -> Dims:
    return _transposed(x, out_channels, kernel_size, stride, padding, output_padding, dilation, groups)


@conv_transpose3d.shape
def conv_transpose3d_shape(
    x: Dims,
    *,
    out_channels: Size,
    kernel_size: Triple,
    stride: Triple,
    padding: TripleOrZero,
    output_padding: TripleOrZero,
    dilation: Triple,
    groups: Size,
) -> Dims:
    return _transposed(x, out_channels, kernel_size, stride, padding, output_padding, dilation, groups)


@conv_transpose1d.draws
@conv_transpose2d.draws
@conv_transpose3d.draws
def transpose_draws(
    x: Dims, *, out_channels: Size, kernel_size: Any, stride: Any, dilation: Any, groups: Size
) -> Mapping[str, Draw]:
    # An output meets only the offsets that the stride lets fall on it.
    met = [-(-k * math.gcd(d, s) // s) for k, s, d in zip(kernel_size, stride, dilation, strict=True)]
    shape = (x[1], out_channels // groups, *kernel_size)
    return {"weight": weight(shape, x[1] // groups * math.prod(met)), "bias": bias((out_channels,))}


def _transposed(
    x: Dims,
    out_channels: int,
    kernel: Sequence[int],
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> Dims:
    _check_channels(x, len(kernel), out_channels, groups)
    for extra, s, d in zip(output_padding, stride, dilation, strict=True):
        if extra >= max(s, d):
            raise ShapeError(f"output_padding is {extra}; expected less than the stride {s} or the dilation {d}")
    extent = _spread_extent(x[2:], kernel, stride, padding, output_padding, dilation)
    if min(x[2:]) < 1:
        raise ShapeError(f"x has shape {list(x)}; expected images of an element or more")
    if min(extent) < 1:
        raise ShapeError(f"the output would be {list(extent)}; expected a padding that leaves 1 or more of each")
    return (x[0], out_channels, *extent)


def _spread_extent(
    maps: Any, kernel: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> tuple[int, ...]:
    return tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for m, k, s, p, extra, d in zip(maps, kernel, stride, padding, output_padding, dilation, strict=True)
    )


def _of_transpose(
    x: Any, weight: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any, groups: int
) -> Geometry:
    maps, kernel = x.shape[2:], weight.shape[2:]
    image = _spread_extent(maps, kernel, stride, padding, output_padding, dilation)
    return Geometry(image, maps, kernel, stride, [(p, p) for p in padding], dilation, groups)
