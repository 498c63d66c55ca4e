"""What the nodes of a network saw in one capture: the operands from which their outputs and gradients must follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.dtypes import Dtype, is_float
from gradconform.graph import Node
from gradconform.reference.inserted import definition
from gradconform.reference.network import contributions, slots
from gradconform.reference.tracked.rounding import Rounded

Array = NDArray[Any]

Proof = Callable[[], Mapping[str, Array]]
"""The whole network in the reference, by the names of a capture: run when it is needed, once for all captures."""


class CannotSee(LookupError):  # noqa: N818 - a value that stands in an expectation's place
    """A tensor that a node needs for its judgement was not captured, or has the wrong shape."""


class Sight:
    """The captured tensors of one capture, as operands of the reference.

    trusted: captured tensor -> numbers that are taken in its place.
    """

    def __init__(
        self, problem: Problem, capture: Capture, proof: Proof, trusted: Mapping[str, Any] | None = None
    ) -> None:
        self.problem = problem
        self.capture = capture
        self.unit = Dtype.of(problem.dtype)
        self.shapes, self.nodes = problem.graph.shapes, problem.graph.by_name
        self._proof = proof
        self._trusted = trusted or {}
        self._kept: dict[str, Any] = {}
        self._honest: dict[str, bool] = {}

    def forward(self, node: Node) -> tuple[Any, ...]:
        """What each output of a node should be. Raises CannotSee."""
        return tuple(definition(node.op).run_forward(self._operands(node), node.attributes))

    def sent_back(self, node: Node) -> list[tuple[str, Any]]:
        """What a node's backward should send back: (tensor, gradient) for each tensor that it reads.

        Raises CannotSee.
        """
        dy, *operands = self._operands(node, f"grad/{node.name}")
        return contributions(node, definition(node.op).run_vjp(dy, operands, node.attributes))

    def subgradients(self, node: Node) -> list[tuple[str, tuple[Any, Any]]]:
        """(tensor, ends of what its backward may send back) for each tensor that a node with kinks reads.

        Raises CannotSee.
        """
        dy, *operands = self._operands(node, f"grad/{node.name}")
        return contributions(node, definition(node.op).run_subgradients(dy, operands, node.attributes))

    def shares(self, node: Node) -> list[tuple[str, Array]]:
        """(tensor, numbers of its elements, equal where they share one gradient) for each tensor that a node reads.

        Empty where the operator lets none share. Raises CannotSee.
        """
        numbers = definition(node.op).run_shares(self._operands(node), node.attributes)
        return [] if numbers is None else contributions(node, numbers)

    def operands(self, node: Node, dy: str | None = None) -> list[Any]:
        """The operands of a node, in the order of its slots, with the gradient called `dy` before them.

        Raises CannotSee.
        """
        return self._operands(node, dy)

    def holds_nan(self, node: Node) -> bool:
        """Whether a NaN is among what a node read or was handed. Raises CannotSee."""
        return any(map(_holds_nan, self._operands(node, f"grad/{node.name}")))

    def is_trusted(self, name: str) -> bool:
        """Whether other numbers are taken in the place of a captured tensor."""
        return name in self._trusted

    @cached_property
    def proved(self) -> Mapping[str, Array]:
        """The right numbers of the whole network, by the name of the captured tensor."""
        return self._proof()

    def is_proved(self, name: str, got: Array) -> bool:
        """Whether a tensor of an exact problem is, to the bit, the one that the proof gives."""
        proved = self.proved.get(name)
        return proved is not None and got.dtype.name == self.unit.name and np.array_equal(got, proved)

    def captured(self, name: str) -> Any:
        """A captured tensor as it came, or what is trusted in its place. Raises CannotSee."""
        if name in self._trusted:
            return self._trusted[name]
        array = self.capture.tensors.get(name)
        if array is None:
            raise CannotSee(f"needs {name}, which is missing")
        shape = self.shapes[name.partition("/")[2]]
        if array.shape != shape or array.dtype.name != self.unit.name:
            raise CannotSee(f"needs {name}, which is {array.dtype}{list(array.shape)} for {list(shape)}")
        return array

    def forget(self, name: str) -> None:
        """Let go of the numbers of a leaf or a node; they are read again where they are needed again."""
        self._kept.pop(name, None)

    def _operands(self, node: Node, dy: str | None = None) -> list[Any]:
        """The operands of a node, in the order of its slots, with the gradient called `dy` before them.

        In an exact problem these are plain numbers as long as they are the proved ones. What was computed from
        others may round, so there the bound takes over, and only the node that first went wrong is blamed.
        """
        operands = slots(node, self._tensor)
        reads = [f"output/{name}" for name in node.reads if name in self.nodes]
        if dy is not None:
            arrives = node.name != self.problem.output
            operands.insert(0, self._wrapped(self.captured(dy) if arrives else self.problem.cotangent))
            reads += [dy] if arrives else []
        if self.problem.exact and not all(map(self._as_proved, reads)):
            operands = _each(self._rounded, operands)
        summed_in = self.capture.accumulates_in(node.op, self.unit, backward=dy is not None)
        if summed_in == self.unit:
            return operands
        return _each(lambda operand: _summed(operand, summed_in), operands)

    def _tensor(self, name: str) -> Any:
        given = name in self.problem.graph.leaves
        # An updated running statistic is called like the buffer that the node was given.
        if not given and f"output/{name}" in self._trusted:
            return self._trusted[f"output/{name}"]
        if name not in self._kept:
            self._kept[name] = self._wrapped(self.problem.value(name) if given else self.captured(f"output/{name}"))
        return self._kept[name]

    def _as_proved(self, name: str) -> bool:
        if name not in self._honest:
            self._honest[name] = self.is_proved(name, self.captured(name))
        return self._honest[name]

    def _wrapped(self, array: Any) -> Any:
        if isinstance(array, Rounded) or not is_float(array):
            return array
        return array.astype(float) if self.problem.exact else Rounded(array, unit=self.unit)

    def _rounded(self, array: Any) -> Any:
        plain = isinstance(array, np.ndarray) and is_float(array)
        return Rounded(array, unit=self.unit) if plain else array


def _each(function: Callable[[Any], Any], operands: list[Any]) -> list[Any]:
    """Operands to each of which, and to each of a list of which, a function was applied."""
    return [[*map(function, o)] if isinstance(o, list) else function(o) for o in operands]


def _summed(operand: Any, summed_in: Dtype) -> Any:
    """The operand, sums of which accumulate in a dtype; what carries no bound as it is."""
    if not isinstance(operand, Rounded):
        return operand
    return Rounded(operand.value, operand.error, unit=operand.unit, summed_in=summed_in)


def _holds_nan(operand: Any) -> bool:
    if isinstance(operand, list):
        return any(map(_holds_nan, operand))
    value = operand.value if isinstance(operand, Rounded) else operand
    return value is not None and is_float(value) and bool(np.isnan(value).any())
