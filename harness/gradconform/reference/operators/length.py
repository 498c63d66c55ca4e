"""Vectors and their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axes, EpsilonPlace, Flag, Real
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.reduction import reduced, reduction_shape
from gradconform.reference.tracked.ties import between, tied


@operator
def l2_normalize(x: Any, *, dim: Axes, eps: Real, eps_in: EpsilonPlace) -> Any:
    """x divided by its length over the axes in dim, the root of the sum of squares; eps keeps that from being 0.

    eps_in says how: `maximum` divides by max(length, eps), `length` by length + eps, `square` by the root of
    length^2 + eps.
    """
    return x / _divisor(*_lengths(x, dim), eps, eps_in)


@l2_normalize.vjp
def l2_normalize_vjp(dy: Any, x: Any, *, dim: Sequence[int], eps: float, eps_in: str) -> Any:
    square, length = _lengths(x, dim)
    inside, outside = _sides(dy, x, dim, length, _divisor(square, length, eps, eps_in), eps_in)
    return (np.where(length < eps, inside, outside) if eps_in == "maximum" else outside,)


@l2_normalize.choices
def l2_normalize_choices(x: Any, *, dim: Sequence[int], eps: float, eps_in: str) -> Any:
    _, length = _lengths(x, dim)
    return (length > eps) & (eps_in == "maximum")


@l2_normalize.subgradients
def l2_normalize_subgradients(dy: Any, x: Any, *, dim: Sequence[int], eps: float, eps_in: str) -> Any:
    (dx,) = l2_normalize_vjp(dy, x, dim=dim, eps=eps, eps_in=eps_in)
    square, length = _lengths(x, dim)
    kink = tied(length, eps) & (eps_in == "maximum")
    inside, outside = _sides(dy, x, dim, length, _divisor(square, length, eps, eps_in), eps_in)
    return (between(dx, kink, inside, outside, nan=np.broadcast_to(np.isnan(length), x.shape)),)


@l2_normalize.shape
def l2_normalize_shape(x: Dims, *, dim: Axes, eps: Real) -> Dims:
    reduction_shape(x, dim=dim, keepdim=True)
    if eps <= 0:
        raise ShapeError(f"eps is {eps}; expected more than 0")
    return x


@operator
def vector_norm(x: Any, *, ord: Real, dim: Axes, keepdim: Flag) -> Any:
    """The root of order `ord` of the sum of |x|^ord over the axes in dim; the derivative at 0 is 0."""
    return _norm(x, ord, dim).reshape(reduced(x.shape, dim, keepdim))


@vector_norm.vjp
def vector_norm_vjp(dy: Any, x: Any, *, ord: float, dim: Sequence[int], keepdim: bool) -> Any:
    each = dy.reshape(reduced(x.shape, dim, keepdim=True))
    if ord == 1:
        slope = np.broadcast_to(each, x.shape)
    else:
        norm = _norm(x, ord, dim)
        size = np.absolute(x) if ord == 2 else np.power(np.absolute(x), ord - 1.0)
        whole = norm if ord == 2 else np.power(norm, ord - 1.0)
        slope = np.where(norm == 0, 0.0, size * (each / np.where(norm == 0, 1.0, whole)))
    return (np.where(x > 0, slope, np.where(x < 0, -slope, 0.0)),)


@vector_norm.choices
def vector_norm_choices(x: Any, *, ord: float, dim: Sequence[int], keepdim: bool) -> Any:
    """Of the sum of magnitudes each sign; of other orders the signs again, since a kink is where all elements are 0."""
    return x > 0


@vector_norm.subgradients
def vector_norm_subgradients(dy: Any, x: Any, *, ord: float, dim: Sequence[int], keepdim: bool) -> Any:
    """At the origin of a vector each element's is between -dy and dy: what is right of all of them is a ball inside."""
    (dx,) = vector_norm_vjp(dy, x, ord=ord, dim=dim, keepdim=keepdim)
    each = dy.reshape(reduced(x.shape, dim, keepdim=True))
    at = x if ord == 1 else _norm(x, ord, dim)
    kink, nan = np.broadcast_to(tied(at, 0.0), x.shape), np.broadcast_to(np.isnan(at), x.shape)
    return (between(dx, kink, -each, each, nan=nan),)


@vector_norm.shape
def vector_norm_shape(x: Dims, *, ord: Real, dim: Axes, keepdim: Flag) -> Dims:
    if ord < 1:
        raise ShapeError(f"ord is {ord}; expected 1 or more: what is less is no norm")
    return reduction_shape(x, dim=dim, keepdim=keepdim)


def _norm(x: Any, ord: float, dim: Sequence[int]) -> Any:
    if ord == 1:
        return np.sum(np.absolute(x), axis=tuple(dim), keepdims=True)
    if ord == 2:
        return _lengths(x, dim)[1]
    return np.power(np.sum(np.power(np.absolute(x), ord), axis=tuple(dim), keepdims=True), 1.0 / ord)


def _lengths(x: Any, dim: Sequence[int]) -> tuple[Any, Any]:
    """The sum of squares over the axes in dim, which stay, and its root."""
    square = np.sum(np.square(x), axis=tuple(dim), keepdims=True)
    return square, np.sqrt(square)


def _divisor(square: Any, length: Any, eps: float, eps_in: str) -> Any:
    if eps_in == "maximum":
        return np.maximum(length, eps)
    return length + eps if eps_in == "length" else np.sqrt(square + eps)


def _sides(dy: Any, x: Any, dim: Sequence[int], length: Any, divisor: Any, eps_in: str) -> tuple[Any, Any]:
    """The gradient where the divisor stays as it is, and where it moves with x: by x / length, or by x / divisor."""
    inside = dy / divisor
    by_divisor = np.sum(dy * (x / divisor / divisor), axis=tuple(dim), keepdims=True)
    moves = x / divisor if eps_in == "square" else x / np.where(length.real == 0, 1.0, length)
    return inside, inside - moves * by_divisor
