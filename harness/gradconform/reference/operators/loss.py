"""Losses: one number, shape [], from a tensor and its target."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Reduction
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
    return -_reduced(np.take_along_axis(x, target[:, None], axis=1), reduction, x.shape[0])


@nll_loss.vjp
def nll_loss_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    return np.where(_one_hot(target, x.shape[1]), -_reduced(dy, reduction, x.shape[0]), 0.0), None


@operator(integers=("target",))
def cross_entropy(x: Any, target: Any, *, reduction: Reduction) -> Any:
    """nll_loss of the logarithm of softmax(x). x [N, C]: logits; target [N], int64."""
    return nll_loss.forward(log_softmax.forward(x, dim=1), target, reduction=reduction)


@cross_entropy.vjp
def cross_entropy_vjp(dy: Any, x: Any, target: Any, *, reduction: str) -> Any:
    p = np.exp(log_softmax.forward(x, dim=1))
    return np.where(_one_hot(target, x.shape[1]), p - 1.0, p) * _reduced(dy, reduction, x.shape[0]), None


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


def _reduced(terms: Any, reduction: str, count: int) -> Any:
    """The sum of all terms, over `count` for a mean; serves for the cotangent too, which is a sum of one."""
    total = np.sum(terms)
    return total / count if reduction == "mean" else total


def _one_hot(target: Any, classes: int) -> Any:
    """Truth values [N, C]: whether class c is the target of n."""
    return np.arange(classes) == target[:, None]


def _elementwise_target(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, target: Dims) -> Dims:
        if x != target:
            raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected the same")
        return ()


def _class_target(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, target: Dims) -> Dims:
        if len(x) != 2 or target != x[:1]:
            raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected [N, C] and [N]")
        return ()

    @op.classes
    def classes(x: Dims, target: Dims) -> int:
        return x[1]


for _op in (mse_loss, l1_loss, binary_cross_entropy_with_logits):
    _elementwise_target(_op)
for _op in (nll_loss, cross_entropy):
    _class_target(_op)
