"""Independent forwards of the family `selection`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def where(condition: Any, x: Any, y: Any) -> Any:
    return onnx("Where", condition.astype(bool), x, y)


@forward
def masked_fill(x: Any, mask: Any, *, value: float) -> Any:
    return onnx("Where", mask.astype(bool), np.asarray(float(value)), x)


@forward
def index_select(x: Any, index: Any, *, dim: int) -> Any:
    return onnx("Gather", x, index, axis=dim)


@forward
def gather(x: Any, index: Any, *, dim: int) -> Any:
    y = np.empty(index.shape)
    for at in np.ndindex(*index.shape):
        y[at] = x[(*at[:dim], index[at], *at[dim + 1 :])]
    return y


@forward
def gather_nd(x: Any, index: Any) -> Any:
    return onnx("GatherND", x, np.moveaxis(index, 0, -1))


@forward
def index_add(x: Any, index: Any, src: Any, *, dim: int) -> Any:
    y = x.copy()
    for k, i in enumerate(index):
        to = [slice(None)] * x.ndim
        to[dim] = i
        y[tuple(to)] += np.take(src, k, axis=dim)
    return y


@forward
def scatter_add(x: Any, index: Any, src: Any, *, dim: int) -> Any:
    y = x.copy()
    for at in np.ndindex(*index.shape):
        y[(*at[:dim], index[at], *at[dim + 1 :])] += src[at]
    return y


@forward
def strided_slice(x: Any, *, dim: int, start: int, end: int, step: int) -> Any:
    return onnx("Slice", x, np.array([start]), np.array([end]), np.array([dim]), np.array([step]))


@forward
def select(x: Any, *, dim: int, index: int) -> Any:
    return onnx("Gather", x, np.array(index), axis=dim)


@forward
def diagonal(x: Any, *, offset: int, dim1: int, dim2: int) -> Any:
    others = [i for i in range(x.ndim) if i not in (dim1, dim2)]
    matrices = np.transpose(x, [*others, dim1, dim2])
    high, wide = matrices.shape[-2:]
    return np.stack([matrices[..., i, i + offset] for i in range(high) if 0 <= i + offset < wide], axis=-1)


@forward
def diag_embed(x: Any) -> Any:
    y = np.zeros((*x.shape, x.shape[-1]))
    for i in range(x.shape[-1]):
        y[..., i, i] = x[..., i]
    return y


@forward
def tril(x: Any, *, diagonal: int) -> Any:
    return onnx("Trilu", x, np.array(diagonal), upper=0)


@forward
def triu(x: Any, *, diagonal: int) -> Any:
    return onnx("Trilu", x, np.array(diagonal), upper=1)
