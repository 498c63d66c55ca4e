"""Pooling over windows of [N, C, L], [N, C, H, W] and [N, C, D, H, W]. What does not fill a window is dropped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Flag, Pair, PairOrZero, Single, SingleOrZero, Triple, TripleOrZero
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.sums import scatter_sum
from gradconform.reference.tracked.ties import between, joined, tied

Index = tuple[Any, ...]
# How the extents of an image are called, by the number of its axes.
_WORDS = {1: ("long",), 2: ("high", "wide"), 3: ("deep", "high", "wide")}
_LAYOUTS = {1: "[N, C, L]", 2: "[N, C, H, W]", 3: "[N, C, D, H, W]"}


def _windows(image: Sequence[int], kernel_size: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    """How many windows fit along each axis."""
    windows = []
    for name, length, k, s, p in zip(_WORDS[len(image)], image, kernel_size, stride, padding, strict=True):
        before, after = _sides(p)
        if before > k // 2:
            raise ShapeError(f"padding is {before}; expected at most half the kernel size {k}, or windows are empty")
        if length + before + after < k:
            raise ShapeError(f"the padded x is {length + before + after} {name}; expected {k} or more, the kernel size")
        windows.append((length + before + after - k) // s + 1)
    return tuple(windows)


def _pooled_shape(x: Dims, kernel_size: Any, stride: Any, padding: Any) -> Dims:
    axes = len(kernel_size)
    if len(x) != 2 + axes:
        raise ShapeError(f"x has shape {list(x)}; expected {2 + axes} axes {_LAYOUTS[axes]}")
    return (*x[:2], *_windows(x[2:], kernel_size, stride, padding))


def _members(windows: Sequence[int], kernel_size: Any, stride: Any) -> Iterator[Index]:
    """For each place in a window, row by row, the index of all windows' elements there in the padded x."""
    for place in np.ndindex(*kernel_size):
        reach = [slice(f, f + (w - 1) * s + 1, s) for f, w, s in zip(place, windows, stride, strict=True)]
        yield (..., *reach)


def _sides(p: Any) -> tuple[int, int]:
    """The padding before and after: one number stands for both."""
    return (p, p) if isinstance(p, int) else p


def _padded(x: Any, padding: Any, value: float) -> Any:
    if not any(map(any, map(_sides, padding))):
        return x
    return np.pad(x, ((0, 0), (0, 0), *map(_sides, padding)), mode="constant", constant_values=value)


def _extent(image: Sequence[int], padding: Any) -> list[int]:
    return [length + sum(_sides(p)) for length, p in zip(image, padding, strict=True)]


def _without_padding(padded: Any, image: Sequence[int], padding: Any) -> Any:
    first = (_sides(p)[0] for p in padding)
    return padded[(..., *(slice(before, before + length) for before, length in zip(first, image, strict=True)))]


def _winners(x: Any, kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, Any]:
    """The largest element of each window and its place, the first in row-major order, or the first NaN.

    A complex element, which only the numerical checks bring, is as large as its real part.
    """
    padded = _padded(x, padding, -math.inf)
    inside = _padded(np.ones((1, 1, *x.shape[2:]), dtype=bool), padding, value=False)
    first, *others = _members(_windows(x.shape[2:], kernel_size, stride, padding), kernel_size, stride)
    largest, inner = padded[first], inside[first]
    winner = np.zeros(largest.shape, dtype=np.min_scalar_type(math.prod(kernel_size)))
    for place, at in enumerate(others, start=1):
        element, here, real = padded[at], inside[at], largest.real
        # Padding is never chosen, not even where all of a window is minus infinity.
        better = (element.real > real) | (np.isnan(element.real) & ~np.isnan(real)) | (here & ~inner)
        largest, inner = np.where(better, element, largest), inner | here
        winner[better] = place
    return largest, winner


@operator
def max_pool1d(x: Any, *, kernel_size: Single, stride: Single, padding: SingleOrZero) -> Any:
    """The largest element of each window.  x [N, C, L]; y [N, C, OL]; as max_pool2d."""
    return _winners(x, kernel_size, stride, padding)[0]


@operator
def max_pool2d(x: Any, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Any:
    """The largest element of each window, which padding never is.  x [N, C, H, W]; y [N, C, OH, OW].

    OH = floor((H + 2 padding - kernel_size) / stride) + 1. Of equal elements the first in row-major order
    gets the gradient.
    """
    return _winners(x, kernel_size, stride, padding)[0]


@operator
def max_pool3d(x: Any, *, kernel_size: Triple, stride: Triple, padding: TripleOrZero) -> Any:
    """The largest element of each window.  x [N, C, D, H, W]; y [N, C, OD, OH, OW]; as max_pool2d."""
    return _winners(x, kernel_size, stride, padding)[0]


@max_pool1d.vjp
@max_pool2d.vjp
@max_pool3d.vjp
def max_pool_vjp(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    winner = _winners(x.real, kernel_size, stride, padding)[1]
    places = enumerate(_members(winner.shape[2:], kernel_size, stride))
    parts = ((at, np.where(winner == place, dy, 0.0)) for place, at in places)
    extent = _extent(x.shape[2:], padding)
    return (_without_padding(scatter_sum((*x.shape[:2], *extent), parts), x.shape[2:], padding),)


@max_pool1d.choices
@max_pool2d.choices
@max_pool3d.choices
def max_pool_choices(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """How many windows each element wins: of two that lose, it does not matter which is larger."""
    windows = _pooled_shape(x.shape, kernel_size, stride, padding)
    return max_pool_vjp(np.ones(windows), x, kernel_size=kernel_size, stride=stride, padding=padding)[0]


@max_pool1d.subgradients
@max_pool2d.subgradients
@max_pool3d.subgradients
def max_pool_subgradients(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    ties, many, nan = _ties(x, kernel_size, stride, padding)
    inside = _padded(np.ones((1, 1, *x.shape[2:]), dtype=bool), padding, value=False)
    places = list(_members(dy.shape[2:], kernel_size, stride))
    parts = [
        between(np.where(tie, dy, 0.0), tie & many, 0.0, dy, nan=nan & inside[at])
        for at, tie in zip(places, ties, strict=True)
    ]
    extent = _extent(x.shape[2:], padding)
    low, high = (
        scatter_sum((*x.shape[:2], *extent), zip(places, side, strict=True)) for side in zip(*parts, strict=True)
    )
    return ((_without_padding(low, x.shape[2:], padding), _without_padding(high, x.shape[2:], padding)),)


@max_pool1d.shares
@max_pool2d.shares
@max_pool3d.shares
def max_pool_shares(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """The elements that tie in a window share its gradient; those of windows that have one in common, all of theirs."""
    ties, many, _ = _ties(x, kernel_size, stride, padding)
    numbered = _padded(np.arange(x.size).reshape(x.shape), padding, -1)
    windows = x.size + np.arange(many.size).reshape(many.shape)
    pairs = [
        (numbered[at][tie & many], windows[tie & many])
        for at, tie in zip(_members(many.shape[2:], kernel_size, stride), ties, strict=True)
    ]
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return (joined(x.size + many.size, one, other)[: x.size].reshape(x.shape),)


def _ties(x: Any, kernel_size: Any, stride: Any, padding: Any) -> tuple[list[Any], Any, Any]:
    """For each place in a window whether its element is as large as any, [N, C, OH, OW] truth values.

    And the windows in which several are, and those in which one is no number; of the same shape.
    """
    largest, _ = _winners(x, kernel_size, stride, padding)
    padded = _padded(x, padding, -math.inf)
    inside = _padded(np.ones((1, 1, *x.shape[2:]), dtype=bool), padding, value=False)
    places = _members(largest.shape[2:], kernel_size, stride)
    ties = [tied(padded[at], largest) & inside[at] for at in places]
    return ties, np.sum(ties, axis=0) > 1, np.isnan(largest)


@operator
def max_pool2d_ceil(x: Any, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Any:
    """max_pool2d, and what does not fill a window is pooled too, as far as it and the padding reach.

    OH = ceil((H + 2 padding - kernel_size) / stride) + 1, less one if the last window would begin behind x: argument
    ceil_mode of torch. Chainer's cover_all does so unless told, and NNabla with ignore_border=False.
    """
    return _winners(x, kernel_size, stride, _covering(x.shape[2:], kernel_size, stride, padding))[0]


@max_pool2d_ceil.vjp
def max_pool2d_ceil_vjp(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    covering = _covering(x.shape[2:], kernel_size, stride, padding)
    return max_pool_vjp(dy, x, kernel_size=kernel_size, stride=stride, padding=covering)


@max_pool2d_ceil.choices
def max_pool2d_ceil_choices(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    covering = _covering(x.shape[2:], kernel_size, stride, padding)
    return max_pool_choices(x, kernel_size=kernel_size, stride=stride, padding=covering)


@max_pool2d_ceil.subgradients
def max_pool2d_ceil_subgradients(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    covering = _covering(x.shape[2:], kernel_size, stride, padding)
    return max_pool_subgradients(dy, x, kernel_size=kernel_size, stride=stride, padding=covering)


@max_pool2d_ceil.shares
def max_pool2d_ceil_shares(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    covering = _covering(x.shape[2:], kernel_size, stride, padding)
    return max_pool_shares(x, kernel_size=kernel_size, stride=stride, padding=covering)


@max_pool2d_ceil.shape
def max_pool2d_ceil_shape(x: Dims, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Dims:
    _pooled_shape(x, kernel_size, stride, padding)
    return _pooled_shape(x, kernel_size, stride, _covering(x[2:], kernel_size, stride, padding))


def _covering(image: Sequence[int], kernel_size: Any, stride: Any, padding: Any) -> list[tuple[int, int]]:
    """The padding before and after with which windows cover what would be left over, too."""
    sides = []
    for length, k, s, p in zip(image, kernel_size, stride, padding, strict=True):
        begins = -(-(length + 2 * p - k) // s) * s
        if begins >= length + p:
            begins -= s
        # A gap between windows may take in less than the whole padding.
        sides.append((p, max(begins + k - length - p, 0)))
    return sides


@operator
def avg_pool1d(x: Any, *, kernel_size: Single, stride: Single, padding: SingleOrZero, count_include_pad: Flag) -> Any:
    """The mean of each window.  x [N, C, L]; y [N, C, OL]; as avg_pool2d."""
    return _means(x, kernel_size, stride, padding, count_include_pad)


@operator
def avg_pool2d(x: Any, *, kernel_size: Pair, stride: Pair, padding: PairOrZero, count_include_pad: Flag) -> Any:
    """The mean of each window.  x [N, C, H, W]; y [N, C, OH, OW], OH as for max_pool2d.

    The divisor is the window's size, or with `count_include_pad` false the number of its elements that are
    not padding.
    """
    return _means(x, kernel_size, stride, padding, count_include_pad)


@operator
def avg_pool3d(x: Any, *, kernel_size: Triple, stride: Triple, padding: TripleOrZero, count_include_pad: Flag) -> Any:
    """The mean of each window.  x [N, C, D, H, W]; y [N, C, OD, OH, OW]; as avg_pool2d."""
    return _means(x, kernel_size, stride, padding, count_include_pad)


def _means(x: Any, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    padded, windows = _padded(x, padding, 0.0), _windows(x.shape[2:], kernel_size, stride, padding)
    parts = ((..., padded[at]) for at in _members(windows, kernel_size, stride))
    divisor = _divisor(x.shape[2:], windows, kernel_size, stride, padding, count_include_pad)
    return scatter_sum((*x.shape[:2], *windows), parts) / divisor


@avg_pool1d.vjp
@avg_pool2d.vjp
@avg_pool3d.vjp
def avg_pool_vjp(
    dy: Any,
    x: Any,
    *,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    count_include_pad: bool,
) -> Any:
    windows = dy.shape[2:]
    share = dy / _divisor(x.shape[2:], windows, kernel_size, stride, padding, count_include_pad)
    parts = ((at, share) for at in _members(windows, kernel_size, stride))
    extent = _extent(x.shape[2:], padding)
    return (_without_padding(scatter_sum((*x.shape[:2], *extent), parts), x.shape[2:], padding),)


# The attributes have the types of the forwards.
@max_pool1d.shape
@max_pool2d.shape
@max_pool3d.shape
@avg_pool1d.shape
@avg_pool2d.shape
@avg_pool3d.shape
def pool_shape(x: Dims, *, kernel_size: Any, stride: Any, padding: Any) -> Dims:
    return _pooled_shape(x, kernel_size, stride, padding)


def _divisor(image: Any, windows: Any, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    """What each window's sum is divided by: one int for all windows, or an array such as [OH, OW]."""
    if count_include_pad or not any(padding):
        return math.prod(kernel_size)
    # Exact in float32, and of a dtype that widens no other.
    inside = _padded(np.ones((1, 1, *image), dtype=np.float32), padding, 0.0)
    members = ((..., inside[at]) for at in _members(windows, kernel_size, stride))
    return scatter_sum((1, 1, *windows), members)[0, 0]


@operator
def adaptive_avg_pool2d(x: Any, *, output_size: Pair) -> Any:
    """The means of windows that divide the image.  x [N, C, H, W]; y [N, C, *output_size].

    Row i is over the rows from floor(i H / OH) to ceil((i + 1) H / OH), and so for the columns; an output size of 1
    gives the mean of the whole image, global average pooling (Lin, Chen and Yan, 2014).
    """
    rows, columns = (_bounds(n, m) for n, m in zip(x.shape[2:], output_size, strict=True))
    means = [
        [np.sum(x[..., a:b, c:d], axis=(2, 3), keepdims=True) / ((b - a) * (d - c)) for c, d in columns]
        for a, b in rows
    ]
    return np.concatenate([np.concatenate(row, axis=3) for row in means], axis=2)


@adaptive_avg_pool2d.vjp
def adaptive_avg_pool2d_vjp(dy: Any, x: Any, *, output_size: Sequence[int]) -> Any:
    rows, columns = (_bounds(n, m) for n, m in zip(x.shape[2:], output_size, strict=True))
    parts = (
        ((..., slice(a, b), slice(c, d)), dy[..., i : i + 1, j : j + 1] / ((b - a) * (d - c)))
        for i, (a, b) in enumerate(rows)
        for j, (c, d) in enumerate(columns)
    )
    return (scatter_sum(x.shape, parts),)


@adaptive_avg_pool2d.shape
def adaptive_avg_pool2d_shape(x: Dims, *, output_size: Pair) -> Dims:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
    return (*x[:2], *output_size)


def _bounds(length: int, parts: int) -> list[tuple[int, int]]:
    """Where each of the parts of an axis begins and ends; neighbours share an element where they do not fit."""
    return [(i * length // parts, -(-(i + 1) * length // parts)) for i in range(parts)]
