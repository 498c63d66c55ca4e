"""Sums and products of all elements up to each."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axis
from gradconform.reference.operator import Dims, operator
from gradconform.reference.operators.shape import check_axis
from gradconform.reference.tracked.cumulative import running_sum


@operator
def cumsum(x: Any, *, dim: Axis) -> Any:
    """y[k] = x[0] + ... + x[k] along axis dim."""
    return running_sum(x, dim)


@cumsum.vjp
def cumsum_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    return (np.flip(running_sum(np.flip(dy, axis=dim), dim), axis=dim),)


@operator(second_unbounded=True)
def cumprod(x: Any, *, dim: Axis) -> Any:
    """y[k] = x[0] ... x[k] along axis dim."""
    return np.concatenate(_running_products(_slices(x, dim)), axis=dim) if x.shape[dim] else x


@cumprod.vjp
def cumprod_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    """dx[i] = x[0] ... x[i-1] (dy[i] + x[i+1] (dy[i+1] + x[i+2] (...))): no division, so a zero in x is no matter."""
    if not x.shape[dim]:
        return (dy,)
    terms, cotangents = _slices(x, dim), _slices(dy, dim)
    behind = cotangents[-1:]
    for cotangent, factor in zip(reversed(cotangents[:-1]), reversed(terms[1:]), strict=True):
        behind.append(cotangent + factor * behind[-1])
    first, *others = reversed(behind)
    before = _running_products(terms[:-1])
    return (np.concatenate([first, *(a * b for a, b in zip(before, others, strict=True))], axis=dim),)


@cumsum.shape
@cumprod.shape
def cumulative_shape(x: Dims, *, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    return x


def _slices(x: Any, dim: int) -> list[Any]:
    return [x[(*[slice(None)] * dim, slice(i, i + 1))] for i in range(x.shape[dim])]


def _running_products(terms: list[Any]) -> list[Any]:
    return list(accumulate(terms, lambda product, each: product * each))
