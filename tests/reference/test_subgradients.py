"""What an operator says is right on its kinks: all that lies between the one-sided derivatives, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import Case, cases_of
from gradconform.dtypes import Dtype
from gradconform.reference import OPERATORS, Operator
from gradconform.reference.tracked.rounding import Rounded
from gradconform.reference.tracked.ties import ALONE, joined, tied
from test_facts import KINKED, places_for_kinks

SINGLE = Dtype.of("float32")
STEP = 2.0**-20
# So often is every element of a case moved at random, each time to another side of its kinks.
TRIES = 400
SHARING = [name for name in KINKED if OPERATORS[name]._shares]
kinked = pytest.mark.parametrize("name", KINKED)
# These read an element in two places, with a kink in each; a point beside shows one side of both at once.
TWICE = {"crelu"}
# Beside the kinks of these the derivative grows without limit, or they jump there: any number is right on them.
UNBOUNDED = {"atan2", "floor", "ceil", "trunc", "round", "sign"}
# The slot by which these choose, where it is not the first.
CHOOSING = {"grid_sample": 1}


@cache
def kinks_of(name: str) -> tuple[Case, ...]:
    """Points at which elements lie on a kink, of the smallest of an operator's cases that has some."""
    for case in sorted(cases_of(name), key=lambda case: sum(np.size(tensor) for tensor in case.tensors)):
        points = [replace(at, dy=case.dy) for at in places_for_kinks(case)]
        found = tuple(at for at in points if any(np.any(low < high) for low, high in ends(OPERATORS[name], at)))
        if found:
            return found
    return ()


def ends(operator: Operator, case: Case) -> list[tuple[Any, Any]]:
    """(low, high) of each slot."""
    return list(operator.run_subgradients(case.arriving(case.dy), case.tensors, case.attributes))


def beside(case: Case, tries: int) -> Iterator[tuple[Any, ...]]:
    """The gradients of each slot at points beside a case; nothing else of the operator changes with so small a step."""
    rng = np.random.default_rng(3)
    for _ in range(tries):
        near = [tensor + STEP * rng.uniform(-1.0, 1.0, np.shape(tensor)) for tensor in case.tensors]
        yield case.op.run_vjp(case.arriving(case.dy), near, case.attributes)


def objections(operator: Operator) -> set[str]:
    """What is wrong with the subgradients that an operator says it has."""
    found = set()
    for case in kinks_of(operator.name):
        sides = ends(operator, case)
        gradients = list(beside(case, TRIES))
        for slot, (low, high) in enumerate(sides):
            near = np.stack([each[slot] for each in gradients])
            room = 64 * STEP * (1.0 + np.max(np.abs(near)))
            chosen = operator.run_vjp(case.arriving(case.dy), case.tensors, case.attributes)[slot]
            if np.any(chosen < low) or np.any(chosen > high):
                found.add("what the VJP gives is none")
            if np.any(near < low - room) or np.any(near > high + room):
                found.add("a derivative beside the kink is none")
            far = np.any(near.min(axis=0) > low + room) or np.any(near.max(axis=0) < high - room)
            if far and operator.name not in TWICE | UNBOUNDED:
                found.add("no derivative beside the kink is so far")
    return found


def test_every_operator_with_kinks_says_what_is_right_on_them() -> None:
    """And no other one does."""
    assert [name for name, operator in OPERATORS.items() if operator.has_subgradients] == KINKED
    with pytest.raises(TypeError, match="tanh has no subgradients"):
        OPERATORS["tanh"].run_subgradients(np.ones(2), [np.ones(2)], {})


@kinked
def test_subgradients_reach_from_one_side_of_a_kink_to_the_other(name: str) -> None:
    """All derivatives nearby lie between the ends, and come up to them; and there are kinks to be looked at."""
    assert kinks_of(name)
    assert objections(OPERATORS[name]) == set()


@pytest.mark.parametrize("name", [name for name in KINKED if name not in TWICE | UNBOUNDED])
def test_subgradients_that_leave_room_are_noticed(name: str) -> None:
    """The twin: a set that is a tenth too wide on one side."""
    liar, true = copy.copy(OPERATORS[name]), OPERATORS[name]
    liar._subgradients = lambda *operands, **attributes: tuple(
        (low, np.where(low < high, high + 0.1 * (high - low), high))
        for low, high in true._subgradients(*operands, **attributes)
    )
    assert objections(liar) == {"no derivative beside the kink is so far"}


@pytest.mark.parametrize("name", [name for name in KINKED if name not in UNBOUNDED])
def test_subgradients_that_leave_something_out_are_noticed(name: str) -> None:
    """The twin: a set that is a tenth too narrow on one side."""
    liar, true = copy.copy(OPERATORS[name]), OPERATORS[name]
    liar._subgradients = lambda *operands, **attributes: tuple(
        (low, high - 0.1 * (high - low)) for low, high in true._subgradients(*operands, **attributes)
    )
    assert "a derivative beside the kink is none" in objections(liar)


@kinked
def test_without_a_kink_the_only_subgradient_is_the_gradient(name: str) -> None:
    """As drawn, both ends are what the VJP gives, to the bit and with its bound."""
    operator = OPERATORS[name]
    for case in cases_of(name):
        tracked = case.map(lambda a: Rounded(a, unit=SINGLE))
        expected = operator.run_vjp(tracked.arriving(tracked.dy), tracked.tensors, tracked.attributes)
        for gradient, sides in zip(expected, ends(operator, tracked), strict=True):
            for side in sides:
                np.testing.assert_array_equal(side.value, gradient.value, err_msg=case.network.name)
                np.testing.assert_array_equal(side.bound(), gradient.bound(), err_msg=case.network.name)


@kinked
def test_at_a_nan_any_number_is_right(name: str) -> None:
    """Of the element that is NaN; of those beside it what there was."""
    operator, certain = OPERATORS[name], []
    for case in cases_of(name):
        place = next(place for place in case.places() if place[0] == CHOOSING.get(name, 0))
        broken = case.tensor(place).copy()
        broken.flat[0] = np.nan
        before, _ = ends(operator, case)[place[0]]
        low, high = ends(operator, case.with_tensor(place, broken))[place[0]]
        assert (low.flat[0], high.flat[0]) == (-np.inf, np.inf)
        sure = np.isfinite(low)
        np.testing.assert_array_equal(low[sure], high[sure])
        certain.append(np.count_nonzero(sure) / sure.size)
        np.testing.assert_array_equal(low[sure], before[sure])
    # All of one group may be uncertain, as of the largest of all elements; where there are several it is not all.
    assert max(certain) >= 0.25


def sums(numbers: tuple[Any, ...], gradients: tuple[Any, ...]) -> Any:
    """The sum of the gradients of each group of elements that share one."""
    found = np.zeros(1 + max(int(np.max(each)) for each in numbers))
    for each, gradient in zip(numbers, gradients, strict=True):
        np.add.at(found, each[each != ALONE], gradient[each != ALONE])
    return found


def changes_of_sums(operator: Operator) -> float:
    """How far these sums change from the reference's own choice to the derivatives beside a kink, at most."""
    worst = 0.0
    for case in kinks_of(operator.name):
        numbers = operator.run_shares(case.tensors, case.attributes)
        chosen = sums(numbers, operator.run_vjp(case.arriving(case.dy), case.tensors, case.attributes))
        worst = max(worst, *(float(np.max(np.abs(sums(numbers, near) - chosen))) for near in beside(case, 20)))
    return worst


@pytest.mark.parametrize("name", SHARING)
def test_elements_that_share_a_gradient_share_the_same_whole(name: str) -> None:
    """However it is shared, and every element on a kink shares."""
    assert changes_of_sums(OPERATORS[name]) < 1e-9
    for case in kinks_of(name):
        numbers = OPERATORS[name].run_shares(case.tensors, case.attributes)
        for each, (low, high) in zip(numbers, ends(OPERATORS[name], case), strict=True):
            np.testing.assert_array_equal(each != ALONE, low < high)


@pytest.mark.parametrize("name", ["relu", "clamp", "abs"])
def test_elements_that_share_nothing_are_noticed(name: str) -> None:
    """The twin: an operator that says its elements share, though each may choose for itself."""
    liar = copy.copy(OPERATORS[name])
    liar._shares = lambda x, **attributes: (np.zeros(x.shape, dtype=int),)
    assert changes_of_sums(liar) > 0.1


def test_windows_that_have_a_tie_in_common_share_all_they_have() -> None:
    """Three windows in a row: the first two tie in an element, the third by itself."""
    x = np.array([[[[1.0, 0.0, 1.0, 0.0, 1.0, 5.0, 5.0]]]])
    attributes = {"kernel_size": [1, 3], "stride": [1, 2], "padding": [0, 0]}
    (numbers,) = OPERATORS["max_pool2d"].run_shares([x], attributes)
    one, other = numbers[0, 0, 0, 0], numbers[0, 0, 0, 5]
    assert one != other
    assert numbers.tolist() == [[[[one, ALONE, one, ALONE, one, other, other]]]]


def test_padding_has_no_part_in_a_tie() -> None:
    """Not even where all of a window is minus infinity, as padding is."""
    x = np.full((1, 1, 2, 2), -np.inf)
    attributes = {"kernel_size": [2, 2], "stride": [2, 2], "padding": [1, 1]}
    [(low, high)] = OPERATORS["max_pool2d"].run_subgradients(np.ones((1, 1, 2, 2)), [x], attributes)
    assert low.tolist() == high.tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]


def test_what_rounding_decides_is_a_tie() -> None:
    """float32 has no 0.1: the number nearest to it lies on the bound; the next one does not, and float64 has it."""
    nearest = np.float32(0.1)
    x = np.array([nearest, np.nextafter(nearest, np.float32(1)), np.nextafter(nearest, np.float32(0))]).astype(float)
    assert tied(Rounded(x, unit=SINGLE), 0.1).tolist() == [True, False, False]
    assert tied(Rounded(x, unit=Dtype.of("float64")), 0.1).tolist() == [False, False, False]
    assert tied(Rounded([1.0, 2.0], np.array([0.5, 0.5]), unit=SINGLE), np.array([1.25, 3.0])).tolist() == [True, False]
    assert tied(np.array([np.inf, np.nan]), np.array([np.inf, np.nan])).tolist() == [True, False]


def test_pairs_join_what_they_lead_to() -> None:
    """Over as many steps as there are; what is in no pair is alone."""
    numbers = joined(6, np.array([0, 1, 4]), np.array([1, 3, 4]))
    assert numbers[0] == numbers[1] == numbers[3] != numbers[4]
    assert (numbers[2], numbers[5]) == (ALONE, ALONE)
    assert joined(2, np.array([], int), np.array([], int)).tolist() == [ALONE, ALONE]


@kinked
def test_of_a_nan_that_arrives_at_a_kink_nothing_or_all_may_be_handed_on(name: str) -> None:
    """Any number is right there; where no kink is, NaN is, as it is of the gradient."""
    for case in kinks_of(name)[:1]:
        arriving = replace(case, dy=np.full(np.shape(case.dy), np.nan))
        for (low, high), (lowest, highest) in zip(
            ends(OPERATORS[name], case), ends(OPERATORS[name], arriving), strict=True
        ):
            free = np.isneginf(lowest) & np.isposinf(highest)
            assert np.all(free[low < high])
            assert not np.any(free[low == high])
