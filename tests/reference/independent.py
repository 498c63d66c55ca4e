"""Forwards that share nothing with the reference: operator -> function of tensors and attributes -> outputs.

The ONNX reference evaluator where ONNX has the operator, mpmath to 30 digits for elementary functions.
Everything is float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from scipy import signal

Forward = Callable[..., Any]
INDEPENDENT: dict[str, Forward] = {}
# ONNX keeps an operator's numbers (epsilon, momentum) in float32.
CONSTANTS_IN_SINGLE = {"batch_norm", "layer_norm"}
DTYPES = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.BOOL}


def onnx(name: str, *tensors: Any, outputs: int = 1, **attributes: Any) -> Any:
    """The outputs of one ONNX operator, version 21; a None among the tensors is an input left out."""
    given = [None if t is None else np.asarray(t) for t in tensors]
    inputs = ["" if t is None else f"i{i}" for i, t in enumerate(given)]
    results = [f"o{i}" for i in range(outputs)]
    infos = [
        helper.make_tensor_value_info(n, DTYPES[t.dtype.kind], t.shape)
        for n, t in zip(inputs, given, strict=True) if t is not None
    ]  # fmt: skip
    outs = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in results]
    graph = helper.make_graph([helper.make_node(name, inputs, results, **attributes)], name, infos, outs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    found = ReferenceEvaluator(model).run(
        None, {n: t for n, t in zip(inputs, given, strict=True) if t is not None}
    )
    return found[0] if outputs == 1 else tuple(found)


def precisely(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """An elementwise function, in 30 digits."""

    def one(x: float) -> float:
        with mpmath.workdps(30):
            return float(function(mpmath.mpf(x)))

    return np.vectorize(one, otypes=[float])


def forward_of(name: str) -> Callable[[Forward], Forward]:
    """Register the independent forward of an operator."""

    def register(function: Forward) -> Forward:
        INDEPENDENT[name] = function
        return function

    return register


for _name, _function in {
    "abs": abs,
    "neg": lambda x: -x,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sqrt": mpmath.sqrt,
    "square": lambda x: x**2,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
}.items():
    INDEPENDENT[_name] = precisely(_function)

for _name, _onnx in {
    "relu": "Relu", "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max",
    "minimum": "Min", "matmul": "MatMul",
}.items():  # fmt: skip
    INDEPENDENT[_name] = lambda *tensors, _onnx=_onnx: onnx(_onnx, *tensors)


@forward_of("leaky_relu")
def _(x: Any, *, negative_slope: float) -> Any:
    return precisely(lambda v: v if v > 0 else v * mpmath.mpf(negative_slope))(x)


@forward_of("elu")
def _(x: Any, *, alpha: float) -> Any:
    return precisely(lambda v: v if v > 0 else alpha * (mpmath.exp(v) - 1))(x)


@forward_of("gelu")
def _(x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        return precisely(lambda v: v * mpmath.ncdf(v))(x)
    inner = lambda v: mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3)  # noqa: E731
    return precisely(lambda v: v * (1 + mpmath.tanh(inner(v))) / 2)(x)


@forward_of("dropout")
def _(x: Any, *, p: float, training: bool) -> Any:
    return onnx("Dropout", x, np.asarray(p), np.asarray(training))


@forward_of("clamp")
def _(x: Any, *, min: float, max: float) -> Any:
    return onnx("Clip", x, np.asarray(float(min)), np.asarray(float(max)))


@forward_of("add_scalar")
def _(x: Any, *, value: float) -> Any:
    return precisely(lambda v: v + value)(x)


@forward_of("mul_scalar")
def _(x: Any, *, value: float) -> Any:
    return precisely(lambda v: v * value)(x)


@forward_of("pow_scalar")
def _(x: Any, *, exponent: float) -> Any:
    return precisely(lambda v: v ** mpmath.mpf(exponent))(x)


@forward_of("linear")
def _(x: Any, weight: Any, bias: Any) -> Any:
    y = onnx("Gemm", x.reshape(-1, x.shape[-1]), weight, bias, transB=1)
    return y.reshape(*x.shape[:-1], len(weight))


@forward_of("embedding")
def _(x: Any, weight: Any) -> Any:
    return onnx("Gather", weight, x, axis=0)


@forward_of("flatten")
def _(x: Any, *, start_dim: int) -> Any:
    return onnx("Reshape", x, np.array([0] * start_dim + [-1]))


@forward_of("reshape")
def _(x: Any, *, shape: list[int]) -> Any:
    return onnx("Reshape", x, np.array(shape))


@forward_of("permute")
def _(x: Any, *, dims: list[int]) -> Any:
    return onnx("Transpose", x, perm=dims)


@forward_of("cat")
def _(xs: Any, *, dim: int) -> Any:
    return onnx("Concat", *xs, axis=dim)


@forward_of("narrow")
def _(x: Any, *, dim: int, start: int, length: int) -> Any:
    return onnx("Slice", x, np.array([start]), np.array([start + length]), np.array([dim]))


@forward_of("pad")
def _(x: Any, *, padding: Any, value: float) -> Any:
    return onnx("Pad", x, np.array(padding).T.ravel(), np.asarray(float(value)))


@forward_of("sum")
def _(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceSum", x, np.array(dim), keepdims=int(keepdim))


@forward_of("mean")
def _(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceMean", x, np.array(dim), keepdims=int(keepdim))


def _summed(terms: Any, reduction: str, count: int) -> Any:
    with mpmath.workdps(30):
        return float(
            mpmath.fsum(map(mpmath.mpf, np.ravel(terms).tolist())) / (count if reduction == "mean" else 1)
        )


@forward_of("mse_loss")
def _(x: Any, target: Any, *, reduction: str) -> Any:
    return _summed((x - target) ** 2, reduction, x.size)


@forward_of("l1_loss")
def _(x: Any, target: Any, *, reduction: str) -> Any:
    return _summed(np.maximum(x - target, target - x), reduction, x.size)


@forward_of("nll_loss")
def _(x: Any, target: Any, *, reduction: str) -> Any:
    return onnx("NegativeLogLikelihoodLoss", x, target, reduction=reduction)


@forward_of("cross_entropy")
def _(x: Any, target: Any, *, reduction: str) -> Any:
    return onnx("SoftmaxCrossEntropyLoss", x, target, reduction=reduction)


@forward_of("binary_cross_entropy_with_logits")
def _(x: Any, target: Any, *, reduction: str) -> Any:
    with mpmath.workdps(60):  # 1 - s loses as many digits as exp(-x) has zeros
        s = [1 / (1 + mpmath.exp(-mpmath.mpf(v))) for v in x.ravel().tolist()]
        terms = [
            -(t * mpmath.log(p) + (1 - t) * mpmath.log(1 - p))
            for t, p in zip(target.ravel().tolist(), s, strict=True)
        ]
        return float(mpmath.fsum(terms) / (x.size if reduction == "mean" else 1))


def _window(kernel_size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {"kernel_shape": kernel_size, "strides": stride, "pads": [*padding, *padding]}


@forward_of("conv2d")
def _(x: Any, weight: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    (top, bottom), (left, right) = padding
    pads = [top, left, bottom, right]
    return onnx("Conv", x, weight, bias, strides=stride, pads=pads, dilations=dilation, group=groups)


@forward_of("conv_transpose2d")
def _(
    x: Any,
    weight: Any,
    bias: Any,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: int,
) -> Any:
    # By full convolutions, since the ONNX evaluator mixes the groups up.
    spread = _with_gaps(x, stride)
    kernels = _with_gaps(weight, dilation)
    n, c = x.shape[:2]
    per_group = weight.shape[1]
    y = np.zeros(
        (
            n,
            groups * per_group,
            *(a + b - 1 for a, b in zip(spread.shape[2:], kernels.shape[2:], strict=True)),
        )
    )
    for i, j, k in np.ndindex(n, c, per_group):
        y[i, j // (c // groups) * per_group + k] += signal.convolve2d(spread[i, j], kernels[j, k])
    y = np.pad(y, [(0, 0), (0, 0), (0, output_padding[0]), (0, output_padding[1])])
    y = y[:, :, padding[0] : y.shape[2] - padding[0], padding[1] : y.shape[3] - padding[1]]
    return y if bias is None else y + bias[:, None, None]


def _with_gaps(a: Any, steps: Any) -> Any:
    """Zeros put between the elements of the last two axes."""
    wide = np.zeros(
        (*a.shape[:2], *((length - 1) * step + 1 for length, step in zip(a.shape[2:], steps, strict=True)))
    )
    wide[:, :, :: steps[0], :: steps[1]] = a
    return wide


@forward_of("max_pool2d")
def _(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    return onnx("MaxPool", x, **_window(kernel_size, stride, padding))


@forward_of("avg_pool2d")
def _(x: Any, *, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    return onnx(
        "AveragePool", x, count_include_pad=int(count_include_pad), **_window(kernel_size, stride, padding)
    )


@forward_of("batch_norm")
def _(x, weight, bias, running_mean, running_var, *, eps, momentum, training):  # type: ignore[no-untyped-def]
    given = (x, weight, bias, running_mean, running_var)
    if not training:
        return onnx("BatchNormalization", *given, epsilon=eps)
    # ONNX weighs the other way round, and updates with the biased variance.
    y, mean, var = onnx(
        "BatchNormalization", *given, outputs=3, epsilon=eps, momentum=1 - momentum, training_mode=1
    )
    n = x.size / x.shape[1]
    kept = (1 - momentum) * running_var
    return y, mean, kept + (var - kept) * n / (n - 1)


@forward_of("layer_norm")
def _(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    return onnx("LayerNormalization", x, weight, bias, epsilon=eps)


@forward_of("softmax")
def _(x: Any, *, dim: int) -> Any:
    return onnx("Softmax", x, axis=dim)


@forward_of("log_softmax")
def _(x: Any, *, dim: int) -> Any:
    return onnx("LogSoftmax", x, axis=dim)
