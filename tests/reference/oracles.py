"""With what an independent forward is computed, and how one is registered.

The ONNX reference evaluator where ONNX has the operator, mpmath to 30 digits for elementary functions. Everything is
float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

Function = Callable[..., Any]
DTYPES = {"f": TensorProto.DOUBLE, "i": TensorProto.INT64, "b": TensorProto.BOOL}
# How far the two may be apart, relative to the largest element: both are float64 and may cancel.
CLOSE = 1e-11
# ONNX keeps an operator's numbers (epsilon, momentum) in float32.
CONSTANTS_IN_SINGLE = 2.0**-23


@dataclass(frozen=True)
class Forward:
    """function: of tensors and attributes, gives the outputs. close: the largest honest distance, relative."""

    function: Function
    close: float = CLOSE


INDEPENDENT: dict[str, Forward] = {}


def forward(function: Function | None = None, /, *, close: float = CLOSE) -> Any:
    """Register the independent forward of the operator that the function is called like."""

    def register(function: Function) -> Function:
        INDEPENDENT[function.__name__] = Forward(function, close)
        return function

    return register if function is None else register(function)


def forwards(**functions: Function) -> None:
    """Register independent forwards, each by the name of its operator."""
    INDEPENDENT.update({name: Forward(function) for name, function in functions.items()})


def of_onnx(name: str) -> Function:
    """The forward of an ONNX operator without attributes."""
    return lambda *tensors: onnx(name, *tensors)


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
