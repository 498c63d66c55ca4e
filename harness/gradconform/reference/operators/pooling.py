"""Pooling over windows of [N, C, H, W]. What does not fill a window is dropped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Flag, Pair, PairOrZero
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.sums import scatter_sum
from gradconform.reference.tracked.ties import between, joined, tied

Index = tuple[Any, ...]


def _windows(image: Sequence[int], kernel_size: Any, stride: Any, padding: Any) -> tuple[int, ...]:
    """How many windows fit along each axis."""
    windows = []
    for name, length, k, s, p in zip(("high", "wide"), image, kernel_size, stride, padding, strict=True):
        if p > k // 2:
            raise ShapeError(f"padding is {p}; expected at most half the kernel size {k}, or windows are empty")
        if length + 2 * p < k:
            raise ShapeError(f"the padded x is {length + 2 * p} {name}; expected {k} or more, the kernel size")
        windows.append((length + 2 * p - k) // s + 1)
    return tuple(windows)


def _pooled_shape(x: Dims, kernel_size: Any, stride: Any, padding: Any) -> Dims:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
    return (*x[:2], *_windows(x[2:], kernel_size, stride, padding))


def _members(windows: Sequence[int], kernel_size: Any, stride: Any) -> Iterator[Index]:
    """For each place in a window, row by row, the index of all windows' elements there in the padded x."""
    for place in np.ndindex(*kernel_size):
        reach = [slice(f, f + (w - 1) * s + 1, s) for f, w, s in zip(place, windows, stride, strict=True)]
        yield (..., *reach)


def _padded(x: Any, padding: Any, value: float) -> Any:
    if not any(padding):
        return x
    return np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), mode="constant", constant_values=value)


def _without_padding(padded: Any, image: Sequence[int], padding: Any) -> Any:
    (h, w), (top, left) = image, padding
    return padded[..., top : top + h, left : left + w]


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
def max_pool2d(x: Any, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Any:
    """The largest element of each window, which padding never is.  x [N, C, H, W]; y [N, C, OH, OW].

    OH = floor((H + 2 padding - kernel_size) / stride) + 1. Of equal elements the first in row-major order
    gets the gradient.
    """
    return _winners(x, kernel_size, stride, padding)[0]


@max_pool2d.vjp
def max_pool2d_vjp(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    winner = _winners(x.real, kernel_size, stride, padding)[1]
    places = enumerate(_members(winner.shape[2:], kernel_size, stride))
    parts = ((at, np.where(winner == place, dy, 0.0)) for place, at in places)
    extent = [length + 2 * p for length, p in zip(x.shape[2:], padding, strict=True)]
    return (_without_padding(scatter_sum((*x.shape[:2], *extent), parts), x.shape[2:], padding),)


@max_pool2d.choices
def max_pool2d_choices(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    """How many windows each element wins: of two that lose, it does not matter which is larger."""
    windows = _pooled_shape(x.shape, kernel_size, stride, padding)
    return max_pool2d_vjp(np.ones(windows), x, kernel_size=kernel_size, stride=stride, padding=padding)[0]


@max_pool2d.subgradients
def max_pool2d_subgradients(dy: Any, x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    ties, many, nan = _ties(x, kernel_size, stride, padding)
    inside = _padded(np.ones((1, 1, *x.shape[2:]), dtype=bool), padding, value=False)
    places = list(_members(dy.shape[2:], kernel_size, stride))
    parts = [
        between(np.where(tie, dy, 0.0), tie & many, 0.0, dy, nan=nan & inside[at])
        for at, tie in zip(places, ties, strict=True)
    ]
    extent = [length + 2 * p for length, p in zip(x.shape[2:], padding, strict=True)]
    low, high = (
        scatter_sum((*x.shape[:2], *extent), zip(places, side, strict=True)) for side in zip(*parts, strict=True)
    )
    return ((_without_padding(low, x.shape[2:], padding), _without_padding(high, x.shape[2:], padding)),)


@max_pool2d.shares
def max_pool2d_shares(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
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


@max_pool2d.shape
def max_pool2d_shape(x: Dims, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Dims:
    return _pooled_shape(x, kernel_size, stride, padding)


@operator
def avg_pool2d(x: Any, *, kernel_size: Pair, stride: Pair, padding: PairOrZero, count_include_pad: Flag) -> Any:
    """The mean of each window.  x [N, C, H, W]; y [N, C, OH, OW], OH as for max_pool2d.

    The divisor is the window's size, or with `count_include_pad` false the number of its elements that are
    not padding.
    """
    padded, windows = _padded(x, padding, 0.0), _windows(x.shape[2:], kernel_size, stride, padding)
    parts = ((..., padded[at]) for at in _members(windows, kernel_size, stride))
    divisor = _divisor(x.shape[2:], windows, kernel_size, stride, padding, count_include_pad)
    return scatter_sum((*x.shape[:2], *windows), parts) / divisor


@avg_pool2d.vjp
def avg_pool2d_vjp(
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
    extent = [length + 2 * p for length, p in zip(x.shape[2:], padding, strict=True)]
    return (_without_padding(scatter_sum((*x.shape[:2], *extent), parts), x.shape[2:], padding),)


@avg_pool2d.shape
def avg_pool2d_shape(x: Dims, *, kernel_size: Pair, stride: Pair, padding: PairOrZero) -> Dims:
    return _pooled_shape(x, kernel_size, stride, padding)


def _divisor(image: Any, windows: Any, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    """What each window's sum is divided by: one int for all windows, or an array [OH, OW]."""
    if count_include_pad or not any(padding):
        return math.prod(kernel_size)
    # Exact in float32, and of a dtype that widens no other.
    inside = _padded(np.ones((1, 1, *image), dtype=np.float32), padding, 0.0)
    members = ((..., inside[at]) for at in _members(windows, kernel_size, stride))
    return scatter_sum((1, 1, *windows), members)[0, 0]
