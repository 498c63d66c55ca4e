"""Independent forwards of the family `loss`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from oracles import forward, onnx


def _summed(terms: Any, reduction: str, count: int) -> Any:
    if reduction == "none":
        return np.asarray(terms, dtype=float)
    with mpmath.workdps(30):
        return float(mpmath.fsum(map(mpmath.mpf, np.ravel(terms).tolist())) / (count if reduction == "mean" else 1))


def _precisely(term: Callable[..., Any], *tensors: Any, reduction: str, count: int, digits: int = 30) -> Any:
    """The terms of a loss, each in so many digits, reduced in as many."""
    with mpmath.workdps(digits):
        rows = zip(*(np.ravel(each).tolist() for each in tensors), strict=True)
        terms = [term(*map(mpmath.mpf, row)) for row in rows]
        if reduction == "none":
            return np.array([float(each) for each in terms]).reshape(np.shape(tensors[0]))
        return float(mpmath.fsum(terms) / (count if reduction == "mean" else 1))


@forward
def mse_loss(x: Any, target: Any, *, reduction: str) -> Any:
    return _summed((x - target) ** 2, reduction, x.size)


@forward
def l1_loss(x: Any, target: Any, *, reduction: str) -> Any:
    return _summed(np.maximum(x - target, target - x), reduction, x.size)


@forward
def nll_loss(x: Any, target: Any, *, reduction: str) -> Any:
    return onnx("NegativeLogLikelihoodLoss", x, target, reduction=reduction)


@forward
def cross_entropy(x: Any, target: Any, *, reduction: str) -> Any:
    return onnx("SoftmaxCrossEntropyLoss", x, target, reduction=reduction)


@forward
def weighted_cross_entropy(x: Any, target: Any, class_weight: Any, *, reduction: str) -> Any:
    return onnx("SoftmaxCrossEntropyLoss", x, target, class_weight, reduction=reduction)


@forward
def masked_cross_entropy(x: Any, target: Any, *, ignore_index: int, reduction: str) -> Any:
    return onnx("SoftmaxCrossEntropyLoss", x, target, ignore_index=ignore_index, reduction=reduction)


def _against(x: Any, probabilities: Any, reduction: str) -> Any:
    """The cross entropy of each row of logits against its probabilities, in 30 digits."""
    losses = []
    with mpmath.workdps(30):
        for row, wanted in zip(x.tolist(), probabilities, strict=True):
            whole = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in row))
            losses.append(float(mpmath.fsum(t * (whole - v) for v, t in zip(row, wanted, strict=True))))
    return _summed(losses, reduction, len(losses))


@forward
def smoothed_cross_entropy(x: Any, target: Any, *, label_smoothing: float, reduction: str) -> Any:
    classes = x.shape[1]
    with mpmath.workdps(30):
        s = mpmath.mpf(label_smoothing)
        wanted = [[(1 - s) * (c == t) + s / classes for c in range(classes)] for t in target.tolist()]
    return _against(x, wanted, reduction)


@forward
def soft_cross_entropy(x: Any, target: Any, *, reduction: str) -> Any:
    return _against(x, target.tolist(), reduction)


@forward
def binary_cross_entropy_with_logits(x: Any, target: Any, *, reduction: str) -> Any:
    def term(v: Any, t: Any) -> Any:
        s = 1 / (1 + mpmath.exp(-v))
        return -(t * mpmath.log(s) + (1 - t) * mpmath.log(1 - s))

    # 1 - s loses as many digits as exp(-x) has zeros
    return _precisely(term, x, target, reduction=reduction, count=x.size, digits=60)


@forward
def binary_cross_entropy(x: Any, target: Any, *, reduction: str) -> Any:
    def term(p: Any, t: Any) -> Any:
        return -t * mpmath.log(p) - (1 - t) * mpmath.log(1 - p)

    return _precisely(term, x, target, reduction=reduction, count=x.size)


def _huber(d: Any, delta: Any) -> Any:
    """The integral of the slope, which is d as far as delta."""
    near = min(abs(d), delta)
    return near**2 / 2 + delta * (abs(d) - near)


@forward
def huber_loss(x: Any, target: Any, *, delta: float, reduction: str) -> Any:
    term = lambda v, t: _huber(v - t, mpmath.mpf(delta))  # noqa: E731
    return _precisely(term, x, target, reduction=reduction, count=x.size)


@forward
def smooth_l1_loss(x: Any, target: Any, *, beta: float, reduction: str) -> Any:
    term = lambda v, t: _huber((v - t) / mpmath.mpf(beta), 1) * mpmath.mpf(beta)  # noqa: E731
    return _precisely(term, x, target, reduction=reduction, count=x.size)


@forward
def kl_div(x: Any, target: Any, *, log_target: bool, reduction: str) -> Any:
    def term(v: Any, t: Any) -> Any:
        p = mpmath.exp(t) if log_target else t
        return p * mpmath.log(p / mpmath.exp(v))

    count = len(x) if reduction == "batchmean" else x.size
    kind = "mean" if reduction == "batchmean" else reduction
    return _precisely(term, x, target, reduction=kind, count=count)


@forward
def poisson_nll_loss(x: Any, target: Any, *, log_input: bool, eps: float, reduction: str) -> Any:
    def term(v: Any, t: Any) -> Any:
        return mpmath.exp(v) - t * v if log_input else v - t * mpmath.log(v + mpmath.mpf(eps))

    return _precisely(term, x, target, reduction=reduction, count=x.size)


@forward
def cosine_similarity(x: Any, y: Any, *, dim: int) -> Any:
    # 1 - |u - v|^2 / 2 of the vectors of length 1.
    u, v = (np.moveaxis(each, dim, -1) for each in (x, y))
    u, v = (each / np.hypot.reduce(each, axis=-1, keepdims=True) for each in (u, v))
    return 1 - ((u - v) ** 2).sum(axis=-1) / 2


@forward
def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, *, margin: float, eps: float, reduction: str) -> Any:
    apart = [
        margin + math.hypot(*(a - p + eps)) - math.hypot(*(a - n + eps))
        for a, p, n in zip(anchor, positive, negative, strict=True)
    ]
    return _summed([each if each > 0 else 0.0 for each in apart], reduction, len(anchor))
