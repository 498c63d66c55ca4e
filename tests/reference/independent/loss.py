"""Independent forwards of the family `loss`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import forward, onnx


def _summed(terms: Any, reduction: str, count: int) -> Any:
    with mpmath.workdps(30):
        return float(mpmath.fsum(map(mpmath.mpf, np.ravel(terms).tolist())) / (count if reduction == "mean" else 1))


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
def binary_cross_entropy_with_logits(x: Any, target: Any, *, reduction: str) -> Any:
    with mpmath.workdps(60):  # 1 - s loses as many digits as exp(-x) has zeros
        s = [1 / (1 + mpmath.exp(-mpmath.mpf(v))) for v in x.ravel().tolist()]
        terms = [
            -(t * mpmath.log(p) + (1 - t) * mpmath.log(1 - p)) for t, p in zip(target.ravel().tolist(), s, strict=True)
        ]
        return float(mpmath.fsum(terms) / (x.size if reduction == "mean" else 1))
