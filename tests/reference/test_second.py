"""Dual numbers through every forward and every VJP, against numerical derivatives of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import Case, Place, joined
from gradconform.draws import stream
from gradconform.dtypes import FLOAT64
from gradconform.reference.derivatives import Derivative, complex_step, extrapolated
from gradconform.reference.second import jvp as operator_jvp
from gradconform.reference.second import second_vjp
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT

# A bar wider than this, beside the largest number, could hide what the twin below must show.
NARROW = 1e-7
ROUGHLY = 1e-5
# Beside a pole or a kink differences tell too little of a second derivative; the tests of first order have these.
TOO_NEAR = ("absolute_difference.near", "acosh.steep", "rsqrt.small", "pow.zero")
# What is zero by the formula may be left over from terms of that size.
ZERO = 1e-13

every_case = pytest.mark.cases(without=TOO_NEAR)


def directions(case: Case) -> list[Any]:
    """A drawn tangent for each slot that has a gradient."""

    def of(slot: int, place: int | None, tensor: Any) -> Any:
        return stream(7, f"{slot}/{place}").normal(0.2, 0.9, size=tensor.shape)

    found: list[Any] = [None] * len(case.tensors)
    for slot, place in case.places():
        tensor = case.tensor((slot, place))
        if place is None:
            found[slot] = of(slot, None, tensor)
        else:
            found[slot] = found[slot] or [None] * len(case.tensors[slot])
            found[slot][place] = of(slot, place, tensor)
    return found


def arriving(case: Case) -> Any:
    """A drawn tangent of dy."""
    return stream(8, "dy").normal(0.1, 0.8, size=case.dy.shape)


def moved(case: Case, step: Any) -> Case:
    """The case with every tensor, and dy, moved along the directions."""
    there = case
    for slot, place in case.places():
        along = directions(case)[slot]
        along = along if place is None else along[place]
        there = there.with_tensor((slot, place), there.tensor((slot, place)) + step * along)
    return Case(there.network, there.tensors, there.dy + step * arriving(case))


def derivative(case: Case, of: Callable[[Case], Any]) -> Derivative:
    """The numerical derivative of something of a case along its directions.

    By the complex step where differences bear it out to a few digits: their own bars do not know what cancels inside.
    """
    point, along = np.zeros(()), np.ones(())
    differences, exact = (how(lambda step: of(moved(case, step)), point, along) for how in (extrapolated, complex_step))
    if exact is None or not np.allclose(exact, differences.value, rtol=ROUGHLY, atol=ROUGHLY * np.max(np.abs(exact))):
        return differences
    return Derivative(exact, np.zeros(exact.shape))


@cache
def numerical(case: Case) -> tuple[Derivative, dict[Place, Derivative]]:
    """That of what `forward` gives, and those of the gradients."""

    def gradient(place: Place) -> Callable[[Case], Any]:
        return lambda there: dict(there.gradients())[place]

    return derivative(case, Case.forward), {place: derivative(case, gradient(place)) for place in case.places()}


def by_dual_numbers(case: Case) -> tuple[Any, dict[Place, Any]]:
    """The tangent of what `forward` gives and those of the gradients, zeros where there is none."""
    tangent = of_results(case, operator_jvp(case.op, case.tensors, directions(case), case.attributes))
    dy, dy_tangent = case.arriving(case.dy), case.arriving(arriving(case))
    found = second_vjp(case.op, dy, dy_tangent, case.tensors, directions(case), case.attributes)
    second = {(slot, i): found[slot] if i is None else found[slot][i] for slot, i in case.places()}
    zeros = {place: np.zeros(case.tensor(place).shape) if g is None else g for place, g in second.items()}
    return np.zeros(case.dy.shape) if tangent is None else tangent, zeros


def of_results(case: Case, tangents: Sequence[Any]) -> Any:
    """The tangent of what `forward` gives: of the first output, or of all results end to end."""
    if not case.op.several:
        return tangents[0]
    results = zip(tangents, case.shapes, strict=False)
    return joined([np.zeros(shape) if tangent is None else tangent for tangent, shape in results])


@cache
def bounds(case: Case) -> tuple[Any, dict[Place, Any]]:
    """The rounding bounds in float64 of the tangent and of the second-order gradients: plain numbers err by as much."""

    def rounded(array: Any) -> Any:
        if isinstance(array, list):
            return [rounded(each) for each in array]
        plain = array is None or array.dtype.kind != "f"
        return array if plain else Rounded(array, unit=FLOAT64)

    tensors, along = [rounded(t) for t in case.tensors], [rounded(t) for t in directions(case)]
    tangent = of_results(case, operator_jvp(case.op, tensors, along, case.attributes))
    dy, dy_tangent = (case.arriving(rounded(whole)) for whole in (case.dy, arriving(case)))
    found = second_vjp(case.op, dy, dy_tangent, tensors, along, case.attributes)
    return tangent, {(slot, i): found[slot] if i is None else found[slot][i] for slot, i in case.places()}


def bound_of(part: Any) -> Any:
    """The bound of a rounded part; zero of what is exact or not there."""
    return part.bound() if isinstance(part, Rounded) else 0.0


def objections(case: Case, tangent: Any, second: dict[Place, Any]) -> list[str]:
    """What the numerical derivatives do not bear out, or cannot judge."""
    (expected_tangent, expected), (tangent_bound, second_bounds) = numerical(case), bounds(case)
    parts = [("tangent", tangent, expected_tangent, tangent_bound)]
    parts += [(case.name(place), second[place], expected[place], second_bounds[place]) for place in expected]
    found = []
    for what, claimed, numbers, bound in parts:
        # Beside what is differentiated: a second derivative may be zero.
        size = max(float(np.max(np.abs(numbers.value), initial=0.0)), float(np.max(np.abs(case.dy), initial=0.0)))
        bar = Derivative(numbers.value, numbers.error + LIMIT * bound_of(bound) + ZERO * size)
        if np.max(bar.error, initial=0.0) > NARROW * size:
            found.append(f"{what}: the bar is too wide to tell")
        elif np.shape(claimed) != np.shape(bar.value):
            found.append(f"{what}: has shape {np.shape(claimed)}")
        elif bar.excess(claimed) > 1.0:
            found.append(f"{what}: off by {bar.excess(claimed):.3g} bars")
    return found


@every_case
def test_dual_numbers_are_the_numerical_derivatives(case: Case) -> None:
    """The Jacobian-vector product and the second-order VJP of each tensor."""
    assert objections(case, *by_dual_numbers(case)) == []


@every_case
def test_a_spoiled_tangent_is_noticed(case: Case) -> None:
    """The twin: each one off by a millionth of its largest element, alone."""
    tangent, second = by_dual_numbers(case)
    size = max(float(np.max(np.abs(case.dy))), 1e-3)

    def spoilt(array: Any) -> Any:
        wrong = np.array(array)
        wrong.flat[np.argmax(np.abs(wrong))] += 2e-6 * max(size, float(np.max(np.abs(wrong))))
        return wrong

    assert len(objections(case, spoilt(tangent), second)) == 1
    for place in second:
        assert len(objections(case, tangent, second | {place: spoilt(second[place])})) == 1


@every_case
def test_bounds_stand_beside_the_same_tangents(case: Case) -> None:
    """With rounding bounds inside, the values are those of plain numbers, and every bound is a number."""
    (tangent, second), (plain_tangent, plain) = bounds(case), by_dual_numbers(case)
    for ours, expected in [(tangent, plain_tangent), *((second[place], plain[place]) for place in second)]:
        if ours is None:
            assert not np.any(expected)
            continue
        value = ours.value if isinstance(ours, Rounded) else ours
        assert np.all(np.isfinite(bound_of(ours)))
        assert np.all(np.abs(value - expected) <= LIMIT * bound_of(ours) + ZERO * np.max(np.abs(expected), initial=0.0))
