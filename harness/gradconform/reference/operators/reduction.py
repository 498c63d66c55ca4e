"""Sums and means over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axes, Flag
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.shape import check_axis


@operator
def sum(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The sum over the axes in dim, which stay as extents of 1 with keepdim."""
    return np.sum(x, axis=tuple(dim), keepdims=keepdim)


@sum.vjp
def sum_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return (np.broadcast_to(dy.reshape(reduced(x.shape, dim, keepdim=True)), x.shape),)


@operator
def mean(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The sum over the axes in dim, divided by the number of its terms."""
    return np.sum(x, axis=tuple(dim), keepdims=keepdim) / _terms(x.shape, dim)


@mean.vjp
def mean_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    each = dy.reshape(reduced(x.shape, dim, keepdim=True)) / _terms(x.shape, dim)
    return (np.broadcast_to(each, x.shape),)


@sum.shape
@mean.shape
def reduction_shape(x: Dims, *, dim: Axes, keepdim: Flag) -> Dims:
    for axis in dim:
        check_axis("dim", axis, x)
    if len(set(dim)) != len(dim):
        raise ShapeError(f"dim is {list(dim)}; expected each axis at most once")
    return reduced(x, dim, keepdim)


def reduced(shape: Dims, dim: Sequence[int], keepdim: bool) -> Dims:
    """The shape of a reduction over the axes in dim."""
    return tuple(1 if i in dim else n for i, n in enumerate(shape) if keepdim or i not in dim)


def _terms(shape: Dims, dim: Sequence[int]) -> int:
    return math.prod(shape[i] for i in dim)
