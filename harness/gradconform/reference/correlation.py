"""Correlation over any number of axes, and its two adjoints: what convolutions are made of.

All three are sums of products of images [N, C, ...], kernels [O, C / G, ...] and maps [N, O, ...]: `correlate` (images,
kernels -> maps), `spread` (maps, kernels -> images) and `pair` (maps, images -> kernels). No column matrix is built:
each kernel offset is one strided view of the padded images and one batched matrix product, and all offsets together
are rounded as one sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from gradconform.reference.operator import Dims
from gradconform.reference.tracked.sums import sum_of_products


@dataclass(frozen=True)
class Geometry:
    """Where a kernel's offsets fall.

    image: the extents without padding, such as [h, w].
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
        """The channels in their groups: [N, C, ...] -> [N, G, C / G, ...]."""
        n, c, *extent = channels_first.shape
        return channels_first.reshape(n, self.groups, c // self.groups, *extent)

    def padded(self, images: Any) -> Any:
        """Channels in groups, with zeros around: [N, C, H, W] -> [N, G, C / G, H + top + bottom, W + left + right]."""
        if any(map(any, self.padding)):
            images = np.pad(images, ((0, 0), (0, 0), *map(tuple, self.padding)))
        return self.grouped(images)

    def split_weight(self, kernels: Any) -> Any:
        """Kernels by group: [O, C / G, ...] -> [G, O / G, C / G, ...].

        The matrix of each offset is contiguous in memory.
        """
        out, *rest = kernels.shape
        grouped = kernels.reshape(self.groups, out // self.groups, *rest)
        last, first = tuple(range(3, 3 + len(self.kernel))), tuple(range(len(self.kernel)))
        return np.moveaxis(np.copy(np.moveaxis(grouped, last, first), order="C"), first, last)


def correlate(images: Any, kernels: Any, bias: Any, at: Geometry) -> Any:
    """maps[n, o, p] = bias[o] + the sum of kernels[o, c, i, j] images[n, c, stride p + dilation (i, j)]."""
    split, padded = at.split_weight(kernels), at.padded(images)
    n, out = images.shape[0], kernels.shape[0]
    shape = (n, at.groups, out // at.groups, math.prod(at.maps))
    # [G, O, C] @ [N, G, C, P]
    products = ((..., split[offset], _flat(padded[reach])) for offset, reach in at.offsets())
    return sum_of_products(shape, chain(products, _bias_term(bias, shape))).reshape(n, out, *at.maps)


def spread(maps: Any, kernels: Any, bias: Any, at: Geometry) -> Any:
    """bias[c] + the adjoint of `correlate` in its images, which gather kernels[o, c, i, j] maps[n, o]."""
    split, flat = at.split_weight(kernels), _flat(at.grouped(maps))
    n, channels = maps.shape[0], kernels.shape[1] * at.groups
    extent = [sum(side) + length for side, length in zip(at.padding, at.image, strict=True)]
    shape = (n, at.groups, kernels.shape[1], *extent)
    products = ((reach, np.swapaxes(split[offset], -1, -2), flat) for offset, reach in at.offsets())
    padded = sum_of_products(shape, chain(products, _bias_term(bias, shape)))
    kept = [slice(before, before + length) for (before, _), length in zip(at.padding, at.image, strict=True)]
    return padded.reshape(n, channels, *extent)[(..., *kept)]


def pair(maps: Any, images: Any, at: Geometry) -> Any:
    """The adjoint of `correlate` in its kernels: one sum over the batch and all positions."""
    rows, padded = _batch_last(_flat(at.grouped(maps))), at.padded(images)
    # [G, O, N P] @ [G, N P, C]
    met = ((offset, _batch_last(_flat(padded[reach]))) for offset, reach in at.offsets())
    products = ((offset, rows, np.swapaxes(channels, -1, -2)) for offset, channels in met)
    shape = (at.groups, rows.shape[1], padded.shape[2], *at.kernel)
    return sum_of_products(shape, products).reshape(maps.shape[1], *shape[2:])


def _flat(grouped: Any) -> Any:
    """The axes of an image as one: [N, G, C, H, W] -> [N, G, C, H W]."""
    return grouped.reshape(*grouped.shape[:3], math.prod(grouped.shape[3:]))


def _batch_last(flat: Any) -> Any:
    """The batch and all positions as one last axis: [N, G, C, P] -> [G, C, N P]."""
    n, groups, channels, positions = flat.shape
    return np.transpose(flat, (1, 2, 0, 3)).reshape(groups, channels, n * positions)


def _bias_term(bias: Any, shape: Dims) -> Iterator[tuple[Any, Any, Any]]:
    """The bias as one more product: a sum may begin with it, and then each addition rounds it too."""
    if bias is not None:
        n, groups, channels, *extent = shape
        yield ..., bias.reshape(groups, channels, 1), np.ones((n, 1, 1, math.prod(extent)))
