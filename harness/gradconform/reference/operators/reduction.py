"""Sums, means, products, variances and extrema over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axes, Flag, NonNegative
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.shape import check_axis
from gradconform.reference.tracked.arrays import constant
from gradconform.reference.tracked.dual import with_tangent
from gradconform.reference.tracked.sums import scatter_sum
from gradconform.reference.tracked.ties import ALONE, between, tied


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


@operator(second_unbounded=True)
def prod(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The product over the axes in dim, which stay as extents of 1 with keepdim."""
    kept = reduced(x.shape, dim, keepdim)
    if not _terms(x.shape, dim):
        # The product of nothing; of a dtype that widens no other.
        return np.ones(kept, dtype=np.float32)
    return reduce(_times, _terms_of(x, dim)).reshape(kept)


@prod.vjp
def prod_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    """Each element's gradient has the product of the others, before it and behind it: nothing is divided by a zero.

    Some frameworks divide the product by the element where they can. With a factor of 1 at both ends there are as many
    products as that has, for one element too.
    """
    if not _terms(x.shape, dim):
        return (x,)
    terms, each = _terms_of(x, dim), dy.reshape(-1)
    # Of a dtype that widens no other.
    one = np.ones(each.shape, dtype=np.float32)
    before = accumulate([one, *terms[:-1]], _times)
    behind = reversed(list(accumulate([one, *reversed(terms[1:])], _times)))
    gradients = [each * (a * b) for a, b in zip(before, behind, strict=True)]
    return (_put_back(np.concatenate([g[:, None] for g in gradients], axis=1), x.shape, dim),)


@operator
def logsumexp(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The logarithm of the sum of exp(x) over the axes in dim: m + log(sum of exp(x - m)), m the largest element."""
    axes = tuple(dim)
    most = largest(constant(x), axes)
    y = most + np.log(np.sum(np.exp(x - most), axis=axes, keepdims=True))
    return y.reshape(reduced(x.shape, dim, keepdim))


@logsumexp.vjp
def logsumexp_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    kept = reduced(x.shape, dim, keepdim=True)
    y = with_tangent(
        lambda v: logsumexp.forward(v, dim=dim, keepdim=True),
        lambda v, y, t: np.sum(np.exp(v - y) * t, axis=tuple(dim), keepdims=True),
        x,
    )
    return (dy.reshape(kept) * np.exp(x - y),)


@logsumexp.jvp
def logsumexp_jvp(t: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    y = logsumexp.forward(x, dim=dim, keepdim=True)
    return np.sum(np.exp(x - y) * t, axis=tuple(dim), keepdims=keepdim)


@operator
def var(x: Any, *, dim: Axes, correction: NonNegative, keepdim: Flag) -> Any:
    """The sum of (x - mean)^2 over the axes in dim, divided by the number of terms less the correction; two passes."""
    centred = _centred(x, dim)
    return np.sum(np.square(centred), axis=tuple(dim), keepdims=keepdim) / (_terms(x.shape, dim) - correction)


@var.vjp
def var_vjp(dy: Any, x: Any, *, dim: Sequence[int], correction: int, keepdim: bool) -> Any:
    each = dy.reshape(reduced(x.shape, dim, keepdim=True)) * (2.0 / (_terms(x.shape, dim) - correction))
    return (each * _centred(x, dim),)


@operator(moves=True)
def amax(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The largest element over the axes in dim; of equal ones the first in row-major order gets the gradient."""
    return np.max(x, axis=tuple(dim), keepdims=keepdim)


@amax.vjp
def amax_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return (np.where(_first_largest(x.real, dim), dy.reshape(reduced(x.shape, dim, keepdim=True)), 0.0),)


@amax.choices
def amax_choices(x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return _first_largest(x, dim)


@amax.subgradients
def amax_subgradients(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    (dx,) = amax_vjp(dy, x, dim=dim, keepdim=keepdim)
    return (_any_part(dx, dy.reshape(reduced(x.shape, dim, keepdim=True)), x, dim),)


@amax.shares
def amax_shares(x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return (_shared(x, dim),)


@operator(moves=True)
def amin(x: Any, *, dim: Axes, keepdim: Flag) -> Any:
    """The smallest element over the axes in dim; of equal ones the first in row-major order gets the gradient."""
    return -np.max(-x, axis=tuple(dim), keepdims=keepdim)


@amin.vjp
def amin_vjp(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return amax_vjp(dy, -x, dim=dim, keepdim=keepdim)


@amin.choices
def amin_choices(x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return _first_largest(-x, dim)


@amin.subgradients
def amin_subgradients(dy: Any, x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return amax_subgradients(dy, -x, dim=dim, keepdim=keepdim)


@amin.shares
def amin_shares(x: Any, *, dim: Sequence[int], keepdim: bool) -> Any:
    return (_shared(-x, dim),)


@sum.shape
@mean.shape
@prod.shape
@logsumexp.shape
def reduction_shape(x: Dims, *, dim: Axes, keepdim: Flag) -> Dims:
    for axis in dim:
        check_axis("dim", axis, x)
    if len(set(dim)) != len(dim):
        raise ShapeError(f"dim is {list(dim)}; expected each axis at most once")
    return reduced(x, dim, keepdim)


@amax.shape
@amin.shape
def extremum_shape(x: Dims, *, dim: Axes, keepdim: Flag) -> Dims:
    shape = reduction_shape(x, dim=dim, keepdim=keepdim)
    if _terms(x, dim) == 0:
        raise ShapeError(f"dim is {list(dim)} and x has shape {list(x)}; expected an element or more to choose from")
    return shape


def reduced(shape: Dims, dim: Sequence[int], keepdim: bool) -> Dims:
    """The shape of a reduction over the axes in dim."""
    return tuple(1 if i in dim else n for i, n in enumerate(shape) if keepdim or i not in dim)


def _terms(shape: Dims, dim: Sequence[int]) -> int:
    return math.prod(shape[i] for i in dim)


@var.shape
def var_shape(x: Dims, *, dim: Axes, correction: NonNegative, keepdim: Flag) -> Dims:
    shape = reduction_shape(x, dim=dim, keepdim=keepdim)
    if _terms(x, dim) <= correction:
        raise ShapeError(f"correction is {correction}; expected less than the {_terms(x, dim)} elements of each sum")
    return shape


def _times(a: Any, b: Any) -> Any:
    return a * b


def _centred(x: Any, dim: Sequence[int]) -> Any:
    mean_of = np.sum(x, axis=tuple(dim), keepdims=True) / _terms(x.shape, dim)
    return scatter_sum(x.shape, [(..., x), (..., -mean_of)])


def _last(x: Any, dim: Sequence[int]) -> Any:
    """The axes in dim made into one, the last, and the others into the first: [kept, reduced]."""
    axes = sorted(dim)
    moved = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    kept = math.prod(n for i, n in enumerate(x.shape) if i not in axes)
    return moved.reshape(kept, _terms(x.shape, dim))


def _put_back(rows: Any, shape: Dims, dim: Sequence[int]) -> Any:
    """`_last` undone: [kept, reduced] in the shape of x."""
    axes = sorted(dim)
    extents = [*(n for i, n in enumerate(shape) if i not in axes), *(shape[i] for i in axes)]
    return np.moveaxis(rows.reshape(extents), range(len(shape) - len(axes), len(shape)), axes)


def _terms_of(x: Any, dim: Sequence[int]) -> list[Any]:
    """What each product is of, [kept] for each of its terms."""
    rows = _last(x, dim)
    return [rows[:, i] for i in range(rows.shape[1])]


def _first_largest(x: Any, dim: Sequence[int]) -> Any:
    """Whether each element is the first that is as large as any over the axes in dim, or the first NaN."""
    rows = _last(x, dim)
    first = np.arange(rows.shape[1]) == np.argmax(rows, axis=1)[:, None]
    return _put_back(first, x.shape, dim)


def largest(x: Any, dim: Sequence[int]) -> Any:
    """The largest element over the axes in dim, which stay as extents of 1; of none, minus infinity."""
    if not _terms(x.shape, dim):
        return np.full(reduced(x.shape, dim, keepdim=True), -np.inf, dtype=np.float32)
    return np.max(x, axis=tuple(dim), keepdims=True)


def _ties(x: Any, dim: Sequence[int]) -> Any:
    """The elements that are as large as any over the axes in dim where several are."""
    tie = tied(x, np.max(x, axis=tuple(dim), keepdims=True))
    return tie & (np.sum(tie, axis=tuple(dim), keepdims=True) > 1)


def _any_part(dx: Any, dy: Any, x: Any, dim: Sequence[int]) -> Any:
    """What each element may have of dy: at a tie any part of it."""
    nan = np.broadcast_to(np.isnan(np.max(x, axis=tuple(dim), keepdims=True)), x.shape)
    return between(dx, _ties(x, dim), 0.0, dy, nan=nan)


def _shared(x: Any, dim: Sequence[int]) -> Any:
    """The elements that tie share the gradient of their largest."""
    kept = reduced(x.shape, dim, keepdim=True)
    return np.where(_ties(x, dim), np.arange(math.prod(kept)).reshape(kept), ALONE)
