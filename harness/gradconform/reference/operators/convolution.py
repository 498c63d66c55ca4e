"""Convolution and its transpose, over [N, C, H, W].

Both are one bilinear map and its adjoint, so three sums of products serve them: `_correlate` (images,
kernels -> maps), `_spread` (maps, kernels -> images) and `_pair` (maps, images -> kernels). No column
matrix is built: each kernel offset (i, j) is one strided view of the padded images and one batched matrix
product, and all offsets together are rounded as one sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from gradconform.draws import Draw, bias, weight
from gradconform.reference.attributes import Padding2d, Pair, PairOrZero, Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.sums import sum_of_products


@dataclass(frozen=True)
class _Geometry:
    """Where a kernel's offsets fall.

    image: the extent [h, w] without padding.
    maps: how many positions the kernel has along each axis.
    kernel, stride, dilation: along each axis.
    padding: (before, after) along each axis.
    groups: how many groups the channels are in.
    """

    image: Sequence[int]
    maps: Sequence[int]
    kernel: Sequence[int]
    stride: Sequence[int]
    padding: Sequence[Sequence[int]]
    dilation: Sequence[int]
    groups: int

    def offsets(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """For each kernel offset, its index into the kernels and that of what it meets in padded images."""
        for offset in np.ndindex(*self.kernel):
            first = [i * d for i, d in zip(offset, self.dilation, strict=True)]
            steps = zip(first, self.maps, self.stride, strict=True)
            reach = [slice(f, f + (m - 1) * s + 1, s) for f, m, s in steps]
            yield (..., *offset), (..., *reach)

    def grouped(self, channels_first: Any) -> Any:
        """The channels in their groups: [N, C, H, W] -> [N, G, C / G, H, W]."""
        n, c, *extent = channels_first.shape
        return channels_first.reshape(n, self.groups, c // self.groups, *extent)

    def padded(self, images: Any) -> Any:
        """Channels in groups, with zeros around: [N, C, H, W] -> [N, G, C / G, H + top + bottom, W + left + right]."""
        if any(map(any, self.padding)):
            images = np.pad(images, ((0, 0), (0, 0), *map(tuple, self.padding)))
        return self.grouped(images)

    def split_weight(self, kernels: Any) -> Any:
        """Kernels by group: [O, C / G, kh, kw] -> [G, O / G, C / G, kh, kw].

        The matrix of each offset is contiguous in memory.
        """
        out, *rest = kernels.shape
        grouped = kernels.reshape(self.groups, out // self.groups, *rest)
        return np.moveaxis(np.copy(np.moveaxis(grouped, (3, 4), (0, 1)), order="C"), (0, 1), (3, 4))


def _correlate(images: Any, kernels: Any, bias: Any, at: _Geometry) -> Any:
    """maps[n, o, p] = bias[o] + the sum of kernels[o, c, i, j] images[n, c, stride p + dilation (i, j)]."""
    split, padded = at.split_weight(kernels), at.padded(images)
    n, out = images.shape[0], kernels.shape[0]
    shape = (n, at.groups, out // at.groups, math.prod(at.maps))
    # [G, O, C] @ [N, G, C, P]
    products = ((..., split[offset], _flat(padded[reach])) for offset, reach in at.offsets())
    return sum_of_products(shape, chain(products, _bias_term(bias, shape))).reshape(n, out, *at.maps)


def _spread(maps: Any, kernels: Any, bias: Any, at: _Geometry) -> Any:
    """bias[c] + the adjoint of `_correlate` in its images, which gather kernels[o, c, i, j] maps[n, o]."""
    split, flat = at.split_weight(kernels), _flat(at.grouped(maps))
    n, channels = maps.shape[0], kernels.shape[1] * at.groups
    extent = [sum(side) + length for side, length in zip(at.padding, at.image, strict=True)]
    shape = (n, at.groups, kernels.shape[1], *extent)
    products = ((reach, np.swapaxes(split[offset], -1, -2), flat) for offset, reach in at.offsets())
    padded = sum_of_products(shape, chain(products, _bias_term(bias, shape)))
    (top, _), (left, _) = at.padding
    kept = (..., slice(top, top + at.image[0]), slice(left, left + at.image[1]))
    return padded.reshape(n, channels, *extent)[kept]


def _pair(maps: Any, images: Any, at: _Geometry) -> Any:
    """The adjoint of `_correlate` in its kernels: one sum over the batch and all positions."""
    rows, padded = _batch_last(_flat(at.grouped(maps))), at.padded(images)
    # [G, O, N P] @ [G, N P, C]
    met = ((offset, _batch_last(_flat(padded[reach]))) for offset, reach in at.offsets())
    products = ((offset, rows, np.swapaxes(channels, -1, -2)) for offset, channels in met)
    shape = (at.groups, rows.shape[1], padded.shape[2], *at.kernel)
    return sum_of_products(shape, products).reshape(maps.shape[1], *shape[2:])


def _flat(grouped: Any) -> Any:
    """Both axes of an image as one: [N, G, C, H, W] -> [N, G, C, H W]."""
    return grouped.reshape(*grouped.shape[:3], -1)


def _batch_last(flat: Any) -> Any:
    """The batch and all positions as one last axis: [N, G, C, P] -> [G, C, N P]."""
    n, groups, channels, positions = flat.shape
    return np.transpose(flat, (1, 2, 0, 3)).reshape(groups, channels, n * positions)


def _bias_term(bias: Any, shape: Dims) -> Iterator[tuple[Any, Any, Any]]:
    """The bias as one more product: a sum may begin with it, and then each addition rounds it too."""
    if bias is not None:
        n, groups, channels, *extent = shape
        yield ..., bias.reshape(groups, channels, 1), np.ones((n, 1, 1, math.prod(extent)))


def _bias_gradient(dy: Any, bias: Any) -> Any:
    return None if bias is None else np.sum(dy, axis=(0, 2, 3))


def _check_groups(x: Dims, out_channels: int, groups: int) -> None:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
    for name, channels in (("x has", x[1]), ("out_channels gives", out_channels)):
        if channels % groups:
            raise ShapeError(f"{name} {channels} channels; expected a multiple of groups = {groups}")


@operator(parameters=("weight", "bias"), optional=("bias",))
def conv2d(x: Any, weight: Any, bias: Any, *, stride: Pair, padding: Padding2d, dilation: Pair, groups: Size) -> Any:
    """Cross-correlation, with zeros as padding, asymmetric or not.

    x [N, C, H, W], weight [O, C / groups, kh, kw], bias [O] or absent; y [N, O, OH, OW], where
    OH = floor((H + top + bottom - dilation (kh - 1) - 1) / stride) + 1.
    Dumoulin and Visin (2016), *A guide to convolution arithmetic for deep learning*.
    """
    return _correlate(x, weight, bias, _of_conv2d(x, weight, stride, padding, dilation, groups))


@conv2d.vjp
def conv2d_vjp(
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
    at = _of_conv2d(x, weight, stride, padding, dilation, groups)
    return _spread(dy, weight, None, at), _pair(dy, x, at), _bias_gradient(dy, bias)


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
    _check_groups(x, out_channels, groups)
    return (x[0], out_channels, *_positions(x[2:], kernel_size, stride, padding, dilation))


@conv2d.draws
def conv2d_draws(x: Dims, *, out_channels: Size, kernel_size: Pair, groups: Size) -> Mapping[str, Draw]:
    shape = (out_channels, x[1] // groups, *kernel_size)
    return {"weight": weight(shape, math.prod(shape[1:])), "bias": bias((out_channels,))}


def _of_conv2d(x: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> _Geometry:
    image, kernel = x.shape[2:], weight.shape[2:]
    maps = _positions(image, kernel, stride, padding, dilation)
    return _Geometry(image, maps, kernel, stride, padding, dilation, groups)


def _positions(image: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    """How often the kernel fits, along each axis; what is left over is dropped."""
    positions = []
    names = ("high", "wide")
    for name, length, k, s, sides, d in zip(names, image, kernel, stride, padding, dilation, strict=True):
        room, reach = length + sum(sides), d * (k - 1) + 1
        if room < reach:
            raise ShapeError(f"the padded x is {room} {name}; expected {reach} or more, the kernel's reach")
        positions.append((room - reach) // s + 1)
    return tuple(positions)


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
    at = _of_conv_transpose2d(x, weight, stride, padding, output_padding, dilation, groups)
    return _spread(x, weight, bias, at)


@conv_transpose2d.vjp
def conv_transpose2d_vjp(
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
    at = _of_conv_transpose2d(x, weight, stride, padding, output_padding, dilation, groups)
    return _correlate(dy, weight, None, at), _pair(x, dy, at), _bias_gradient(dy, bias)


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
    _check_groups(x, out_channels, groups)
    for extra, s, d in zip(output_padding, stride, dilation, strict=True):
        if extra >= max(s, d):
            raise ShapeError(f"output_padding is {extra}; expected less than the stride {s} or the dilation {d}")
    extent = _spread_extent(x[2:], kernel_size, stride, padding, output_padding, dilation)
    if min(extent) < 1:
        raise ShapeError(f"the output would be {list(extent)}; expected a padding that leaves 1 or more of each")
    return (x[0], out_channels, *extent)


@conv_transpose2d.draws
def conv_transpose2d_draws(
    x: Dims, *, out_channels: Size, kernel_size: Pair, stride: Pair, dilation: Pair, groups: Size
) -> Mapping[str, Draw]:
    # An output meets only the offsets that the stride lets fall on it.
    met = [-(-k * math.gcd(d, s) // s) for k, s, d in zip(kernel_size, stride, dilation, strict=True)]
    shape = (x[1], out_channels // groups, *kernel_size)
    return {"weight": weight(shape, x[1] // groups * math.prod(met)), "bias": bias((out_channels,))}


def _spread_extent(
    maps: Any, kernel: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any
) -> tuple[int, ...]:
    return tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for m, k, s, p, extra, d in zip(maps, kernel, stride, padding, output_padding, dilation, strict=True)
    )


def _of_conv_transpose2d(
    x: Any, weight: Any, stride: Any, padding: Any, output_padding: Any, dilation: Any, groups: int
) -> _Geometry:
    maps, kernel = x.shape[2:], weight.shape[2:]
    image = _spread_extent(maps, kernel, stride, padding, output_padding, dilation)
    return _Geometry(image, maps, kernel, stride, [(p, p) for p in padding], dilation, groups)
