"""Operators that put elements elsewhere, each one once: exact to the bit, with a bound of zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axes, Axis, ChannelOrder, Offsets, Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.shape import cat, check_axis
from gradconform.reference.tracked.places import numbered, picked


@operator(variadic="xs", moves=True)
def stack(xs: Sequence[Any], *, dim: Axis) -> Any:
    """Tensors of one shape side by side, along a new axis dim."""
    return np.concatenate([np.expand_dims(x, dim) for x in xs], axis=dim)


@stack.vjp
def stack_vjp(dy: Any, xs: Sequence[Any], *, dim: int) -> Any:
    return ([dy[(*[slice(None)] * dim, i)] for i in range(len(xs))],)


@stack.shape
def stack_shape(xs: Sequence[Dims], *, dim: Axis) -> Dims:
    for other in xs[1:]:
        if other != xs[0]:
            raise ShapeError(f"xs have shapes {list(xs[0])} and {list(other)}; expected the same")
    _check_new_axis(dim, xs[0])
    return (*xs[0][:dim], len(xs), *xs[0][dim:])


@operator(variadic="xs", moves=True)
def hstack(xs: Sequence[Any]) -> Any:
    """Tensors side by side: along axis 1, vectors along their only one (NumPy's hstack)."""
    return np.concatenate(xs, axis=_beside(xs[0].ndim))


@hstack.vjp
def hstack_vjp(dy: Any, xs: Sequence[Any]) -> Any:
    return cat.run_vjp(dy, [xs], {"dim": _beside(xs[0].ndim)})


@hstack.shape
def hstack_shape(xs: Sequence[Dims]) -> Dims:
    return cat.output_shape({"xs": xs}, {"dim": _beside(len(xs[0]))})


@operator(variadic="xs", moves=True)
def vstack(xs: Sequence[Any]) -> Any:
    """Tensors one below the other: along axis 0, vectors as rows [1, N] (NumPy's vstack)."""
    return np.concatenate([x.reshape(_as_rows(x.shape)) for x in xs], axis=0)


@vstack.vjp
def vstack_vjp(dy: Any, xs: Sequence[Any]) -> Any:
    (parts,) = cat.run_vjp(dy, [[x.reshape(_as_rows(x.shape)) for x in xs]], {"dim": 0})
    return ([part.reshape(x.shape) for part, x in zip(parts, xs, strict=True)],)


@vstack.shape
def vstack_shape(xs: Sequence[Dims]) -> Dims:
    return cat.output_shape({"xs": [_as_rows(x) for x in xs]}, {"dim": 0})


@operator(variadic="xs", moves=True)
def dstack(xs: Sequence[Any]) -> Any:
    """Tensors one behind the other: along axis 2, vectors as [1, N, 1], matrices as [M, N, 1] (NumPy's dstack)."""
    return np.concatenate([x.reshape(_as_layers(x.shape)) for x in xs], axis=2)


@dstack.vjp
def dstack_vjp(dy: Any, xs: Sequence[Any]) -> Any:
    (parts,) = cat.run_vjp(dy, [[x.reshape(_as_layers(x.shape)) for x in xs]], {"dim": 2})
    return ([part.reshape(x.shape) for part, x in zip(parts, xs, strict=True)],)


@dstack.shape
def dstack_shape(xs: Sequence[Dims]) -> Dims:
    return cat.output_shape({"xs": [_as_layers(x) for x in xs]}, {"dim": 2})


def _beside(ndim: int) -> int:
    return 0 if ndim == 1 else 1


def _as_rows(shape: Dims) -> Dims:
    return (1, *shape) if len(shape) == 1 else tuple(shape)


def _as_layers(shape: Dims) -> Dims:
    return (1, *shape, 1) if len(shape) == 1 else (*shape, 1) if len(shape) == 2 else tuple(shape)


@operator(moves=True)
def squeeze(x: Any, *, dim: Axes) -> Any:
    """x without the axes in dim, each of extent 1."""
    return x.reshape(tuple(n for i, n in enumerate(x.shape) if i not in dim))


@squeeze.vjp
def squeeze_vjp(dy: Any, x: Any, *, dim: Sequence[int]) -> Any:
    return (dy.reshape(x.shape),)


@squeeze.shape
def squeeze_shape(x: Dims, *, dim: Axes) -> Dims:
    for axis in dim:
        check_axis("dim", axis, x)
        if x[axis] != 1:
            raise ShapeError(f"dim is {list(dim)} and x has shape {list(x)}; expected axes of extent 1")
    return tuple(n for i, n in enumerate(x) if i not in dim)


@operator(moves=True)
def unsqueeze(x: Any, *, dim: Axis) -> Any:
    """x with a new axis of extent 1 before its axis dim."""
    return x.reshape((*x.shape[:dim], 1, *x.shape[dim:]))


@unsqueeze.vjp
def unsqueeze_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    return (dy.reshape(x.shape),)


@unsqueeze.shape
def unsqueeze_shape(x: Dims, *, dim: Axis) -> Dims:
    _check_new_axis(dim, x)
    return (*x[:dim], 1, *x[dim:])


def _check_new_axis(dim: int, x: Dims) -> None:
    if dim > len(x):
        raise ShapeError(f"dim is {dim}; expected {len(x)} or less, since x has shape {list(x)}")


@operator(moves=True)
def transpose(x: Any, *, dim0: Axis, dim1: Axis) -> Any:
    """x with two of its axes exchanged."""
    return np.swapaxes(x, dim0, dim1)


@transpose.vjp
def transpose_vjp(dy: Any, x: Any, *, dim0: int, dim1: int) -> Any:
    return (np.swapaxes(dy, dim0, dim1),)


@transpose.shape
def transpose_shape(x: Dims, *, dim0: Axis, dim1: Axis) -> Dims:
    check_axis("dim0", dim0, x)
    check_axis("dim1", dim1, x)
    exchanged = {dim0: dim1, dim1: dim0}
    return tuple(x[exchanged.get(i, i)] for i in range(len(x)))


@operator(moves=True)
def movedim(x: Any, *, source: Axes, destination: Axes) -> Any:
    """x with each axis source[i] at the place destination[i]; the other axes stay in their order."""
    return np.moveaxis(x, tuple(source), tuple(destination))


@movedim.vjp
def movedim_vjp(dy: Any, x: Any, *, source: Sequence[int], destination: Sequence[int]) -> Any:
    return (np.moveaxis(dy, tuple(destination), tuple(source)),)


@movedim.shape
def movedim_shape(x: Dims, *, source: Axes, destination: Axes) -> Dims:
    for name, axes in (("source", source), ("destination", destination)):
        for axis in axes:
            check_axis(name, axis, x)
        if len(set(axes)) != len(axes):
            raise ShapeError(f"{name} is {list(axes)}; expected each axis at most once")
    if len(source) != len(destination):
        raise ShapeError(f"source is {list(source)} and destination {list(destination)}; expected as many axes in both")
    return np.moveaxis(np.empty(x, dtype=bool), tuple(source), tuple(destination)).shape


@operator(moves=True)
def flip(x: Any, *, dims: Axes) -> Any:
    """x with the order of its elements along each axis in dims reversed."""
    return np.flip(x, axis=tuple(dims))


@flip.vjp
def flip_vjp(dy: Any, x: Any, *, dims: Sequence[int]) -> Any:
    return (np.flip(dy, axis=tuple(dims)),)


@operator(moves=True)
def roll(x: Any, *, shifts: Offsets, dims: Axes) -> Any:
    """x moved on by shifts[i] along axis dims[i]; what leaves at the end comes in at the beginning."""
    return picked(x, np.roll(numbered(x.shape), tuple(shifts), tuple(dims)))


@roll.vjp
def roll_vjp(dy: Any, x: Any, *, shifts: Sequence[int], dims: Sequence[int]) -> Any:
    return (picked(dy, np.roll(numbered(x.shape), tuple(-n for n in shifts), tuple(dims))),)


@roll.shape
def roll_shape(x: Dims, *, shifts: Offsets, dims: Axes) -> Dims:
    if len(shifts) != len(dims):
        raise ShapeError(f"shifts is {list(shifts)} and dims {list(dims)}; expected as many shifts as axes")
    return flip_shape(x, dims=dims)


@flip.shape
def flip_shape(x: Dims, *, dims: Axes) -> Dims:
    for axis in dims:
        check_axis("dims", axis, x)
    if len(set(dims)) != len(dims):
        raise ShapeError(f"dims is {list(dims)}; expected each axis at most once")
    return x


@operator(moves=True)
def pixel_shuffle(x: Any, *, upscale_factor: Size, mode: ChannelOrder) -> Any:
    """Channels made into pixels.  x [N, C r r, H, W]; y [N, C, H r, W r], r the upscale_factor (Shi et al., 2016).

    mode: the order of the channels of x, as in ONNX's DepthToSpace: CRD [C, r, r] or DCR [r, r, C].
    """
    r, (n, channels, h, w) = upscale_factor, x.shape
    c = channels // (r * r)
    if mode == "CRD":
        split = np.transpose(x.reshape(n, c, r, r, h, w), (0, 1, 4, 2, 5, 3))
    else:
        split = np.transpose(x.reshape(n, r, r, c, h, w), (0, 3, 4, 1, 5, 2))
    return split.reshape(n, c, h * r, w * r)


@pixel_shuffle.vjp
def pixel_shuffle_vjp(dy: Any, x: Any, *, upscale_factor: int, mode: str) -> Any:
    return (pixel_unshuffle.forward(dy, downscale_factor=upscale_factor, mode=mode),)


@pixel_shuffle.shape
def pixel_shuffle_shape(x: Dims, *, upscale_factor: Size) -> Dims:
    _check_image(x)
    r = upscale_factor
    if x[1] % (r * r):
        raise ShapeError(f"x has {x[1]} channels; expected a multiple of {r * r}, the square of upscale_factor")
    return (x[0], x[1] // (r * r), x[2] * r, x[3] * r)


@operator(moves=True)
def pixel_unshuffle(x: Any, *, downscale_factor: Size, mode: ChannelOrder) -> Any:
    """Pixels made into channels: `pixel_shuffle` undone.  x [N, C, H r, W r]; y [N, C r r, H, W]."""
    r, (n, c, high, wide) = downscale_factor, x.shape
    split = x.reshape(n, c, high // r, r, wide // r, r)
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    return np.transpose(split, order).reshape(n, c * r * r, high // r, wide // r)


@pixel_unshuffle.vjp
def pixel_unshuffle_vjp(dy: Any, x: Any, *, downscale_factor: int, mode: str) -> Any:
    return (pixel_shuffle.forward(dy, upscale_factor=downscale_factor, mode=mode),)


@pixel_unshuffle.shape
def pixel_unshuffle_shape(x: Dims, *, downscale_factor: Size) -> Dims:
    _check_image(x)
    r = downscale_factor
    if x[2] % r or x[3] % r:
        raise ShapeError(f"x has shape {list(x)}; expected height and width to be multiples of {r}, downscale_factor")
    return (x[0], x[1] * r * r, x[2] // r, x[3] // r)


def _check_image(x: Dims) -> None:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
