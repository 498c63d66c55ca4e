"""The rounding bounds of every operator: wide enough for an honest float32, narrow enough to tell."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from cases import Case, cases_of, every_case, every_operator
from gradconform.dtypes import Dtype
from gradconform.reference import OPERATORS, Operator
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")
DOUBLE = Dtype.of("float64")
LARGEST = float(np.finfo(np.float32).max)
# The judge's constant: an honest computation stays below so many bounds.
ALLOWED = 4.0
SCALES = {"drawn": (1.0, 0.0), "small": (1e-3, 0.0), "large": (30.0, 0.0), "shifted": (1.0, 100.0)}
every_scale = pytest.mark.parametrize(("factor", "shift"), list(SCALES.values()), ids=list(SCALES))


def transformed(case: Case, factor: float, shift: float) -> Case:
    """The case with its first float tensor scaled and shifted, in numbers that float32 can hold.

    As it is where that leads to numbers of which the operator is not defined.
    """
    place = next(case.places())
    moved = case.with_tensor(place, (case.tensor(place) * factor + shift).astype(np.float32).astype(float))
    with np.errstate(all="ignore"):
        defined = not any(np.isnan(found).any() for found in results(moved).values())
    return moved if defined else case


def results(case: Case) -> dict[str, Any]:
    """Every output and gradient of a case, by name."""
    found = {f"output {i}": y for i, y in enumerate(case.outputs())}
    found.update({case.name(place): gradient for place, gradient in case.gradients()})
    return found


def with_bounds(case: Case, unit: Dtype = SINGLE) -> dict[str, Any]:
    """The same, as arrays that carry their bounds."""
    return results(case.map(lambda a: Rounded(a, unit=unit)))


def ratio(got: Any, expected: Rounded) -> float:
    """The largest |error| / bound; infinite where the bound is zero and the error is not, or for NaN.

    An infinite result counts as right where the true one is beyond the range of float32, and NaN where NaN is true, as
    outside the domain of a logarithm.
    """
    got, value = np.asarray(got, dtype=float), expected.value
    with np.errstate(all="ignore"):
        right = (got == value) | (np.isinf(got) & (np.abs(value) > LARGEST)) | (np.isnan(got) & np.isnan(value))
        off = np.where(right, 0.0, np.abs(got - value))
        each = np.where(off == 0, 0.0, off / expected.bound())
    return float(np.max(np.where(np.isnan(each), np.inf, each), initial=0.0))


@every_scale
@every_case
def test_an_honest_evaluation_stays_within_the_bound(case: Case, factor: float, shift: float) -> None:
    """The same formulas in float32 are off by less than the judge allows, whatever the scale of the input."""
    case = transformed(case, factor, shift)
    expected = with_bounds(case)
    with np.errstate(all="ignore"):
        got = results(case.map(lambda a: a.astype(np.float32)))
    for name, value in got.items():
        assert np.asarray(value).dtype == np.float32, name
        assert ratio(value, expected[name]) < ALLOWED, name


@every_scale
@every_case
def test_bounds_are_finite_beside_the_same_values(case: Case, factor: float, shift: float) -> None:
    """Carrying a bound changes no value; where the value is finite the bound is finite and not negative."""
    case = transformed(case, factor, shift)
    with np.errstate(all="ignore"):
        plain = results(case)
    for name, tracked in with_bounds(case).items():
        assert isinstance(tracked, Rounded), name
        largest = np.max(np.abs(plain[name]), initial=0.0, where=np.isfinite(plain[name]))
        np.testing.assert_allclose(
            tracked.value, plain[name], rtol=0, atol=64 * DOUBLE.roundoff * largest, err_msg=name
        )
        bound = tracked.bound()
        assert bound.shape == tracked.shape, name
        assert np.all(np.isfinite(bound[np.isfinite(tracked.value)])), name
        assert np.all(bound >= 0), name


@every_case
def test_a_wrong_value_is_beyond_the_bound(case: Case) -> None:
    """The twin: the largest element off by a thousandth is noticed in each result, in both dtypes."""
    for unit in (SINGLE, DOUBLE):
        for name, tracked in with_bounds(case, unit).items():
            wrong = tracked.value.copy()
            largest = np.argmax(np.abs(wrong))
            wrong.flat[largest] += 1e-3 * (wrong.flat[largest] or 1.0)
            assert ratio(wrong, tracked) > ALLOWED, name


@every_case
def test_bounds_of_float64_are_those_of_float32_on_another_scale(case: Case) -> None:
    """Where float32 rounds by so many units, float64 rounds by no more of its own."""
    single, double = with_bounds(case, SINGLE), with_bounds(case, DOUBLE)
    for name, tracked in double.items():
        units = (tracked.bound() - 64 * DOUBLE.tiny) / DOUBLE.roundoff
        assert np.all(units <= single[name].bound() / SINGLE.roundoff * (1 + 1e-12)), name


def objections(operator: Operator) -> list[str]:
    """Where what an operator says of itself, that it only moves or that it computes, is not so."""
    bounds = {
        f"{case.network.name} {result}": tracked
        for case in cases_of(operator.name)
        for result, tracked in with_bounds(case).items()
        if not _broadcasts_or_writes(case)
    }
    if operator.moves:
        return [f"{name} rounds, though the operator only moves" for name, y in bounds.items() if y.error is not None]
    rounds = any(np.any(tracked.bound() > 0) for tracked in bounds.values())
    return [] if rounds else ["nothing rounds, though the operator does not only move"]


def _broadcasts_or_writes(case: Case) -> bool:
    """Whether the case also sums (a broadcast operand's gradient) or writes a constant that must round."""
    shapes = {case.tensor(place).shape for place in case.places()}
    try:
        summed = len(shapes) > 1 and np.broadcast_shapes(*shapes) == case.forward().shape and not case.op.parameters
    except ValueError:
        summed = False
    return summed or case.attributes.get("value") == 0.1


@every_operator
def test_what_only_moves_has_no_bound_and_what_computes_has_one(name: str) -> None:
    """What moves is exact, a bound of zero for every output and gradient; every other has one that is not."""
    assert objections(OPERATORS[name]) == []


@every_operator
def test_an_operator_that_says_the_contrary_is_noticed(name: str) -> None:
    """The twin: the same operator, with the contrary said of it."""
    liar = copy.copy(OPERATORS[name])
    liar.moves = not liar.moves
    assert objections(liar)
