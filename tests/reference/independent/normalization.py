"""Independent forwards of the family `normalization`."""

from __future__ import annotations

from typing import Any

from oracles import CONSTANTS_IN_SINGLE, forward, onnx


@forward(close=CONSTANTS_IN_SINGLE)
def batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):  # type: ignore[no-untyped-def]
    given = (x, weight, bias, running_mean, running_var)
    if not training:
        return onnx("BatchNormalization", *given, epsilon=eps)
    # ONNX weighs the other way round, and updates with the biased variance.
    y, mean, var = onnx("BatchNormalization", *given, outputs=3, epsilon=eps, momentum=1 - momentum, training_mode=1)
    n = x.size / x.shape[1]
    kept = (1 - momentum) * running_var
    return y, mean, kept + (var - kept) * n / (n - 1)


@forward(close=CONSTANTS_IN_SINGLE)
def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return onnx("LayerNormalization", x, weight, bias, epsilon=eps)


@forward
def softmax(x: Any, *, dim: int) -> Any:
    return onnx("Softmax", x, axis=dim)


@forward
def log_softmax(x: Any, *, dim: int) -> Any:
    return onnx("LogSoftmax", x, axis=dim)
