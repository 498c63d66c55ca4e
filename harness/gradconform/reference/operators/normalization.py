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
from gradconform.reference.attributes import Axis, Flag, Real, Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.reduction import largest
from gradconform.reference.tracked.arrays import constant
from gradconform.reference.tracked.sums import scatter_sum


def _difference(x: Any, *others: Any) -> Any:
    """x minus the other terms, rounded as one sum in any order."""
    return scatter_sum(x.shape, [(..., x), *((..., -other) for other in others)], apart=True)


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
    """A number for each channel [C], or None, so that it broadcasts over x [N, C, ...]."""
    return None if statistic is None else statistic.reshape(1, -1, *([1] * (x.ndim - 2)))


def _affine(normalised: Any, weight: Any, bias: Any) -> Any:
    """The normalised numbers scaled and shifted, by what is there."""
    scaled = normalised if weight is None else normalised * weight
    return scaled if bias is None else scaled + bias


def _affine_vjp(dy: Any, normalised: Any, weight: Any, bias: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The gradients of the normalised numbers, of the weight and of the bias, both summed over `axes`."""
    scaled = dy if weight is None else dy * weight
    return (
        scaled,
        None if weight is None else np.sum(dy * normalised, axis=axes),
        None if bias is None else np.sum(dy, axis=axes),
    )


@operator(parameters=("weight", "bias"), buffers=("running_mean", "running_var"), optional=("weight", "bias"))
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

    x [N, C, ...], the others [C]; weight and bias may be absent. Training: batch statistics, with the biased variance;
    gives (y, running_mean', running_var'), where r' = (1 - momentum) r + momentum statistic and the statistic for
    running_var is the unbiased variance. Evaluation: the running statistics; gives y.  Ioffe and Szegedy
    (2015), algorithms 1 and 2.
    """
    normalised, _, mean, unbiased = _batch_normalised(x, running_mean, running_var, eps, training)
    y = _affine(normalised, _per_channel(weight, x), _per_channel(bias, x))
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
    scaled, dweight, dbias = _affine_vjp(dy, normalised, _per_channel(weight, x), bias, axes)
    dx = _normalised_vjp(scaled, normalised, inverse, axes, x.size // x.shape[1]) if training else scaled * inverse
    return dx, dweight, dbias, None, None


@batch_norm.shape
def batch_norm_shape(x: Dims, *, training: Flag) -> Dims:
    if not 2 <= len(x) <= 5:
        raise ShapeError(f"x has shape {list(x)}; expected 2 to 5 axes, such as [N, C] or [N, C, H, W]")
    if training and x[0] * math.prod(x[2:]) < 2:
        few = "one value" if x[0] * math.prod(x[2:]) else "no value"
        raise ShapeError(f"x has shape {list(x)}, {few} per channel; expected two or more to train on")
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


@operator(parameters=("weight", "bias"), optional=("weight", "bias"))
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: Real) -> Any:
    """y = (x - mean) / sqrt(variance + eps) weight + bias, over the last axis.

    x [..., D], weight [D], bias [D], each or absent. The variance is biased and in two passes.  Ba, Kiros and
    Hinton (2016), section 3.
    """
    return _affine(_row_normalised(x, eps)[0], weight, bias)


def _row_normalised(x: Any, eps: float) -> tuple[Any, Any]:
    centred, variance, _ = _moments(x, (x.ndim - 1,))
    inverse = 1.0 / np.sqrt(variance + eps)
    return centred * inverse, inverse


@layer_norm.vjp
def layer_norm_vjp(dy: Any, x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    normalised, inverse = _row_normalised(x, eps)
    scaled, dweight, dbias = _affine_vjp(dy, normalised, weight, bias, tuple(range(x.ndim - 1)))
    return _normalised_vjp(scaled, normalised, inverse, (x.ndim - 1,), x.shape[-1]), dweight, dbias


@layer_norm.shape
def layer_norm_shape(x: Dims) -> Dims:
    if len(x) < 2 or not x[-1]:
        raise ShapeError(f"x has shape {list(x)}; expected two axes or more, the last one the normalised and not empty")
    return x


@layer_norm.draws
def layer_norm_draws(x: Dims) -> Mapping[str, Draw]:
    return {"weight": gain(x[-1:]), "bias": bias(x[-1:])}


@operator(parameters=("weight", "bias"), optional=("weight", "bias"))
def group_norm(x: Any, weight: Any, bias: Any, *, num_groups: Size, eps: Real) -> Any:
    """y = (x - mean) / sqrt(variance + eps) weight + bias, over the channels of a group and all positions.

    x [N, C, ...], weight [C], bias [C], each or absent.  Wu and He (2018), section 3.
    """
    normalised, _ = _group_normalised(x, num_groups, eps)
    return _affine(normalised, _per_channel(weight, x), _per_channel(bias, x))


@group_norm.vjp
def group_norm_vjp(dy: Any, x: Any, weight: Any, bias: Any, *, num_groups: int, eps: float) -> Any:
    normalised, inverse = _group_normalised(x, num_groups, eps)
    scaled, dweight, dbias = _affine_vjp(dy, normalised, _per_channel(weight, x), bias, (0, *range(2, x.ndim)))
    groups = _grouped(x, num_groups)
    dx = _normalised_vjp(scaled.reshape(groups), normalised.reshape(groups), inverse, (2,), groups[2])
    return dx.reshape(x.shape), dweight, dbias


def _group_normalised(x: Any, num_groups: int, eps: float) -> tuple[Any, Any]:
    """Normalised x, in its shape, and 1 / sqrt(variance + eps) [N, G, 1]."""
    centred, variance, _ = _moments(x.reshape(_grouped(x, num_groups)), (2,))
    inverse = 1.0 / np.sqrt(variance + eps)
    return (centred * inverse).reshape(x.shape), inverse


def _grouped(x: Any, num_groups: int) -> tuple[int, int, int]:
    """The shape [N, G, elements of a group] of x."""
    return (x.shape[0], num_groups, x.shape[1] // max(num_groups, 1) * math.prod(x.shape[2:]))


@group_norm.shape
def group_norm_shape(x: Dims, *, num_groups: Size) -> Dims:
    if len(x) < 2 or x[1] % num_groups:
        raise ShapeError(
            f"x has shape {list(x)}; expected [N, C, ...], C being a multiple of num_groups = {num_groups}"
        )
    if 0 in x[1:]:
        raise ShapeError(f"x has shape {list(x)}; expected an element or more in each group")
    return x


@operator(parameters=("weight", "bias"), optional=("weight", "bias"))
def instance_norm(x: Any, weight: Any, bias: Any, *, eps: Real) -> Any:
    """y = (x - mean) / sqrt(variance + eps) weight + bias, over the positions of each channel of each sample.

    x [N, C, ...], weight [C], bias [C], each or absent.  Ulyanov, Vedaldi and Lempitsky (2016).
    """
    return group_norm.forward(x, weight, bias, num_groups=x.shape[1], eps=eps)


@instance_norm.vjp
def instance_norm_vjp(dy: Any, x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return group_norm_vjp(dy, x, weight, bias, num_groups=x.shape[1], eps=eps)


@instance_norm.shape
def instance_norm_shape(x: Dims) -> Dims:
    if len(x) < 3 or math.prod(x[2:]) < 2:
        raise ShapeError(f"x has shape {list(x)}; expected [N, C, ...], with two positions or more")
    return x


@group_norm.draws
@instance_norm.draws
def channel_draws(x: Dims) -> Mapping[str, Draw]:
    return {"weight": gain(x[1:2]), "bias": bias(x[1:2])}


@operator(parameters=("weight",), optional=("weight",))
def rms_norm(x: Any, weight: Any, *, eps: Real) -> Any:
    """y = x / sqrt(mean x^2 + eps) weight, over the last axis.

    x [..., D], weight [D] or absent.  Zhang and Sennrich (2019), section 4.
    """
    return _affine(x * _inverse_rms(x, eps), weight, None)


@rms_norm.vjp
def rms_norm_vjp(dy: Any, x: Any, weight: Any, *, eps: float) -> Any:
    inverse = _inverse_rms(x, eps)
    normalised = x * inverse
    scaled, dweight, _ = _affine_vjp(dy, normalised, weight, None, tuple(range(x.ndim - 1)))
    slope = np.sum(scaled * normalised, axis=-1, keepdims=True) / x.shape[-1]
    return (scaled - normalised * slope) * inverse, dweight


def _inverse_rms(x: Any, eps: float) -> Any:
    return 1.0 / np.sqrt(np.sum(np.square(x), axis=-1, keepdims=True) / x.shape[-1] + eps)


@rms_norm.shape
def rms_norm_shape(x: Dims) -> Dims:
    if len(x) < 2 or not x[-1]:
        raise ShapeError(f"x has shape {list(x)}; expected two axes or more, the last one the normalised and not empty")
    return x


@rms_norm.draws
def rms_norm_draws(x: Dims) -> Mapping[str, Draw]:
    return {"weight": gain(x[-1:])}


@operator
def normalize(x: Any, *, dim: Axis) -> Any:
    """x / |x|, the Euclidean norm being taken along `dim`; the same shape as x.

    Without an eps: torch takes the larger of it and the norm, Chainer adds it to the norm, and NNabla to the square.
    """
    return x / _norm(x, dim)


@normalize.vjp
def normalize_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    norm = _norm(x, dim)
    y = x / norm
    return ((dy - y * np.sum(dy * y, axis=dim, keepdims=True)) / norm,)


@normalize.shape
def normalize_shape(x: Dims, *, dim: Axis) -> Dims:
    return _check_axis(x, dim)


def _norm(x: Any, axes: Any) -> Any:
    return np.sqrt(np.sum(np.square(x), axis=axes, keepdims=True))


@operator
def weight_norm(x: Any, g: Any, *, dim: Axis) -> Any:
    """g x / |x|, the Euclidean norm of x being taken over all axes but `dim`.

    x [...], g [D], D being the extent of `dim`.  Salimans and Kingma (2016), section 2.
    """
    others = _all_but(dim, x)
    return x * (_along(g, dim, x) / _norm(x, others))


@weight_norm.vjp
def weight_norm_vjp(dy: Any, x: Any, g: Any, *, dim: int) -> Any:
    others = _all_but(dim, x)
    norm = _norm(x, others)
    direction = x / norm
    along = np.sum(dy * direction, axis=others, keepdims=True)
    return _along(g, dim, x) / norm * (dy - direction * along), along.reshape(g.shape)


@weight_norm.shape
def weight_norm_shape(x: Dims, g: Dims, *, dim: Axis) -> Dims:
    _check_axis(x, dim)
    if len(x) < 2 or g != x[dim : dim + 1]:
        raise ShapeError(
            f"x has shape {list(x)} and g {list(g)}; expected two axes or more, and g of the extent of dim"
        )
    if 0 in x:
        raise ShapeError(f"x has shape {list(x)}; expected an element or more to take the norm of")
    return x


def _all_but(dim: int, x: Any) -> tuple[int, ...]:
    return tuple(axis for axis in range(x.ndim) if axis != dim)


def _along(g: Any, dim: int, x: Any) -> Any:
    return g.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])


@operator
def local_response_norm(x: Any, *, size: Size, alpha: Real, beta: Real, k: Real) -> Any:
    """x / (k + alpha mean x^2)^beta, the mean being over `size` channels around each, with zeros outside.

    x [N, C, ...]. Of channel c the window is from c - floor(size / 2).  Krizhevsky, Sutskever and Hinton (2012),
    section 3.3, who write alpha for alpha / size.
    """
    return x / np.power(_response(x, size, alpha, k), beta)


@local_response_norm.vjp
def local_response_norm_vjp(dy: Any, x: Any, *, size: int, alpha: float, beta: float, k: float) -> Any:
    response = _response(x, size, alpha, k)
    scaled = dy / np.power(response, beta)
    gathered = _over_channels(scaled * x / response, size, (size - 1) // 2) / size
    return (scaled - 2.0 * alpha * beta * (x * gathered),)


@local_response_norm.shape
def local_response_norm_shape(x: Dims) -> Dims:
    if len(x) < 3:
        raise ShapeError(f"x has shape {list(x)}; expected three axes or more, [N, C, ...]")
    return x


def _response(x: Any, size: int, alpha: float, k: float) -> Any:
    return alpha * (_over_channels(np.square(x), size, size // 2) / size) + k


def _over_channels(x: Any, size: int, before: int) -> Any:
    """The sum over `size` channels from `before` channels before each one."""
    padded = np.pad(x, ((0, 0), (before, size - 1 - before), *([(0, 0)] * (x.ndim - 2))))
    return scatter_sum(x.shape, ((..., padded[:, i : i + x.shape[1]]) for i in range(size)))


def _largest(x: Any, dim: int) -> Any:
    return largest(constant(x).real, (dim,))


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
    most = _largest(x, dim)
    return _difference(x, most, np.log(np.sum(np.exp(x - most), axis=dim, keepdims=True)))


@log_softmax.vjp
def log_softmax_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    return (dy - np.exp(log_softmax.forward(x, dim=dim)) * np.sum(dy, axis=dim, keepdims=True),)


@log_softmax.jvp
def log_softmax_jvp(t: Any, x: Any, *, dim: int) -> Any:
    return t - np.sum(np.exp(log_softmax.forward(x, dim=dim)) * t, axis=dim, keepdims=True)


@log_softmax.shape
def log_softmax_shape(x: Dims, *, dim: Axis) -> Dims:
    return _check_axis(x, dim)
