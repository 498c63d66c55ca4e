"""Independent forwards of the family `binary`."""

from __future__ import annotations

from oracles import of_onnx

add = of_onnx("Add")
sub = of_onnx("Sub")
mul = of_onnx("Mul")
div = of_onnx("Div")
maximum = of_onnx("Max")
minimum = of_onnx("Min")
