"""Operators that move elements and compute nothing: exact to the bit, with a bound of zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axes, Axis, Padding, Real, Shape, Size, StartLength
from gradconform.reference.operator import Dims, ShapeError, operator


@operator(moves=True)
def flatten(x: Any, *, start_dim: Axis) -> Any:
    """All axes from start_dim on made into one."""
    return x.reshape(flatten_shape(x.shape, start_dim=start_dim))


@flatten.vjp
def flatten_vjp(dy: Any, x: Any, *, start_dim: int) -> Any:
    return (dy.reshape(x.shape),)


@flatten.shape
def flatten_shape(x: Dims, *, start_dim: Axis) -> Dims:
    check_axis("start_dim", start_dim, x)
    return (*x[:start_dim], math.prod(x[start_dim:]))


@operator(moves=True)
def reshape(x: Any, *, shape: Shape) -> Any:
    """The same elements, in row-major order, in another shape."""
    return x.reshape(tuple(shape))


@reshape.vjp
def reshape_vjp(dy: Any, x: Any, *, shape: Sequence[int]) -> Any:
    return (dy.reshape(x.shape),)


@reshape.shape
def reshape_shape(x: Dims, *, shape: Shape) -> Dims:
    if math.prod(x) != math.prod(shape):
        raise ShapeError(
            f"x has shape {list(x)}, {math.prod(x)} elements; expected the {math.prod(shape)} of shape {list(shape)}"
        )
    return tuple(shape)


@operator(moves=True)
def permute(x: Any, *, dims: Axes) -> Any:
    """Axis i of the result is axis dims[i] of x."""
    return np.transpose(x, tuple(dims))


@permute.vjp
def permute_vjp(dy: Any, x: Any, *, dims: Sequence[int]) -> Any:
    return (np.transpose(dy, tuple(int(i) for i in np.argsort(dims))),)


@permute.shape
def permute_shape(x: Dims, *, dims: Axes) -> Dims:
    if sorted(dims) != list(range(len(x))):
        raise ShapeError(f"dims is {list(dims)}; expected each axis of x, of shape {list(x)}, once")
    return tuple(x[i] for i in dims)


@operator(variadic="xs", moves=True)
def cat(xs: Sequence[Any], *, dim: Axis) -> Any:
    """The tensors one after the other along axis dim."""
    return np.concatenate(xs, axis=dim)


@cat.vjp
def cat_vjp(dy: Any, xs: Sequence[Any], *, dim: int) -> Any:
    starts = np.cumsum([0] + [x.shape[dim] for x in xs]).tolist()
    return ([dy[_part(dim, start, x.shape[dim])] for start, x in zip(starts, xs, strict=False)],)


@cat.shape
def cat_shape(xs: Sequence[Dims], *, dim: Axis) -> Dims:
    check_axis("dim", dim, xs[0])
    for other in xs[1:]:
        if (*other[:dim], *other[dim + 1 :]) != (*xs[0][:dim], *xs[0][dim + 1 :]) or len(other) != len(xs[0]):
            shapes = " and ".join(str(list(s)) for s in (xs[0], other))
            raise ShapeError(f"xs have shapes {shapes}; expected shapes that differ in axis {dim} alone")
    return (*xs[0][:dim], sum(x[dim] for x in xs), *xs[0][dim + 1 :])


@operator(moves=True)
def narrow(x: Any, *, dim: Axis, start: StartLength, length: Size) -> Any:
    """x[start : start + length] along axis dim."""
    return x[_part(dim, start, length)]


@narrow.vjp
def narrow_vjp(dy: Any, x: Any, *, dim: int, start: int, length: int) -> Any:
    width = [(0, 0)] * x.ndim
    width[dim] = (start, x.shape[dim] - start - length)
    return (np.pad(dy, width),)


@narrow.shape
def narrow_shape(x: Dims, *, dim: Axis, start: StartLength, length: Size) -> Dims:
    check_axis("dim", dim, x)
    if start + length > x[dim]:
        raise ShapeError(
            f"start is {start} and length {length}; expected start + length <= {x[dim]}, "
            f"the extent of axis {dim} of x, of shape {list(x)}"
        )
    return (*x[:dim], length, *x[dim + 1 :])


@operator(moves=True)
def pad(x: Any, *, padding: Padding, value: Real) -> Any:
    """x with padding[i] = [before, after] elements of the given value added along each axis i."""
    return np.pad(x, [(before, after) for before, after in padding], constant_values=value)


@pad.vjp
def pad_vjp(dy: Any, x: Any, *, padding: Sequence[Sequence[int]], value: float) -> Any:
    return (dy[tuple(slice(before, before + n) for (before, _), n in zip(padding, x.shape, strict=True))],)


@pad.shape
def pad_shape(x: Dims, *, padding: Padding) -> Dims:
    if len(padding) != len(x):
        raise ShapeError(f"padding has {len(padding)} entries; expected one for each axis of x, of shape {list(x)}")
    return tuple(before + n + after for (before, after), n in zip(padding, x, strict=True))


def check_axis(name: str, axis: int, x: Dims) -> None:
    """Raise ShapeError unless a tensor of shape x has that axis."""
    if axis >= len(x):
        raise ShapeError(f"{name} is {axis}; expected less than {len(x)}, since x has shape {list(x)}")


def _part(dim: int, start: int, length: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, slice(start, start + length))
