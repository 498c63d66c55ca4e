"""Losses, from a tensor and its target: one number, shape [], or with the reduction `none` one for each of its terms.

`mean` and `sum` are of all terms, unless an operator says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from gradconform.draws import Draw, positive
from gradconform.reference.attributes import Axis, Flag, Label, Positive, Probability, Real, Reduction
from gradconform.reference.operator import Dims, Operator, ShapeError, operator
from gradconform.reference.operators.normalization import log_softmax
from gradconform.reference.operators.smooth import sigmoid
from gradconform.reference.tracked.ties import between, joined_where, tied


@operator
def mse_loss(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """The sum of (x - target)^2, divided by the number of elements for `mean`. x, target [...]."""
    return _reduced(np.square(x - target), reduction, x.size)


@mse_loss.vjp
def mse_loss_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    dx = (2.0 * (x - target)) * _reduced(dy, reduction, x.size)
    return dx, -dx


@operator
def l1_loss(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """The sum of |x - target|, divided by the number of elements for `mean`; derivative at 0: 0."""
    return _reduced(np.absolute(x - target), reduction, x.size)


@l1_loss.vjp
def l1_loss_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    each = _reduced(dy, reduction, x.size)
    dx = np.where(x > target, each, np.where(x < target, -each, 0.0))
    return dx, -dx


@l1_loss.choices
def l1_loss_choices(x: Any, target: Any, *, reduction: str) -> Any:
    return x > target


@l1_loss.subgradients
def l1_loss_subgradients(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    each = _reduced(dy, reduction, x.size)
    tie, nan = tied(x, target), np.isnan(x) | np.isnan(target)
    gradients = l1_loss_vjp(dy, x, target, reduction=reduction)
    return tuple(between(gradient, tie, -each, each, nan=nan) for gradient in gradients)


@l1_loss.shares
def l1_loss_shares(x: Any, target: Any, *, reduction: str) -> Any:
    """What x has the target has with the other sign: they sum to 0."""
    return joined_where(tied(x, target), x.shape, target.shape)


@operator(integers=("target",))
def nll_loss(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """The sum of -x[n, target[n]], divided by N for `mean`. x [N, C] log-probabilities; target [N] int64."""
    return -_reduced(_picked(x, target), reduction, x.shape[0])


@nll_loss.vjp
def nll_loss_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    return np.where(_one_hot(target, x.shape[1]), -_by_row(_reduced(dy, reduction, x.shape[0])), 0.0), None


@operator(integers=("target",))
def cross_entropy(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """nll_loss of the logarithm of softmax(x). x [N, C]: logits; target [N], int64."""
    return nll_loss.forward(log_softmax.forward(x, dim=1), target, reduction=reduction)


@cross_entropy.vjp
def cross_entropy_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    p = np.exp(log_softmax.forward(x, dim=1))
    return np.where(_one_hot(target, x.shape[1]), p - 1.0, p) * _by_row(_reduced(dy, reduction, x.shape[0])), None


@operator
def binary_cross_entropy_with_logits(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """The sum of -(t log s + (1 - t) log(1 - s)), s = sigmoid(x), t the target [...], or its mean.

    As (1 - t) x - log s with log s = min(x, 0) - log(1 + exp(-|x|)), which cannot overflow.
    """
    log_s = np.minimum(x, 0.0) - np.log(1.0 + np.exp(np.where(x > 0, -x, x)))
    return _reduced((1.0 - target) * x - log_s, reduction, x.size)


@binary_cross_entropy_with_logits.vjp
def binary_cross_entropy_with_logits_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    each = _reduced(dy, reduction, x.size)
    return (sigmoid.forward(x) - target) * each, -x * each


@operator
def huber_loss(x: Any, target: Any, *, delta: Positive, reduction: Reduction) -> Any:
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), of d = x - target.  Huber (1964).

    NNabla's function of that name is twice as large.
    """
    d = x - target
    size = np.where(d > 0, d, -d)
    terms = np.where(size > delta, delta * (size - 0.5 * delta), 0.5 * np.square(d))
    return _reduced(terms, reduction, x.size)


@huber_loss.vjp
def huber_loss_vjp(dy: Any, x: Any, target: Any, *, delta: float, reduction: str) -> Any:
    dx = np.minimum(np.maximum(x - target, -delta), delta) * _reduced(dy, reduction, x.size)
    return dx, -dx


@operator
def smooth_l1_loss(x: Any, target: Any, *, beta: Positive, reduction: Reduction) -> Any:
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, of d = x - target: the Huber loss over its delta.

    Girshick (2015), *Fast R-CNN*, section 2.3, with a beta of 1.
    """
    d = x - target
    size = np.where(d > 0, d, -d)
    return _reduced(np.where(size < beta, 0.5 * np.square(d) / beta, size - 0.5 * beta), reduction, x.size)


@smooth_l1_loss.vjp
def smooth_l1_loss_vjp(dy: Any, x: Any, target: Any, *, beta: float, reduction: str) -> Any:
    slope = np.minimum(np.maximum((x - target) / beta, -1.0), 1.0)
    dx = slope * _reduced(dy, reduction, x.size)
    return dx, -dx


@operator
def binary_cross_entropy(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """-(t log x + (1 - t) log(1 - x)), x [...] being probabilities between 0 and 1 and t the target [...].

    As log(1 - x) and not log1p(-x), which only some frameworks have.
    """
    return _reduced(-(target * np.log(x) + (1.0 - target) * np.log(1.0 - x)), reduction, x.size)


@binary_cross_entropy.vjp
def binary_cross_entropy_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    each = _reduced(dy, reduction, x.size)
    return (x - target) / (x * (1.0 - x)) * each, (np.log(1.0 - x) - np.log(x)) * each


@operator
def kl_div(x: Any, target: Any, *, log_target: Flag, reduction: Literal["mean", "sum", "none", "batchmean"]) -> Any:
    """t log t - t x, the terms of the divergence of exp(x) from t (Kullback and Leibler, 1951).

    x [...]: log-probabilities; t: the target [...], or its exponential with `log_target`, and then exp(t) (t - x).
    `batchmean` is the sum over the extent of the first axis.
    """
    terms = np.exp(target) * (target - x) if log_target else target * np.log(target) - target * x
    return _reduced(terms, *_by_batch(reduction, x))


@kl_div.vjp
def kl_div_vjp(dy: Any, x: Any, target: Any, *, log_target: bool, reduction: str) -> Any:
    each = _reduced(dy, *_by_batch(reduction, x))
    if log_target:
        p = np.exp(target)
        return -p * each, p * (target - x + 1.0) * each
    return -target * each, (np.log(target) + 1.0 - x) * each


def _by_batch(reduction: str, x: Any) -> tuple[str, int]:
    """A reduction and over how many terms a mean is: `batchmean` is one over the first axis."""
    return ("mean", x.shape[0]) if reduction == "batchmean" else (reduction, x.size)


@operator
def poisson_nll_loss(x: Any, target: Any, *, log_input: Flag, eps: Real, reduction: Reduction) -> Any:
    """exp(x) - t x with `log_input`, else x - t log(x + eps): of a Poisson distribution of mean exp(x), or x.

    Without the term of t alone, log t!, that torch approximates with its argument `full`.
    """
    return _reduced(np.exp(x) - target * x if log_input else x - target * np.log(x + eps), reduction, x.size)


@poisson_nll_loss.vjp
def poisson_nll_loss_vjp(dy: Any, x: Any, target: Any, *, log_input: bool, eps: float, reduction: str) -> Any:
    each = _reduced(dy, reduction, x.size)
    if log_input:
        return (np.exp(x) - target) * each, -x * each
    return (1.0 - target / (x + eps)) * each, -np.log(x + eps) * each


@operator
def cosine_similarity(x: Any, y: Any, *, dim: Axis) -> Any:
    """The sum of x y / (|x| |y|) along `dim`, which is taken away; Euclidean norms, and no eps.  x, y [...]."""
    return np.sum((x / _norm(x, dim)) * (y / _norm(y, dim)), axis=dim)


@cosine_similarity.vjp
def cosine_similarity_vjp(dy: Any, x: Any, y: Any, *, dim: int) -> Any:
    x_norm, y_norm = _norm(x, dim), _norm(y, dim)
    u, v = x / x_norm, y / y_norm
    cosine = np.sum(u * v, axis=dim, keepdims=True)
    each = np.expand_dims(dy, dim)
    return (v - u * cosine) / x_norm * each, (u - v * cosine) / y_norm * each


@cosine_similarity.shape
def cosine_similarity_shape(x: Dims, y: Dims, *, dim: Axis) -> Dims:
    if x != y or dim >= len(x):
        raise ShapeError(f"x has shape {list(x)} and y {list(y)}; expected the same, with an axis {dim}")
    return (*x[:dim], *x[dim + 1 :])


def _norm(x: Any, dim: int) -> Any:
    return np.sqrt(np.sum(np.square(x), axis=dim, keepdims=True))


@operator
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, *, margin: Positive, eps: Real, reduction: Reduction
) -> Any:
    """max(|a - p + eps| - |a - n + eps| + margin, 0), the Euclidean norms being over the last axis.

    a, p, n [N, D]. Balntas et al. (2016), section 3; Chainer's F.triplet is of squared norms.
    """
    hinge, _, _ = _triplet(anchor, positive, negative, margin, eps)
    return _reduced(np.maximum(hinge, 0.0), reduction, anchor.shape[0])


@triplet_margin_loss.vjp
def triplet_margin_loss_vjp(
    dy: Any, anchor: Any, positive: Any, negative: Any, *, margin: float, eps: float, reduction: str
) -> Any:
    hinge, to_positive, to_negative = _triplet(anchor, positive, negative, margin, eps)
    each = np.where((hinge > 0)[:, None], _by_row(_reduced(dy, reduction, anchor.shape[0])), 0.0)
    return each * (to_positive - to_negative), -each * to_positive, each * to_negative


@triplet_margin_loss.choices
def triplet_margin_loss_choices(
    anchor: Any, positive: Any, negative: Any, *, margin: float, eps: float, reduction: str
) -> Any:
    return _triplet(anchor, positive, negative, margin, eps)[0] > 0


@triplet_margin_loss.subgradients
def triplet_margin_loss_subgradients(
    dy: Any, anchor: Any, positive: Any, negative: Any, *, margin: float, eps: float, reduction: str
) -> Any:
    hinge, to_positive, to_negative = _triplet(anchor, positive, negative, margin, eps)
    each = _by_row(_reduced(dy, reduction, anchor.shape[0]))
    gradients = triplet_margin_loss_vjp(dy, anchor, positive, negative, margin=margin, eps=eps, reduction=reduction)
    ends = (each * (to_positive - to_negative), -each * to_positive, each * to_negative)
    tie, nan = tied(hinge, 0.0)[:, None], np.isnan(hinge)[:, None]
    return tuple(between(g, tie, 0.0, end, nan=nan) for g, end in zip(gradients, ends, strict=True))


@triplet_margin_loss.shape
def triplet_margin_loss_shape(anchor: Dims, positive: Dims, negative: Dims, *, reduction: Reduction) -> Dims:
    if len(anchor) != 2 or positive != anchor or negative != anchor:
        shapes = ", ".join(str(list(shape)) for shape in (anchor, positive, negative))
        raise ShapeError(f"anchor, positive and negative have the shapes {shapes}; expected [N, D] of all")
    return anchor[:1] if reduction == "none" else ()


def _triplet(anchor: Any, positive: Any, negative: Any, margin: float, eps: float) -> tuple[Any, Any, Any]:
    """What is cut off at zero [N], and the directions of both differences [N, D]."""
    near, far = anchor - positive + eps, anchor - negative + eps
    near_norm, far_norm = _norm(near, 1), _norm(far, 1)
    return (margin + near_norm - far_norm)[:, 0], near / near_norm, far / far_norm


@operator(integers=("target",), buffers=("class_weight",))
def weighted_cross_entropy(x: Any, target: Any, class_weight: Any, *, reduction: Reduction) -> Any:
    """cross_entropy with each term times the weight of its class; `mean` divides by the sum of these weights.

    x [N, C]: logits; target [N], int64; class_weight [C], which has no gradient.
    """
    weights = class_weight[target]
    terms = -_picked(log_softmax.forward(x, dim=1), target) * weights
    return _over_weights(terms, weights, reduction)


@weighted_cross_entropy.vjp
def weighted_cross_entropy_vjp(dy: Any, x: Any, target: Any, class_weight: Any, *, reduction: str) -> Any:
    p, weights = np.exp(log_softmax.forward(x, dim=1)), class_weight[target]
    each = weights * _over_weights(dy, weights, reduction)
    return np.where(_one_hot(target, x.shape[1]), p - 1.0, p) * _by_row(each), None, None


@weighted_cross_entropy.draws
def weighted_cross_entropy_draws(x: Dims, target: Dims) -> Mapping[str, Draw]:
    return {"class_weight": positive(x[1:2])}


def _over_weights(terms: Any, weights: Any, reduction: str) -> Any:
    return np.sum(terms) / np.sum(weights) if reduction == "mean" else _reduced(terms, reduction, 1)


@operator(integers=("target",))
def masked_cross_entropy(x: Any, target: Any, *, ignore_index: Label, reduction: Reduction) -> Any:
    """cross_entropy in which a row with the target `ignore_index` counts as 0; `mean` is over the other rows.

    x [N, C]: logits; target [N], int64.
    """
    ignored = target == ignore_index
    terms = -_picked(log_softmax.forward(x, dim=1), np.where(ignored, 0, target))
    return _reduced(np.where(ignored, 0.0, terms), reduction, int(np.sum(~ignored)))


@masked_cross_entropy.vjp
def masked_cross_entropy_vjp(dy: Any, x: Any, target: Any, *, ignore_index: int, reduction: str) -> Any:
    ignored = target == ignore_index
    dx, _ = cross_entropy_vjp(
        _reduced(dy, reduction, int(np.sum(~ignored))),
        x,
        np.where(ignored, 0, target),
        reduction="none" if reduction == "none" else "sum",
    )
    return np.where(ignored[:, None], 0.0, dx), None


@masked_cross_entropy.shape
def masked_cross_entropy_shape(x: Dims, target: Dims, *, reduction: Reduction) -> Dims:
    return _of_classes(x, target, reduction)


@operator(integers=("target",))
def smoothed_cross_entropy(x: Any, target: Any, *, label_smoothing: Probability, reduction: Reduction) -> Any:
    """cross_entropy against (1 - s) of the target's class and s spread over all.  Szegedy et al. (2016), section 7.

    x [N, C]: logits; target [N], int64; s is `label_smoothing`.
    """
    logs = log_softmax.forward(x, dim=1)
    spread = np.sum(logs, axis=1) / x.shape[1]
    terms = -((1.0 - label_smoothing) * _picked(logs, target) + label_smoothing * spread)
    return _reduced(terms, reduction, x.shape[0])


@smoothed_cross_entropy.vjp
def smoothed_cross_entropy_vjp(dy: Any, x: Any, target: Any, *, label_smoothing: float, reduction: str) -> Any:
    p = np.exp(log_softmax.forward(x, dim=1))
    everywhere = label_smoothing / x.shape[1]
    off = np.where(_one_hot(target, x.shape[1]), p - (1.0 - label_smoothing + everywhere), p - everywhere)
    return off * _by_row(_reduced(dy, reduction, x.shape[0])), None


@operator
def soft_cross_entropy(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """The sum over the classes of -t log softmax(x), for each row; `mean` is over the rows.

    x [N, C]: logits; target [N, C]: probabilities, of which each row sums to 1.
    """
    return _reduced(-np.sum(target * log_softmax.forward(x, dim=1), axis=1), reduction, x.shape[0])


@soft_cross_entropy.vjp
def soft_cross_entropy_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    logs, each = log_softmax.forward(x, dim=1), _by_row(_reduced(dy, reduction, x.shape[0]))
    return (np.exp(logs) * np.sum(target, axis=1, keepdims=True) - target) * each, -logs * each


@soft_cross_entropy.shape
def soft_cross_entropy_shape(x: Dims, target: Dims, *, reduction: Reduction) -> Dims:
    if len(x) != 2 or target != x:
        raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected [N, C] of both")
    return x[:1] if reduction == "none" else ()


def _reduced(terms: Any, reduction: str, count: int) -> Any:
    """The sum of all terms, over `count` for a mean, or the terms; serves for the cotangent too, a sum of one."""
    if reduction == "none":
        return terms
    total = np.sum(terms)
    return total / count if reduction == "mean" else total


def _picked(x: Any, target: Any) -> Any:
    """x[n, target[n]] for each row n, [N]."""
    return np.take_along_axis(x, target[:, None], axis=1)[:, 0]


def _by_row(each: Any) -> Any:
    """A cotangent that broadcasts over [N, C]: one number, or one for each row [N]."""
    return each[:, None] if each.ndim else each


def _one_hot(target: Any, classes: int) -> Any:
    """Truth values [N, C]: whether class c is the target of n."""
    return np.arange(classes) == target[:, None]


def _of_classes(x: Dims, target: Dims, reduction: str) -> Dims:
    if len(x) != 2 or target != x[:1] or not x[1]:
        raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected [N, C] and [N], C above 0")
    return target if reduction == "none" else ()


def _elementwise_target(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, target: Dims, *, reduction: Reduction) -> Dims:
        if x != target:
            raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected the same")
        return x if reduction == "none" else ()


def _class_target(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, target: Dims, *, reduction: Reduction) -> Dims:
        return _of_classes(x, target, reduction)

    @op.classes
    def classes(x: Dims, target: Dims) -> int:
        return x[1]


for _op in (
    mse_loss,
    l1_loss,
    binary_cross_entropy_with_logits,
    huber_loss,
    smooth_l1_loss,
    binary_cross_entropy,
    kl_div,
    poisson_nll_loss,
):
    _elementwise_target(_op)
for _op in (nll_loss, cross_entropy, weighted_cross_entropy, smoothed_cross_entropy):
    _class_target(_op)
