"""What a framework makes of a condition, held against the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.atlas.conditions import Condition
from gradconform.atlas.lines import program, short
from gradconform.atlas.programs import Printed, run
from gradconform.capture.adapters import Adapter
from gradconform.draw.problem import drawn_numbers
from gradconform.dtypes import Dtype, is_float
from gradconform.evidence.source import NoScript
from gradconform.reference.inserted import definition
from gradconform.reference.network import contributions, slots
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT

Array = NDArray[Any]

ROUNDOFFS = 16.0
"""So many roundoffs of itself a number may be off where the reference knows no bound."""


MOST_LOST = 1e-3
"""A number with fewer than three right digits differs, whatever bound the formula has that frameworks evaluate: what
cancels there is the formula's own doing. Where elements are computed together that is measured by the largest."""

ALL = "all"
"""In place of a tensor: where the framework raises, or should."""


@dataclass(frozen=True)
class Measured:
    """One tensor of one condition in one framework that is not what the reference gives.

    condition: under which.
    framework, version: of which.
    tensor: `output`, `grad/x`, or `all` where the framework raises or should.
    got: what it gives; None where it raises or gives nothing.
    expected: what the reference gives, rounded to the dtype; None where nothing is right but an error.
    wrong: which elements differ; None where there are none to compare.
    error: what the framework says, where it raises.
    """

    condition: Condition
    framework: str
    version: str
    tensor: str
    got: Array | None
    expected: Array | None
    wrong: Array | None
    error: str = ""

    @property
    def digits(self) -> float | None:
        """How many decimal digits are right in the worst element; None where no number stands for a number."""
        if self.got is None or self.expected is None or self.wrong is None:
            return None
        got, right = self.got[self.wrong], self.expected[self.wrong]
        if not (np.isfinite(got).all() and np.isfinite(right).all()):
            return None
        with np.errstate(all="ignore"):
            relative = np.max(np.abs(got - right) / np.maximum(np.abs(right), np.finfo(float).tiny))
        return max(0.0, float(-np.log10(relative))) if relative > 0 else None


def measure(conditions: Sequence[Condition], adapter: Adapter) -> tuple[str, dict[str, list[Measured]]]:
    """The framework's version, and what differs under each condition that it can be looked at under, by name.

    Raises AdapterError.
    """
    programs = {}
    for condition in conditions:
        try:
            programs[condition.name] = program(condition, adapter.framework, adapter.folder.parent)
        except NoScript:
            continue
    version, printed = run(adapter, programs, alone={condition.name for condition in conditions if condition.alone})
    version = version.partition("+")[0]
    by_name = {condition.name: condition for condition in conditions}
    return version, {
        name: list(held(by_name[name], adapter.framework, version, each))
        for name, each in printed.items()
        if not each.error.startswith("NotImplementedError")
    }


def right(condition: Condition) -> dict[str, Any]:
    """`output` and the gradients of a condition by the reference: Rounded, or plain numbers where nothing rounds."""
    graph, unit = condition.network.graph(condition.dtype), Dtype.of(condition.dtype)
    numbers = drawn_numbers(condition.network, condition.dtype, condition.network.seed)
    (node,) = graph.nodes

    def wrapped(array: Array) -> Any:
        return Rounded(array, unit=unit) if is_float(array) else array

    operands = slots(node, lambda name: wrapped(numbers[f"value/{name}"]))
    op = definition(node.op)
    with np.errstate(all="ignore"):
        output, *_ = op.run_forward(operands, node.attributes)
        cotangent = wrapped(numbers[f"cotangent/{condition.network.output}"])
        sent = contributions(node, op.run_vjp(cotangent, operands, node.attributes))
    found = {"output": output, **{f"grad/{short(n)}": gradient for n, gradient in sent if n in graph.differentiable}}
    return found | {tensor: np.asarray(numbers, float) for tensor, numbers in condition.right.items()}


def expected_of(condition: Condition) -> dict[str, tuple[Array, Array]]:
    """What is right for `output` and each gradient, in float64, and its bound."""
    return {tensor: _parts(expectation) for tensor, expectation in right(condition).items()}


def held(condition: Condition, framework: str, version: str, printed: Printed) -> Iterator[Measured]:
    """What differs in what a program of a condition printed."""
    if printed.error and not printed.tensors:
        if not condition.refused:
            yield Measured(condition, framework, version, ALL, None, None, None, printed.error)
        return
    if condition.refused:
        yield Measured(condition, framework, version, ALL, printed.tensors.get("output"), None, None)
        return
    unit = Dtype.of(condition.dtype)
    for tensor, (expected, bound) in expected_of(condition).items():
        rounded = _in_dtype(expected, unit)
        got = printed.tensors.get(tensor)
        if got is None:
            error = "none" if "NoneType" in printed.error else printed.error
            yield Measured(condition, framework, version, tensor, None, rounded, None, error)
        elif got.shape != expected.shape:
            yield Measured(condition, framework, version, tensor, got, rounded, None)
        else:
            signed = condition.signed and tensor == "output"
            bound = least(bound, expected, unit, apart=definition(condition.operator).elementwise)
            wrong = differs(got, expected, bound, unit, signed=signed)
            if wrong.any():
                yield Measured(condition, framework, version, tensor, got, rounded, wrong)


def differs(got: Array, expected: Array, bound: Array, unit: Dtype, *, signed: bool) -> Array:
    """Which elements are not what is expected: NaN for NaN, infinity for infinity, and numbers within their bounds.

    signed: whether -0 and 0 are told apart.
    """
    rounded = _in_dtype(expected, unit)
    with np.errstate(all="ignore"):
        known = np.isfinite(bound)
        allowed = np.where(known, LIMIT * bound, ROUNDOFFS * unit.roundoff * np.abs(expected) + unit.tiny)
        near = np.abs(got - expected) <= np.maximum(allowed, unit.smallest)
        # An honest result may be on either side of the largest number.
        overflow = np.isinf(got) & (np.abs(expected) + allowed > unit.largest) & (np.sign(got) == np.sign(expected))
    finite = np.isfinite(got) & np.isfinite(rounded)
    same = (np.isnan(got) & np.isnan(rounded)) | (got == rounded) | (finite & near) | overflow
    if signed:
        same &= (got != 0) | (rounded != 0) | (np.signbit(got) == np.signbit(rounded))
    wrong: Array = ~same
    return wrong


def least(bound: Array, expected: Array, unit: Dtype, *, apart: bool) -> Array:
    """Bounds that leave three digits, where they are wider: a formula may have so wide a one that it allows anything.

    apart: whether each element is computed alone; else the digits of the largest are meant.
    """
    magnitude = np.abs(expected)
    if not apart:
        finite = magnitude[np.isfinite(magnitude)]
        magnitude = np.full(expected.shape, finite.max() if finite.size else np.inf)
    with np.errstate(all="ignore"):
        widest = np.where(expected != 0, MOST_LOST * magnitude + unit.tiny, np.inf) / LIMIT
    return np.where(np.isfinite(bound), np.minimum(bound, widest), bound)


def _parts(expectation: Any) -> tuple[Array, Array]:
    """The right numbers in float64 and their bounds."""
    if isinstance(expectation, Rounded):
        return expectation.value, expectation.bound()
    numbers = np.asarray(expectation, float)
    return numbers, np.zeros(numbers.shape)


def _in_dtype(numbers: Array, unit: Dtype) -> Array:
    with np.errstate(all="ignore"):
        return numbers.astype(unit.name).astype(float)
