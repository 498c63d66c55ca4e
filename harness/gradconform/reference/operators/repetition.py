"""Operators that read an element more than once, so that its gradient is a sum; and the sum that undoes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axis, Padding, Pair, PairOrZero, Shape, Size, Sizes
from gradconform.reference.operator import Dims, Operator, ShapeError, operator
from gradconform.reference.operators.binary import unbroadcast
from gradconform.reference.operators.shape import check_axis
from gradconform.reference.tracked.places import Places, numbered, picked, sent_back


@operator
def expand(x: Any, *, shape: Shape) -> Any:
    """x broadcast to a shape, as in NumPy: axes of extent 1 repeated, new ones before the first."""
    return np.broadcast_to(x, tuple(shape))


@expand.vjp
def expand_vjp(dy: Any, x: Any, *, shape: Sequence[int]) -> Any:
    return (unbroadcast(dy, x.shape),)


@expand.shape
def expand_shape(x: Dims, *, shape: Shape) -> Dims:
    _check_broadcasts("x", x, "shape", tuple(shape))
    return tuple(shape)


@operator
def sum_to_size(x: Any, *, shape: Shape) -> Any:
    """The sum over the axes along which a tensor of that shape would be repeated to be broadcast to x."""
    return unbroadcast(x, tuple(shape))


@sum_to_size.vjp
def sum_to_size_vjp(dy: Any, x: Any, *, shape: Sequence[int]) -> Any:
    return (np.broadcast_to(dy, x.shape),)


@sum_to_size.shape
def sum_to_size_shape(x: Dims, *, shape: Shape) -> Dims:
    _check_broadcasts("shape", tuple(shape), "x", x)
    return tuple(shape)


def _check_broadcasts(name: str, narrow: Dims, other: str, wide: Dims) -> None:
    fits = len(narrow) <= len(wide) and all(n in (1, m) for n, m in zip(reversed(narrow), reversed(wide), strict=False))
    if not fits:
        raise ShapeError(
            f"{name} is {list(narrow)} and {other} {list(wide)}; expected, counted from the last axis, "
            f"each extent of {name} to be 1 or that of {other}"
        )


@operator
def tile(x: Any, *, dims: Sizes) -> Any:
    """x dims[i] times one after the other along each axis i; as many axes as dims has, new ones before the first."""
    return picked(x, np.tile(numbered(x.shape), tuple(dims)))


@tile.vjp
def tile_vjp(dy: Any, x: Any, *, dims: Sequence[int]) -> Any:
    return (sent_back(dy, np.tile(numbered(x.shape), tuple(dims)), x.shape),)


@tile.shape
def tile_shape(x: Dims, *, dims: Sizes) -> Dims:
    if len(dims) < len(x):
        raise ShapeError(f"dims is {list(dims)}; expected a number for each axis of x, of shape {list(x)}, or more")
    whole = (*[1] * (len(dims) - len(x)), *x)
    return tuple(n * times for n, times in zip(whole, dims, strict=True))


@operator
def repeat_interleave(x: Any, *, repeats: Size, dim: Axis) -> Any:
    """Each element along axis dim `repeats` times in a row."""
    return np.repeat(x, repeats, axis=dim)


@repeat_interleave.vjp
def repeat_interleave_vjp(dy: Any, x: Any, *, repeats: int, dim: int) -> Any:
    return (sent_back(dy, np.repeat(numbered(x.shape), repeats, axis=dim), x.shape),)


@repeat_interleave.shape
def repeat_interleave_shape(x: Dims, *, repeats: Size, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    return (*x[:dim], x[dim] * repeats, *x[dim + 1 :])


@operator
def reflection_pad(x: Any, *, padding: Padding) -> Any:
    """x continued along each axis i by padding[i] = [before, after] elements, mirrored at the first and the last one.

    Neither of these is repeated: [1, 2, 3] padded by [2, 1] is [3, 2, 1, 2, 3, 2].
    """
    return picked(x, _around(x.shape, padding, "reflect"))


@reflection_pad.vjp
def reflection_pad_vjp(dy: Any, x: Any, *, padding: Sequence[Sequence[int]]) -> Any:
    return (sent_back(dy, _around(x.shape, padding, "reflect"), x.shape),)


@operator
def replication_pad(x: Any, *, padding: Padding) -> Any:
    """x continued along each axis i by padding[i] = [before, after] copies of its first and of its last element."""
    return picked(x, _around(x.shape, padding, "edge"))


@replication_pad.vjp
def replication_pad_vjp(dy: Any, x: Any, *, padding: Sequence[Sequence[int]]) -> Any:
    return (sent_back(dy, _around(x.shape, padding, "edge"), x.shape),)


@operator
def circular_pad(x: Any, *, padding: Padding) -> Any:
    """x continued along each axis i by padding[i] = [before, after] elements, as if it were a circle."""
    return picked(x, _around(x.shape, padding, "wrap"))


@circular_pad.vjp
def circular_pad_vjp(dy: Any, x: Any, *, padding: Sequence[Sequence[int]]) -> Any:
    return (sent_back(dy, _around(x.shape, padding, "wrap"), x.shape),)


def _around(shape: Dims, padding: Sequence[Sequence[int]], mode: Any) -> Places:
    """The place in x of each element of the padded tensor."""
    return np.pad(numbered(shape), [(before, after) for before, after in padding], mode=mode)


def _pads(op: Operator, spare: int) -> None:
    """The shape rule of a padding that takes at most the extent less `spare` on each side."""

    @op.shape
    def rule(x: Dims, *, padding: Padding) -> Dims:
        if len(padding) != len(x):
            raise ShapeError(f"padding has {len(padding)} entries; expected one for each axis of x, of shape {list(x)}")
        for n, (before, after) in zip(x, padding, strict=True):
            most = max(n - spare, 0)
            if max(before, after) > most:
                raise ShapeError(f"padding is {[before, after]}; expected {most} or less for an extent of {n}")
        return tuple(before + n + after for (before, after), n in zip(padding, x, strict=True))


_pads(reflection_pad, 1)
_pads(circular_pad, 0)


@replication_pad.shape
def replication_pad_shape(x: Dims, *, padding: Padding) -> Dims:
    if len(padding) != len(x):
        raise ShapeError(f"padding has {len(padding)} entries; expected one for each axis of x, of shape {list(x)}")
    if any(n == 0 and max(sides) > 0 for sides, n in zip(padding, x, strict=True)):
        raise ShapeError(f"padding is {list(padding)} and x has shape {list(x)}; expected an element to repeat")
    return tuple(before + n + after for (before, after), n in zip(padding, x, strict=True))


@operator
def unfold(x: Any, *, kernel_size: Pair, dilation: Pair, padding: PairOrZero, stride: Pair) -> Any:
    """The windows of an image as columns.  x [N, C, H, W]; y [N, C KH KW, L], L windows in row-major order.

    Along each axis there are floor((n + 2 padding - dilation (k - 1) - 1) / stride) + 1 of them.
    """
    return picked(_bordered(x, padding), _columns(x.shape, kernel_size, dilation, padding, stride))


@unfold.vjp
def unfold_vjp(dy: Any, x: Any, *, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    bordered = (*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True)))
    whole = sent_back(dy, _columns(x.shape, kernel_size, dilation, padding, stride), bordered)
    (top, left), (h, w) = padding, x.shape[2:]
    return (whole[..., top : top + h, left : left + w],)


@unfold.shape
def unfold_shape(x: Dims, *, kernel_size: Pair, dilation: Pair, padding: PairOrZero, stride: Pair) -> Dims:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
    windows = 1
    for n, k, d, p, s in zip(x[2:], kernel_size, dilation, padding, stride, strict=True):
        if n + 2 * p < d * (k - 1) + 1:
            raise ShapeError(f"the padded x has an extent of {n + 2 * p}; expected {d * (k - 1) + 1} or more, a window")
        windows *= (n + 2 * p - d * (k - 1) - 1) // s + 1
    return (x[0], x[1] * kernel_size[0] * kernel_size[1], windows)


def _bordered(x: Any, padding: Any) -> Any:
    return np.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)), mode="constant", constant_values=0.0)


def _columns(shape: Dims, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Places:
    """The place in the padded x of each element of the columns, [N, C KH KW, L]."""
    extents = [n + 2 * p for n, p in zip(shape[2:], padding, strict=True)]
    rows, columns = (
        d * np.arange(k)[:, None] + s * np.arange((n - d * (k - 1) - 1) // s + 1)
        for n, k, d, s in zip(extents, kernel_size, dilation, stride, strict=True)
    )
    inside = rows[:, None, :, None] * extents[1] + columns[None, :, None, :]
    images = numbered((*shape[:2], 1)) * (extents[0] * extents[1])
    return np.reshape(
        images + inside.reshape(-1),
        (shape[0], shape[1] * rows.shape[0] * columns.shape[0], rows.shape[1] * columns.shape[1]),
    )
