"""Independent forwards of the family `normalization`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from oracles import CONSTANTS_IN_SINGLE, forward, onnx


@forward(close=CONSTANTS_IN_SINGLE)
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):  # type: ignore[no-untyped-def]
    given = (x, *_there(weight, bias, x.shape[1]), running_mean, running_var)
    if not training:
        return onnx("BatchNormalization", *given, epsilon=eps)
    # ONNX weighs the other way round, and updates with the biased variance.
    y, mean, var = onnx("BatchNormalization", *given, outputs=3, epsilon=eps, momentum=1 - momentum, training_mode=1)
    n = x.size / x.shape[1]
    kept = (1 - momentum) * running_var
    return y, mean, kept + (var - kept) * n / (n - 1)


@forward(close=CONSTANTS_IN_SINGLE)
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return onnx("LayerNormalization", x, *_there(weight, bias, x.shape[-1]), epsilon=eps)


def _there(weight: Any, bias: Any, size: int) -> tuple[Any, Any]:
    """Ones and zeros in place of what is absent."""
    return np.ones(size) if weight is None else weight, np.zeros(size) if bias is None else bias


@forward
def softmax(x: Any, *, dim: int) -> Any:
    return onnx("Softmax", x, axis=dim)


@forward
def log_softmax(x: Any, *, dim: int) -> Any:
    return onnx("LogSoftmax", x, axis=dim)


def _in_groups(x: Any, weight: Any, bias: Any, groups: int, eps: float) -> Any:
    """Sample after sample and group after group, by NumPy's own mean and variance."""
    y = np.empty(x.shape)
    size = x.shape[1] // groups
    for n, g in np.ndindex(x.shape[0], groups):
        part = x[n, g * size : (g + 1) * size]
        y[n, g * size : (g + 1) * size] = (part - np.mean(part)) / np.sqrt(np.var(part) + eps)
    for c in range(x.shape[1]):
        y[:, c] = y[:, c] * (1 if weight is None else weight[c]) + (0 if bias is None else bias[c])
    return y


@forward
def group_norm(x: Any, weight: Any, bias: Any, *, num_groups: int, eps: float) -> Any:
    return _in_groups(x, weight, bias, num_groups, eps)


@forward
def instance_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return _in_groups(x, weight, bias, x.shape[1], eps)


@forward
def rms_norm(x: Any, weight: Any, *, eps: float) -> Any:
    y = np.array([row / math.sqrt(math.fsum(row**2) / len(row) + eps) for row in x.reshape(-1, x.shape[-1])])
    return y.reshape(x.shape) * (1 if weight is None else weight)


@forward
def normalize(x: Any, *, dim: int) -> Any:
    return onnx("LpNormalization", x, axis=dim, p=2)


@forward
def weight_norm(x: Any, g: Any, *, dim: int) -> Any:
    parts = [length * part / math.hypot(*part.ravel()) for length, part in zip(g, np.moveaxis(x, dim, 0), strict=True)]
    return np.moveaxis(np.stack(parts), 0, dim)


@forward
def local_response_norm(x: Any, *, size: int, alpha: float, beta: float, k: float) -> Any:
    y = np.empty(x.shape)
    for c in range(x.shape[1]):
        first = c - size // 2
        met = range(max(first, 0), min(first + size, x.shape[1]))
        y[:, c] = x[:, c] * (k + alpha / size * sum(x[:, i] ** 2 for i in met)) ** -beta
    return y
