"""Normalisation: by the statistics of a batch or of a row, and to probabilities.

A difference that is scaled afterwards, (x - m) a, is computed by some frameworks as x a - m a; and x - m -
log s by some as x - (m + log s). Where x and m are large and near each other that rounds much more. Both
are honest, so such a difference is handed over as one sum of all its terms, and charged for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradconform.draws import Draw, bias, gain, positive
from gradconform.reference.attributes import Axis, Flag, Real
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.arrays import constant
from gradconform.reference.tracked.sums import scatter_sum


def _difference(x: Any, *others: Any) -> Any:
    """x minus the other terms, rounded as one sum in any order."""
    return scatter_sum(x.shape, [(..., x), *((..., -other) for other in others)])


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, int]:
    """x - mean, the biased variance in two passes, and over how many elements both are."""
    n = math.prod(x.shape[axis] for axis in axes)
    centred = _difference(x, np.sum(x, axis=axes, keepdims=True) / n)
    return centred, np.sum(centred * centred, axis=axes, keepdims=True) / n, n


def _normalised_vjp(dy: Any, normalised: Any, inverse: Any, axes: tuple[int, ...], n: int) -> Any:
    """The VJP of x -> (x - mean) / sqrt(variance + eps) over `axes`; Ioffe and Szegedy (2015), section 3."""
    mean = np.sum(dy, axis=axes, keepdims=True) / n
    slope = np.sum(dy * normalised, axis=axes, keepdims=True) / n
    return (dy - mean - normalised * slope) * inverse


def _per_channel(statistic: Any, x: Any) -> Any:
    return statistic.reshape(1, -1, *([1] * (x.ndim - 2)))


@operator(parameters=("weight", "bias"), buffers=("running_mean", "running_var"))
def batch_norm(
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    *,
    eps: Real,
    momentum: Real,
    training: Flag,
) -> Any:
    """y = (x - mean) / sqrt(variance + eps) weight + bias, per channel.

    x [N, C] or [N, C, H, W], the others [C]. Training: batch statistics, with the biased variance; gives
    (y, running_mean', running_var'), where r' = (1 - momentum) r + momentum statistic and the statistic for
    running_var is the unbiased variance. Evaluation: the running statistics; gives y.  Ioffe and Szegedy
    (2015), algorithms 1 and 2.
    """
    normalised, _, mean, unbiased = _batch_normalised(x, running_mean, running_var, eps, training)
    y = normalised * _per_channel(weight, x) + _per_channel(bias, x)
    if not training:
        return y
    old = 1.0 - momentum
    return y, old * running_mean + momentum * mean, old * running_var + momentum * unbiased


def _batch_normalised(x: Any, running_mean: Any, running_var: Any, eps: float, training: bool) -> tuple[Any, ...]:
    """Normalised x, 1 / sqrt(variance + eps), and in training the mean and unbiased variance [C]."""
    if not training:
        inverse = 1.0 / np.sqrt(_per_channel(running_var, x) + eps)
        return _difference(x, _per_channel(running_mean, x)) * inverse, inverse, None, None
    axes = (0, *range(2, x.ndim))
    centred, variance, n = _moments(x, axes)
    inverse = 1.0 / np.sqrt(variance + eps)
    return (
        centred * inverse,
        inverse,
        np.sum(x, axis=axes) / n,
        np.sum(centred * centred, axis=axes) / (n - 1),
    )


@batch_norm.vjp
def batch_norm_vjp(
    dy: Any,
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    *,
    eps: float,
    momentum: float,
    training: bool,
) -> Any:
    normalised, inverse, _, _ = _batch_normalised(x, running_mean, running_var, eps, training)
    axes = (0, *range(2, x.ndim))
    scaled = dy * _per_channel(weight, x)
    dx = _normalised_vjp(scaled, normalised, inverse, axes, x.size // x.shape[1]) if training else scaled * inverse
    return dx, np.sum(dy * normalised, axis=axes), np.sum(dy, axis=axes), None, None


@batch_norm.shape
def batch_norm_shape(x: Dims, *, training: Flag) -> Dims:
    if len(x) not in (2, 4):
        raise ShapeError(f"x has shape {list(x)}; expected 2 axes [N, C] or 4 axes [N, C, H, W]")
    if training and math.prod(x) == x[1]:
        raise ShapeError(f"x has shape {list(x)}, one value per channel; expected two or more to train on")
    return x


@batch_norm.draws
def batch_norm_draws(x: Dims) -> Mapping[str, Draw]:
    channels = (x[1],)
    return {
        "weight": gain(channels),
        "bias": bias(channels),
        "running_mean": Draw(channels),
        "running_var": positive(channels),
    }


@batch_norm.extra
def batch_norm_extra(*, training: Flag) -> Sequence[str]:
    return ("running_mean", "running_var") if training else ()


@operator(parameters=("weight", "bias"))
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: Real) -> Any:
    """y = (x - mean) / sqrt(variance + eps) weight + bias, over the last axis.

    x [..., D], weight [D], bias [D]. The variance is biased and in two passes.  Ba, Kiros and Hinton
    (2016), section 3.
    """
    return _row_normalised(x, eps)[0] * weight + bias


def _row_normalised(x: Any, eps: float) -> tuple[Any, Any]:
    centred, variance, _ = _moments(x, (x.ndim - 1,))
    inverse = 1.0 / np.sqrt(variance + eps)
    return centred * inverse, inverse


@layer_norm.vjp
def layer_norm_vjp(dy: Any, x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    normalised, inverse = _row_normalised(x, eps)
    dx = _normalised_vjp(dy * weight, normalised, inverse, (x.ndim - 1,), x.shape[-1])
    rows = tuple(range(x.ndim - 1))
    return dx, np.sum(dy * normalised, axis=rows), np.sum(dy, axis=rows)


@layer_norm.shape
def layer_norm_shape(x: Dims) -> Dims:
    if len(x) < 2:
        raise ShapeError(f"x has shape {list(x)}; expected two axes or more, the last one the normalised")
    return x


@layer_norm.draws
def layer_norm_draws(x: Dims) -> Mapping[str, Draw]:
    return {"weight": gain(x[-1:]), "bias": bias(x[-1:])}


def _largest(x: Any, dim: int) -> Any:
    return np.max(constant(x).real, axis=dim, keepdims=True)


def _check_axis(x: Dims, dim: int) -> Dims:
    if dim >= len(x):
        raise ShapeError(f"dim is {dim}; expected less than {len(x)}, x having shape {list(x)}")
    return x


@operator
def softmax(x: Any, *, dim: Axis) -> Any:
    """exp(x - max x) / sum exp(x - max x) along `dim`; the same shape as x."""
    powers = np.exp(x - _largest(x, dim))
    return powers / np.sum(powers, axis=dim, keepdims=True)


@softmax.vjp
def softmax_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    y = softmax.forward(x, dim=dim)
    return (y * (dy - np.sum(dy * y, axis=dim, keepdims=True)),)


@softmax.shape
def softmax_shape(x: Dims, *, dim: Axis) -> Dims:
    return _check_axis(x, dim)


@operator
def log_softmax(x: Any, *, dim: Axis) -> Any:
    """x - max x - log sum exp(x - max x) along `dim`; the same shape as x."""
    largest = _largest(x, dim)
    return _difference(x, largest, np.log(np.sum(np.exp(x - largest), axis=dim, keepdims=True)))


@log_softmax.vjp
def log_softmax_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    return (dy - np.exp(log_softmax.forward(x, dim=dim)) * np.sum(dy, axis=dim, keepdims=True),)


@log_softmax.jvp
def log_softmax_jvp(t: Any, x: Any, *, dim: int) -> Any:
    return t - np.sum(np.exp(log_softmax.forward(x, dim=dim)) * t, axis=dim, keepdims=True)


@log_softmax.shape
def log_softmax_shape(x: Dims, *, dim: Axis) -> Dims:
    return _check_axis(x, dim)
