"""Operators that choose elements: by a mask, by indices, or by a pattern of places."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Axis, Offset, Real, Size, StartLength
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.binary import unbroadcast
from gradconform.reference.operators.shape import check_axis
from gradconform.reference.tracked.places import Places, added, numbered, picked, sent_back
from gradconform.reference.tracked.sums import scatter_sum


@operator(integers=("condition",), moves=True)
def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition is 1, y where it is 0; the shapes broadcast as in NumPy."""
    return np.where(condition != 0, x, y)


@where.vjp
def where_vjp(dy: Any, condition: Any, x: Any, y: Any) -> Any:
    chosen = condition != 0
    return None, unbroadcast(np.where(chosen, dy, 0.0), x.shape), unbroadcast(np.where(chosen, 0.0, dy), y.shape)


@where.shape
def where_shape(condition: Dims, x: Dims, y: Dims) -> Dims:
    try:
        return np.broadcast_shapes(condition, x, y)
    except ValueError:
        raise ShapeError(
            f"condition has shape {list(condition)}, x {list(x)} and y {list(y)}; expected, counted from the last "
            "axis, equal extents or 1"
        ) from None


@where.classes
def where_classes(condition: Dims, x: Dims, y: Dims) -> int:
    return 2


@operator(integers=("mask",), moves=True)
def masked_fill(x: Any, mask: Any, *, value: Real) -> Any:
    """The value where the mask is 1, x where it is 0.  x [...]; mask, of ints, broadcasts to x."""
    return np.where(mask != 0, value, x)


@masked_fill.vjp
def masked_fill_vjp(dy: Any, x: Any, mask: Any, *, value: float) -> Any:
    return np.where(mask != 0, 0.0, dy), None


@masked_fill.shape
def masked_fill_shape(x: Dims, mask: Dims) -> Dims:
    if len(mask) > len(x) or any(m not in (1, n) for m, n in zip(reversed(mask), reversed(x), strict=False)):
        raise ShapeError(f"x has shape {list(x)} and mask {list(mask)}; expected a mask that broadcasts to x")
    return x


@masked_fill.classes
def masked_fill_classes(x: Dims, mask: Dims) -> int:
    return 2


@operator(integers=("index",))
def index_select(x: Any, index: Any, *, dim: Axis) -> Any:
    """The slices of x along axis dim at the indices, [K] of ints, in their order."""
    return picked(x, np.take(numbered(x.shape), index, axis=dim))


@index_select.vjp
def index_select_vjp(dy: Any, x: Any, index: Any, *, dim: int) -> Any:
    return sent_back(dy, np.take(numbered(x.shape), index, axis=dim), x.shape), None


@index_select.shape
def index_select_shape(x: Dims, index: Dims, *, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    if len(index) != 1:
        raise ShapeError(f"index has shape {list(index)}; expected one axis")
    return (*x[:dim], index[0], *x[dim + 1 :])


@index_select.classes
def index_select_classes(x: Dims, index: Dims, *, dim: Axis) -> int:
    return x[dim]


@operator(integers=("index",))
def gather(x: Any, index: Any, *, dim: Axis) -> Any:
    """For each index the element of x that has it along axis dim, and the index's own place along the other axes.

    y[i, j] = x[index[i, j], j] for dim 0. Along the other axes the index may be shorter than x.
    """
    return picked(x, _along(x.shape, index, dim))


@gather.vjp
def gather_vjp(dy: Any, x: Any, index: Any, *, dim: int) -> Any:
    return sent_back(dy, _along(x.shape, index, dim), x.shape), None


@gather.shape
def gather_shape(x: Dims, index: Dims, *, dim: Axis) -> Dims:
    _check_index(x, index, dim)
    return index


@gather.classes
def gather_classes(x: Dims, index: Dims, *, dim: Axis) -> int:
    return x[dim]


@operator(integers=("index",))
def gather_nd(x: Any, index: Any) -> Any:
    """For each index of several coordinates what x has there.  x [X0, ..., XN]; index [M, ...], ints.

    y[i] = x[index[0, i], ..., index[M - 1, i]]: an element, or the rest of x where it has more axes than M. A spec
    knows one limit for all integers of a tensor, so that of the shortest of the M axes.
    """
    return picked(x, _at(x.shape, index))


@gather_nd.vjp
def gather_nd_vjp(dy: Any, x: Any, index: Any) -> Any:
    return sent_back(dy, _at(x.shape, index), x.shape), None


@gather_nd.shape
def gather_nd_shape(x: Dims, index: Dims) -> Dims:
    if len(index) < 2 or not 1 <= index[0] <= len(x):
        raise ShapeError(
            f"x has shape {list(x)} and index {list(index)}; expected an index of [M, ...], M from 1 to the axes of x"
        )
    return (*index[1:], *x[index[0] :])


@gather_nd.classes
def gather_nd_classes(x: Dims, index: Dims) -> int:
    return min(x[: index[0]], default=1)


@operator(integers=("index",))
def index_add(x: Any, index: Any, src: Any, *, dim: Axis) -> Any:
    """x with the slices of src along axis dim added to those that the index, [K] of ints, names.  src: K slices."""
    places = np.take(numbered(x.shape), index, axis=dim)
    return scatter_sum((x.size,), [(slice(None), x.reshape(-1)), *added(src, places)]).reshape(x.shape)


@index_add.vjp
def index_add_vjp(dy: Any, x: Any, index: Any, src: Any, *, dim: int) -> Any:
    return dy, None, picked(dy, np.take(numbered(x.shape), index, axis=dim))


@index_add.shape
def index_add_shape(x: Dims, index: Dims, src: Dims, *, dim: Axis) -> Dims:
    expected = index_select_shape(x, index, dim=dim)
    if src != expected:
        raise ShapeError(f"src has shape {list(src)}; expected {list(expected)}, that of x with as many as the index")
    return x


@index_add.classes
def index_add_classes(x: Dims, index: Dims, src: Dims, *, dim: Axis) -> int:
    return x[dim]


@operator(integers=("index",))
def scatter_add(x: Any, index: Any, src: Any, *, dim: Axis) -> Any:
    """x with each element of src added where `gather` of the same index would have read.

    x [...], src in the shape of the index. An element to which several are added is one sum.
    """
    flat = [(slice(None), x.reshape(-1)), *added(src, _along(x.shape, index, dim))]
    return scatter_sum((x.size,), flat).reshape(x.shape)


@scatter_add.vjp
def scatter_add_vjp(dy: Any, x: Any, index: Any, src: Any, *, dim: int) -> Any:
    return dy, None, picked(dy, _along(x.shape, index, dim))


@scatter_add.shape
def scatter_add_shape(x: Dims, index: Dims, src: Dims, *, dim: Axis) -> Dims:
    _check_index(x, index, dim)
    if src != index:
        raise ShapeError(f"index has shape {list(index)} and src {list(src)}; expected the same")
    return x


@scatter_add.classes
def scatter_add_classes(x: Dims, index: Dims, src: Dims, *, dim: Axis) -> int:
    return x[dim]


def _along(shape: Dims, index: Any, dim: int) -> Places:
    """The place of each element that `gather` reads."""
    reached = tuple(slice(None) if i == dim else slice(n) for i, n in enumerate(index.shape))
    return np.take_along_axis(numbered(shape)[reached], index, axis=dim)


def _check_index(x: Dims, index: Dims, dim: int) -> None:
    check_axis("dim", dim, x)
    others = (n <= m for i, (n, m) in enumerate(zip(index, x, strict=False)) if i != dim)
    if len(index) != len(x) or not all(others):
        raise ShapeError(
            f"x has shape {list(x)} and index {list(index)}; expected as many axes, each but axis {dim} no longer"
        )


@operator(moves=True)
def strided_slice(x: Any, *, dim: Axis, start: StartLength, end: Size, step: Size) -> Any:
    """x[start:end:step] along axis dim."""
    return x[_every(dim, start, end, step)]


@strided_slice.vjp
def strided_slice_vjp(dy: Any, x: Any, *, dim: int, start: int, end: int, step: int) -> Any:
    return (sent_back(dy, numbered(x.shape)[_every(dim, start, end, step)], x.shape),)


@strided_slice.shape
def strided_slice_shape(x: Dims, *, dim: Axis, start: StartLength, end: Size, step: Size) -> Dims:
    check_axis("dim", dim, x)
    if not start < end <= x[dim]:
        raise ShapeError(
            f"start is {start} and end {end}; expected start < end <= {x[dim]}, the extent of axis {dim} of x, "
            f"of shape {list(x)}"
        )
    return (*x[:dim], len(range(start, end, step)), *x[dim + 1 :])


def _every(dim: int, start: int, end: int, step: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, slice(start, end, step))


@operator(moves=True)
def select(x: Any, *, dim: Axis, index: StartLength) -> Any:
    """The slice of x that has that index along axis dim, which is gone then."""
    return x[_one(dim, index)]


@select.vjp
def select_vjp(dy: Any, x: Any, *, dim: int, index: int) -> Any:
    return (sent_back(dy, numbered(x.shape)[_one(dim, index)], x.shape),)


@select.shape
def select_shape(x: Dims, *, dim: Axis, index: StartLength) -> Dims:
    check_axis("dim", dim, x)
    if index >= x[dim]:
        raise ShapeError(f"index is {index}; expected less than {x[dim]}, since x has shape {list(x)}")
    return (*x[:dim], *x[dim + 1 :])


@operator(moves=True)
def diagonal(x: Any, *, offset: Offset, dim1: Axis, dim2: Axis) -> Any:
    """The elements whose index along dim2 is that along dim1 plus the offset; they are the last axis of the result."""
    return picked(x, np.diagonal(numbered(x.shape), offset, dim1, dim2))


@diagonal.vjp
def diagonal_vjp(dy: Any, x: Any, *, offset: int, dim1: int, dim2: int) -> Any:
    return (sent_back(dy, np.diagonal(numbered(x.shape), offset, dim1, dim2), x.shape),)


@diagonal.shape
def diagonal_shape(x: Dims, *, offset: Offset, dim1: Axis, dim2: Axis) -> Dims:
    check_axis("dim1", dim1, x)
    check_axis("dim2", dim2, x)
    if dim1 == dim2:
        raise ShapeError(f"dim1 and dim2 are both {dim1}; expected two axes")
    length = min(x[dim1], x[dim2] - offset) if offset >= 0 else min(x[dim1] + offset, x[dim2])
    if length < 1:
        raise ShapeError(f"offset is {offset}; expected a diagonal of x, of shape {list(x)}")
    return (*(n for i, n in enumerate(x) if i not in (dim1, dim2)), length)


@operator(moves=True)
def diag_embed(x: Any) -> Any:
    """Matrices with the last axis of x on their diagonal, zero elsewhere.  x [..., N]; y [..., N, N]."""
    return np.where(np.eye(x.shape[-1], dtype=bool), x[..., None], 0.0)


@diag_embed.vjp
def diag_embed_vjp(dy: Any, x: Any) -> Any:
    return (picked(dy, np.diagonal(numbered(dy.shape), 0, -2, -1)),)


@diag_embed.shape
def diag_embed_shape(x: Dims) -> Dims:
    return (*x, x[-1])


@operator(elementwise=True, moves=True)
def tril(x: Any, *, diagonal: Offset) -> Any:
    """The lower triangle of the matrices in the last two axes, with the diagonal and that many above it; else 0."""
    return np.where(_lower(x.shape, diagonal), x, 0.0)


@tril.vjp
def tril_vjp(dy: Any, x: Any, *, diagonal: int) -> Any:
    return (np.where(_lower(x.shape, diagonal), dy, 0.0),)


@operator(elementwise=True, moves=True)
def triu(x: Any, *, diagonal: Offset) -> Any:
    """The upper triangle of the matrices in the last two axes, from the diagonal of that number on; else 0."""
    return np.where(_lower(x.shape, diagonal - 1), 0.0, x)


@triu.vjp
def triu_vjp(dy: Any, x: Any, *, diagonal: int) -> Any:
    return (np.where(_lower(x.shape, diagonal - 1), 0.0, dy),)


@tril.shape
@triu.shape
def triangle_shape(x: Dims) -> Dims:
    if len(x) < 2:
        raise ShapeError(f"x has shape {list(x)}; expected two axes or more")
    return x


def _at(shape: Dims, index: Any) -> Places:
    """The place of each element that `gather_nd` reads."""
    places: Places = numbered(shape)[tuple(index)]
    return places


def _one(dim: int, index: int) -> tuple[Any, ...]:
    return (*[slice(None)] * dim, index, ...)


def _lower(shape: Dims, diagonal: int) -> Any:
    """The places of a matrix on the diagonal of that number and below it, truth values [M, N]."""
    return np.tri(shape[-2], shape[-1], k=diagonal, dtype=bool)
