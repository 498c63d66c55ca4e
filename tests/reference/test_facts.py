"""What an operator says of itself beside its numbers: where its kinks are, and its derivative from its output."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from cases import FOLDER, Case, case_of, cases_of, every_operator
from gradconform.reference import OPERATORS, Operator
from independent import FAMILIES

# From one step to the other, how far apart the slopes on both sides of a point are falls by 16 where a function is
# smooth, and not at all at a kink. Rounding shows in the slopes below NOISE.
STEPS = (2.0**-14, 2.0**-18)
NOISE = 1e-4
KINKED = [name for name, operator in OPERATORS.items() if not operator.smooth]
# On both sides of its jump this one has the same slope, so that none shows.
ALIKE = {"sign"}
FROM_OUTPUT = [name for name, operator in OPERATORS.items() if operator.has_from_output]


def directions(case: Case) -> list[Any]:
    """A random direction for each tensor that has a gradient."""
    rng = np.random.default_rng(11)
    return [
        rng.uniform(0.5, 1.5, np.shape(case.tensor(p))) * rng.choice([-1, 1], np.shape(case.tensor(p)))
        for p in case.places()
    ]


def moved(case: Case, along: list[Any], step: float) -> Case:
    """The case with every such tensor moved."""
    for place, direction in zip(case.places(), along, strict=True):
        case = case.with_tensor(place, case.tensor(place) + step * direction)
    return case


def numbers(value: Any) -> Iterator[float]:
    """The numbers in an attribute, with both signs: a threshold may be one of them."""
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (float(value), -float(value))


def places_for_kinks(case: Case) -> Iterator[Case]:
    """The case where an operator may have a kink: at 0, at its thresholds, at halves, where its tensors are equal."""
    fills = {0.0, 1.0, -1.0, *(number for value in case.attributes.values() for number in numbers(value))}
    for fill in sorted(fills):
        for place in case.places():
            yield case.with_tensor(place, np.full_like(case.tensor(place), fill))
        yield case.map(lambda tensor, fill=fill: np.full_like(tensor, fill))
    yield case.map(lambda tensor: np.round(tensor))
    yield case.map(lambda tensor: np.round(tensor) + 0.5)
    yield case


@dataclass(frozen=True)
class Look:
    """Around one point. kink: whether the slopes on both sides differ; chosen: whether what is chosen differs."""

    kink: bool
    chosen: bool


def jump(operator: Operator, case: Case, along: list[Any], step: float) -> Any:
    """How far apart the slopes on both sides of a point are; 0 where one is no number, as beside the logarithm of 0."""
    low, here, high = (
        np.asarray(operator.run_forward(c.tensors, c.attributes)[0])
        for c in (moved(case, along, -step), case, moved(case, along, step))
    )
    found = np.abs((high - here) / step - (here - low) / step)
    return np.where(np.isfinite(found), found, 0.0)


def look(operator: Operator, case: Case) -> Look:
    """Slopes and choices on both sides of a point, along a random direction."""
    along = directions(case)
    with np.errstate(all="ignore"):
        far, near = (jump(operator, case, along, step) for step in STEPS)
    kink = bool(np.any((near > NOISE) & (near > 0.5 * far)))
    sides = [moved(case, along, step) for step in (-STEPS[-1], STEPS[-1])]
    before, after = (operator.run_choices(c.tensors, c.attributes) for c in sides)
    return Look(kink, before is not None and bool(np.any(before != after)))


def objections(operator: Operator) -> list[str]:
    """What is wrong with the kinks that an operator says it has."""
    cases = cases_of(operator.name)
    looks = [(case.network.name, look(operator, at)) for case in cases for at in places_for_kinks(case)]
    unsaid = sorted({name for name, seen in looks if seen.kink and not seen.chosen})
    if unsaid:
        return [f"a kink that `choices` does not show, in {name}" for name in unsaid]
    if not operator.smooth and operator.name not in ALIKE and not any(seen.kink and seen.chosen for _, seen in looks):
        return ["it has choices, and none of its cases has a kink"]
    return []


@every_operator
def test_an_operator_says_where_its_kinks_are(name: str) -> None:
    """A smooth one has none at 0, at ties and at thresholds; the others' choices show each, and there is one."""
    assert objections(OPERATORS[name]) == []


@pytest.mark.parametrize("name", [name for name in KINKED if name not in ALIKE])
def test_a_kink_that_is_not_said_is_noticed(name: str) -> None:
    """The twin: the same operator without its choices."""
    liar = copy.copy(OPERATORS[name])
    liar._choices = None
    assert liar.smooth
    assert objections(liar)


@pytest.mark.parametrize("name", ["tanh", "softplus", "softmax", "conv2d", "mul", "layer_norm"])
def test_a_kink_that_is_not_there_is_noticed(name: str) -> None:
    """The twin: a smooth operator that says it has a kink at 0."""
    liar = copy.copy(OPERATORS[name])
    liar._choices = lambda x, *others, **attributes: x > 0
    assert objections(liar) == ["it has choices, and none of its cases has a kink"]


@pytest.mark.parametrize("name", KINKED)
def test_nothing_is_chosen_anew_between_kinks(name: str) -> None:
    """Beside a point as drawn, where no element lies on a kink, the choices stay."""
    for case in cases_of(name):
        assert not look(OPERATORS[name], moved(case, directions(case), 2.0**-12)).chosen, case.network.name


@pytest.mark.parametrize("name", KINKED)
def test_choices_that_never_stay_are_noticed(name: str) -> None:
    """The twin: an operator that takes its tensor itself for what it chose has a kink everywhere."""
    liar = copy.copy(OPERATORS[name])
    liar._choices = lambda x, *others, **attributes: x
    assert look(liar, case_of(name)).chosen


def off_from_output(operator: Operator, case: Case) -> float:
    """How far the derivative from the output is from the VJP, at worst, relative to the largest."""
    [gradient] = (gradient for _, gradient in case.gradients())
    claimed = case.dy * operator.run_from_output(case.forward(), case.attributes)
    return float(np.max(np.abs(claimed - gradient)) / np.max(np.abs(gradient)))


@pytest.mark.parametrize("name", FROM_OUTPUT)
def test_the_derivative_from_the_output_is_that_of_the_vjp(name: str) -> None:
    """In every case of the operator, but for rounding."""
    for case in cases_of(name):
        assert off_from_output(OPERATORS[name], case) < 1e-12, case.network.name


WRONG: dict[str, Callable[[Any], Any]] = {
    "scaled": lambda d: d * (1 + 1e-6),
    "sign": lambda d: -d,
    "none": np.ones_like,
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", FROM_OUTPUT)
def test_a_wrong_derivative_from_the_output_is_noticed(name: str, wrong: str) -> None:
    """The twin: off by a millionth, by its sign, or by not being there."""
    liar, true = copy.copy(OPERATORS[name]), OPERATORS[name].run_from_output
    liar._from_output = lambda y, **attributes: WRONG[wrong](true(y, attributes))
    assert max(off_from_output(liar, case) for case in cases_of(name)) > 1e-7


@pytest.mark.parametrize("name", sorted(OPERATORS.keys() - FROM_OUTPUT))
def test_without_one_no_derivative_comes_from_the_output(name: str) -> None:
    """It is refused, and not taken for zero or one."""
    with pytest.raises(TypeError, match=name):
        OPERATORS[name].run_from_output(np.ones(2), {})


def test_cases_and_independent_forwards_lie_in_the_operators_family() -> None:
    """The families are called alike on all sides: a file of cases or a forward elsewhere would not be looked for."""
    families = {name: operator.family for name, operator in OPERATORS.items()}
    assert {path.stem: path.parent.name for path in FOLDER.glob("*/*.yaml")} == families
    assert {name: family for family, forwards in FAMILIES.items() for name in forwards} == families


def is_elementwise(case: Case) -> bool:
    """Whether a gradient that arrives at one element goes to the same element of the one tensor alone."""
    if len(case.op.slots) > 1 or case.op.variadic or case.forward().shape != case.tensors[0].shape:
        return False
    for element in np.random.default_rng(5).permutation(case.dy.size)[:20]:
        dy = np.zeros(case.dy.shape)
        dy.flat[element] = 1.0
        (dx,) = case.op.run_vjp(dy, case.tensors, case.attributes)
        dx = np.array(dx)
        dx.flat[element] = 0.0
        if np.any(dx):
            return False
    return True


@every_operator
def test_an_operator_says_whether_it_is_elementwise(name: str) -> None:
    """Neither more nor less than what its Jacobian shows: of such an operator the VJP is the JVP."""
    assert OPERATORS[name].elementwise == all(map(is_elementwise, cases_of(name)))


@pytest.mark.parametrize("name", ["softmax", "permute", "add", "linear"])
def test_an_operator_that_mixes_elements_is_not_taken_for_elementwise(name: str) -> None:
    """The twin."""
    assert not all(map(is_elementwise, cases_of(name)))


def test_an_elementwise_operator_is_seen_to_be_one() -> None:
    """The other way round, so that nothing is not always the answer."""
    assert all(map(is_elementwise, cases_of("tanh")))


@every_operator
def test_the_outputs_beside_the_first_are_told_of(name: str) -> None:
    """An operator that gives several says what they are called, as every case of it has them; no other does."""
    operator = OPERATORS[name]
    counts = {len(case.shapes) for case in cases_of(name)}
    assert operator.several == bool(operator.about_results) == (max(counts) > 1)
    assert ("NODE." in operator.about_results) == operator.several
