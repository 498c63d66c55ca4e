"""What an independent forward is, and with what it is computed.

The ONNX reference evaluator where ONNX has the operator, mpmath to 30 digits for elementary functions. Everything is
float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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
    """An independent forward. function: of tensors and attributes, gives the outputs. close: as for `forward`."""

    function: Function
    close: float = CLOSE

    def __call__(self, *tensors: Any, **attributes: Any) -> Any:
        return self.function(*tensors, **attributes)


def forward(function: Function | None = None, /, *, close: float = CLOSE) -> Any:
    """Make a Forward of the function below. close: the largest honest distance, relative to the largest element."""
    return partial(forward, close=close) if function is None else Forward(function, close)


def of_onnx(name: str) -> Forward:
    """The forward of an ONNX operator without attributes."""
    return Forward(lambda *tensors: onnx(name, *tensors))


def onnx(name: str, *tensors: Any, outputs: int = 1, **attributes: Any) -> Any:
    """The outputs of one ONNX operator, version 21; a None among the tensors is an input left out."""
    arrays = {f"i{i}": np.asarray(t) for i, t in enumerate(tensors) if t is not None}
    reads = ["" if t is None else f"i{i}" for i, t in enumerate(tensors)]
    gives = [f"o{i}" for i in range(outputs)]
    inputs = [helper.make_tensor_value_info(n, DTYPES[a.dtype.kind], a.shape) for n, a in arrays.items()]
    results = [helper.make_tensor_value_info(n, TensorProto.DOUBLE, None) for n in gives]
    graph = helper.make_graph([helper.make_node(name, reads, gives, **attributes)], name, inputs, results)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    values = ReferenceEvaluator(model).run(None, arrays)
    return values[0] if outputs == 1 else tuple(values)


def precisely(function: Callable[..., Any]) -> Forward:
    """An elementwise function, in 30 digits."""

    def one(x: float) -> float:
        with mpmath.workdps(30):
            return float(function(mpmath.mpf(x)))

    return Forward(np.vectorize(one, otypes=[float]))
