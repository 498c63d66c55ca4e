"""Independent forwards of the family `pooling`."""

from __future__ import annotations

from typing import Any

from oracles import forward, onnx


def _window(kernel_size: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {"kernel_shape": kernel_size, "strides": stride, "pads": [*padding, *padding]}


@forward
def max_pool2d(x: Any, *, kernel_size: Any, stride: Any, padding: Any) -> Any:
    return onnx("MaxPool", x, **_window(kernel_size, stride, padding))


@forward
def avg_pool2d(x: Any, *, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Any:
    return onnx("AveragePool", x, count_include_pad=int(count_include_pad), **_window(kernel_size, stride, padding))
