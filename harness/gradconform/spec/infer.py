"""Shapes: from given tensors through every node, and what parameters and buffers the nodes own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradconform.draws import Draw
from gradconform.graph import Graph, Leaf, Node, Output, Shape
from gradconform.reference import ShapeError
from gradconform.spec.calls import Call
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.model import Tensor, Where

_FLOAT, _INT64 = "float", "int64"


class Inference:
    """The shapes and kinds of all tensors of a network, filled in node by node.

    What depends on a mistake stays unknown.
    """

    def __init__(self, inputs: list[Tensor], mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.shapes: dict[str, Shape] = {tensor.name: tensor.shape for tensor in inputs}
        self.kinds: dict[str, str] = {tensor.name: tensor.kind for tensor in inputs}
        self.inputs = {tensor.name: tensor for tensor in inputs}
        self.nodes: dict[str, Node] = {}
        self.lines: dict[str, Where] = {}
        self.owned: dict[str, tuple[str, Draw, int]] = {}
        self.expected: dict[tuple[str, str], Shape] = {}
        self.buffers: set[str] = set()

    def add(self, call: Call) -> None:
        """Infer one node; what it reads must have been added before."""
        kinds_fit = self._kinds_fit(call)
        if not kinds_fit or not call.whole or any(name not in self.shapes for name in call.needs):
            return
        shapes = {slot: self._shapes_in(call, slot) for slot in call.op.tensors}
        results = self._asked(call, lambda: self._results(call, shapes))
        draws = self._asked(call, lambda: dict(call.op.parameter_draws(shapes, call.values)))
        if results is None or draws is None:
            return
        for name, shape, _ in results:
            if bad := _bad_extents(shape):
                which = "its output" if name == call.name else f"its output {name}"
                self.mistakes.add(call.line, f"{which} would have shape {show(list(shape))}; {bad}", "", call.name)
                return
        self._choices_fit(call, shapes)
        self._own(call, draws)
        for name, shape, _ in results:
            self.shapes[name], self.kinds[name] = shape, _FLOAT
        self.nodes[call.name] = self._node(call, results)

    def _results(self, call: Call, shapes: Mapping[str, Any]) -> list[Output]:
        """The outputs of a node that others may read."""
        further = call.op.further_results(shapes, call.values)
        first = Output(call.name, call.op.output_shape(shapes, call.values))
        return [first, *(Output(f"{call.name}.{slot}", shape) for slot, shape in further.items())]

    def _shapes_in(self, call: Call, slot: str) -> Any:
        if call.reads[slot] is None:
            return None
        shapes = tuple(self.shapes[name] for name in call.names(slot))
        return shapes if slot == call.op.variadic else shapes[0]

    def _kinds_fit(self, call: Call) -> bool:
        before = self.mistakes.noted
        for slot in (*call.op.tensors, *call.op.parameters):
            wanted = _INT64 if slot in call.op.integers else _FLOAT
            for name in call.names(slot):
                if self.kinds.get(name, wanted) != wanted:
                    words = {_FLOAT: "floats", _INT64: "integers"}
                    line = call.lines.get(slot, call.line)
                    message = f"{slot} takes {words[wanted]}; {show(name)} holds {words[self.kinds[name]]}"
                    self.mistakes.add(line, message, "", call.name)
        return self.mistakes.noted == before

    def _choices_fit(self, call: Call, shapes: Mapping[str, Any]) -> None:
        """Note a mistake where integers that choose a class or a row may choose one that does not exist."""
        classes = call.op.number_of_classes(shapes, call.values)
        for name in [name for slot in call.op.integers for name in call.names(slot) if name in self.inputs]:
            found = _range_of(self.inputs[name].draw)
            if classes is not None and found is not None and (found[0] < 0 or found[1] >= classes):
                message = f"{name} holds integers from {found[0]} to {found[1]}; expected 0 to {classes - 1}"
                self.mistakes.add(call.line, message, "", call.name)

    def _asked(self, call: Call, rule: Callable[[], Any]) -> Any:
        """What the operator's rule for shapes gives; None, with a mistake noted, where it refuses the shapes."""
        try:
            return rule()
        except ShapeError as error:
            self.mistakes.add(call.line, str(error), "", call.name)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A rule that was not written for such shapes must not cost the user a traceback.
            reads = ", ".join(f"{name} {show(list(self.shapes[name]))}" for name in dict.fromkeys(call.needs))
            reason = f"{type(error).__name__}: {str(error)[:100]}"
            self.mistakes.add(call.line, f"{call.op.name} cannot take {reads} ({reason})", "", call.name)
        return None

    def _own(self, call: Call, draws: Mapping[str, Draw]) -> None:
        for slot in (*call.op.parameters, *call.op.buffers):
            if slot not in draws:
                self.mistakes.add(call.line, f"the operator does not say how {slot} is drawn", "", call.name)
                continue
            self.expected[call.name, slot] = draws[slot].shape
            if slot in call.reads:
                continue
            name = f"{call.name}.{slot}"
            self.owned[name] = (slot, draws[slot], call.line)
            self.shapes[name], self.kinds[name] = draws[slot].shape, _FLOAT
            if slot in call.op.buffers:
                self.buffers.add(name)

    def _node(self, call: Call, results: list[Output]) -> Node:
        tensors = {slot: call.reads.get(slot, f"{call.name}.{slot}") for slot in call.op.slots}
        extra = [f"{call.name}.{slot}" for slot in call.op.extra_outputs(call.values)]
        outputs = [*results, *(Output(name, self.shapes[name], result=False) for name in extra)]
        attributes = {name: call.values[name] for name in call.op.attributes}
        self.lines[call.name] = Where(self.mistakes.path, call.line)
        return Node(call.name, call.op.name, tensors, attributes, tuple(outputs))

    def graph(self, output: str) -> Graph:
        """The graph of what could be inferred; its floats have the dtype `float`, since none is chosen yet."""
        leaves = {name: tensor.leaf(_FLOAT) for name, tensor in self.inputs.items()}
        for name, (_, draw, _) in self.owned.items():
            role = "buffer" if name in self.buffers else "parameter"
            leaves[name] = Leaf(name, role, draw.shape, _FLOAT, role == "parameter")
        return Graph(leaves, tuple(self.nodes.values()), output)

    def sizes(self, inputs: list[Tensor]) -> Iterator[tuple[int, str, Shape]]:
        """Line, words and shape of every tensor: the inputs, what nodes compute, and what they own."""
        for tensor in inputs:
            yield tensor.where.line, f"input {tensor.name}", tensor.shape
        for name, (_, draw, line) in self.owned.items():
            yield line, f"parameter {name}", draw.shape
        for node in self.nodes.values():
            for output in node.results:
                called = "the output" if output.name == node.name else f"the output {output.name}"
                yield self.lines[node.name].line, f"{called} of node {node.name}", output.shape


def _range_of(draw: Draw) -> tuple[int, int] | None:
    """The least and the largest integer that a draw may give; None where it gives none, or is wrong."""
    if 0 in draw.shape:
        return None
    if draw.kind == "integers":
        return int(draw.low), int(draw.high) - 1
    return None if draw.value is None else (int(np.min(draw.value)), int(np.max(draw.value)))


def _bad_extents(shape: Shape) -> str:
    if not all(isinstance(extent, int) for extent in shape):
        return "expected ints"
    if any(extent < 0 for extent in shape):
        return "expected extents of 0 or more"
    return "expected at most 8 axes" if len(shape) > 8 else ""
