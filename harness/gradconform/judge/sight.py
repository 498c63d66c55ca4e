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
        self.shapes, self.makers = problem.graph.shapes, problem.graph.makers
        self._proof = proof
        self._trusted = trusted or {}
        self._kept: dict[str, Any] = {}
        self._honest: dict[str, bool] = {}

    def forward(self, node: Node) -> tuple[Any, ...]:
        """What each output of a node should be. Raises CannotSee."""
        return tuple(definition(node.op).run_forward(self.operands(node), node.attributes))

    def sent_back(self, node: Node) -> list[tuple[str, Any]]:
        """What a node's backward should send back: (tensor, gradient) for each tensor that it reads.

        Raises CannotSee.
        """
        dy, operands = self.handed(node)
        gradients = definition(node.op).run_vjp(dy, operands, node.attributes)
        terms = definition(node.op).gathered(slots(node, self.shapes))
        if terms > 1 and isinstance(gradients[0], Rounded):
            gradients[0].terms = terms
        return contributions(node, gradients)

    def subgradients(self, node: Node) -> list[tuple[str, tuple[Any, Any]]]:
        """(tensor, ends of what its backward may send back) for each tensor that a node with kinks reads.

        Raises CannotSee.
        """
        dy, operands = self.handed(node)
        return contributions(node, definition(node.op).run_subgradients(dy, operands, node.attributes))

    def shares(self, node: Node) -> list[tuple[str, Array]]:
        """(tensor, numbers of its elements, equal where they share one gradient) for each tensor that a node reads.

        Empty where the operator lets none share. Raises CannotSee.
        """
        numbers = definition(node.op).run_shares(self.operands(node), node.attributes)
        return [] if numbers is None else contributions(node, numbers)

    def operands(self, node: Node) -> list[Any]:
        """The operands of a node, in the order of its slots. Raises CannotSee."""
        operands = slots(node, self._tensor)
        if not self._all_as_proved(self._made(node)):
            operands = _each(self._rounded, operands)
        return self._summing(node, operands, backward=False)

    def handed(self, node: Node) -> tuple[Any, list[Any]]:
        """What the backward of a node was handed: dy, as its VJP takes it, and the operands. Raises CannotSee."""
        arrived = [f"grad/{output.name}" for output in node.results]
        dy, operands = [*map(self._arrived, arrived)], slots(node, self._tensor)
        if not self._all_as_proved([*self._made(node), *filter(self._arrives, arrived)]):
            dy, operands = _each(self._rounded, dy), _each(self._rounded, operands)
        dy, operands = (self._summing(node, each, backward=True) for each in (dy, operands))
        return definition(node.op).dy_of(dy), operands

    def holds_nan(self, node: Node) -> bool:
        """Whether a NaN is among what a node read or was handed. Raises CannotSee."""
        dy, operands = self.handed(node)
        return any(map(_holds_nan, [dy, *operands]))

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

    def _summing(self, node: Node, operands: list[Any], *, backward: bool) -> list[Any]:
        """The operands, sums of which accumulate in the dtype that the adapter says of the node's operator."""
        summed_in = self.capture.accumulates_in(node.op, self.unit, backward=backward)
        if summed_in == self.unit:
            return operands
        return _each(lambda operand: _summed(operand, summed_in), operands)

    def _made(self, node: Node) -> list[str]:
        """The captured tensors that a node reads: what other nodes made."""
        return [f"output/{name}" for name in node.reads if name in self.makers]

    def _all_as_proved(self, reads: list[str]) -> bool:
        """Whether the operands of an exact problem may be plain numbers, for what they are made of is as proved.

        What was computed from others may round, so there the bound takes over, and only the node that first went wrong
        is blamed.
        """
        return not self.problem.exact or all(map(self._as_proved, reads))

    def _arrives(self, tensor: str) -> bool:
        """Whether a gradient is one that was captured: neither the cotangent nor that of what the output needs not."""
        name = tensor.partition("/")[2]
        return name != self.problem.output and name in self.problem.on_path

    def _arrived(self, tensor: str) -> Any:
        """The gradient that arrives at a result of a node: zeros where the output does not depend on it."""
        name = tensor.partition("/")[2]
        if name == self.problem.output:
            return self._wrapped(self.problem.cotangent)
        return self._wrapped(self.captured(tensor) if self._arrives(tensor) else np.zeros(self.shapes[name]))

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
    if isinstance(operand, list | tuple):
        return any(map(_holds_nan, operand))
    value = operand.value if isinstance(operand, Rounded) else operand
    return value is not None and is_float(value) and bool(np.isnan(value).any())
