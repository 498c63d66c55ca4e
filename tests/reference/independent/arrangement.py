"""Independent forwards of the family `arrangement`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def stack(xs: Any, *, dim: int) -> Any:
    return onnx("Concat", *(onnx("Unsqueeze", x, np.array([dim])) for x in xs), axis=dim)


@forward
def hstack(xs: Any) -> Any:
    return np.hstack(xs)


@forward
def vstack(xs: Any) -> Any:
    return np.vstack(xs)


@forward
def dstack(xs: Any) -> Any:
    return np.dstack(xs)


@forward
def squeeze(x: Any, *, dim: list[int]) -> Any:
    return onnx("Squeeze", x, np.array(dim))


@forward
def unsqueeze(x: Any, *, dim: int) -> Any:
    return onnx("Unsqueeze", x, np.array([dim]))


@forward
def transpose(x: Any, *, dim0: int, dim1: int) -> Any:
    order = list(range(x.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return onnx("Transpose", x, perm=order)


@forward
def movedim(x: Any, *, source: list[int], destination: list[int]) -> Any:
    places = dict(zip(destination, source, strict=True))
    others = iter(i for i in range(x.ndim) if i not in source)
    return onnx("Transpose", x, perm=[places[i] if i in places else next(others) for i in range(x.ndim)])


@forward
def flip(x: Any, *, dims: list[int]) -> Any:
    y = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        y[tuple(n - 1 - i if axis in dims else i for axis, (i, n) in enumerate(zip(at, x.shape, strict=True)))] = x[at]
    return y


@forward
def roll(x: Any, *, shifts: list[int], dims: list[int]) -> Any:
    by = dict(zip(dims, shifts, strict=True))
    y = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        y[tuple((i + by.get(axis, 0)) % x.shape[axis] for axis, i in enumerate(at))] = x[at]
    return y


@forward
def pixel_shuffle(x: Any, *, upscale_factor: int, mode: str) -> Any:
    return onnx("DepthToSpace", x, blocksize=upscale_factor, mode=mode)


@forward
def pixel_unshuffle(x: Any, *, downscale_factor: int, mode: str) -> Any:
    n, c, h, w = x.shape
    r = downscale_factor
    y = np.empty((n, c * r * r, h // r, w // r))
    for at, channel, i, j in np.ndindex(*x.shape):
        place = (i % r) * r + j % r
        to = channel * r * r + place if mode == "CRD" else place * c + channel
        y[at, to, i // r, j // r] = x[at, channel, i, j]
    return y
