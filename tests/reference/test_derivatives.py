"""Every VJP against numerical differentiation of its own forward, and against its own linear map."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from cases import Case, Place, case_of, every_case, every_operator, networks
from gradconform.reference.derivatives import Derivative, jvp, vjp

# A bar wider than this, beside the largest gradient, could hide what the twins below must show.
NARROW = 1e-7
# Of a larger tensor so many elements are differentiated one by one; the adjoint identity sees them all.
MOST_ELEMENTS = 300


def as_function(case: Case, place: Place) -> Callable[[Any], Any]:
    """The first output as a function of one tensor."""
    return lambda array: case.with_tensor(place, array).forward()


def looked_at(size: int) -> Any:
    """The elements of a tensor that are differentiated."""
    return np.random.default_rng(2).permutation(size)[:MOST_ELEMENTS]


@cache
def numerical(case: Case) -> dict[Place, Derivative]:
    """The numerical gradients of a case, once for a check and its twins."""
    return {
        place: vjp(as_function(case, place), case.tensor(place), case.dy, looked_at(case.tensor(place).size))
        for place in case.places()
    }


def objections(case: Case, claimed: list[tuple[Place, Any]]) -> list[str]:
    """The gradients that the numerical ones do not bear out, or that these cannot judge."""
    found = []
    expected = numerical(case)
    for place, gradient in claimed:
        # Beside what is differentiated, where its derivative is zero.
        largest = np.max(np.abs(expected[place].value)) or np.max(np.abs(case.dy))
        if np.max(expected[place].error) > NARROW * largest:
            found.append(f"{case.name(place)}: the bar is too wide to tell")
        if gradient is None or np.shape(gradient) != case.tensor(place).shape:
            found.append(f"{case.name(place)}: a gradient of shape {np.shape(gradient)}")
            continue
        excess = expected[place].excess(np.ravel(gradient)[looked_at(gradient.size)])
        if excess > 1.0:
            found.append(f"{case.name(place)}: off by {excess:.3g} bars")
    return found


@every_operator
def test_every_operator_has_cases(name: str) -> None:
    """An operator without cases would pass every check below."""
    assert networks(name)


@every_case
def test_the_vjp_is_the_numerical_gradient(case: Case) -> None:
    """Each gradient lies, element by element, within the bar of the numerical one, and the bar is narrow."""
    assert objections(case, case.gradients()) == []


def _one_element_lost(gradient: Any) -> Any:
    lost, elements = np.array(gradient), looked_at(gradient.size)
    lost.flat[elements[np.argmax(np.abs(lost.flat[elements]))]] = 0.0
    return lost


SPOILS: dict[str, Callable[[Any], Any]] = {
    "scaled": lambda g: g * (1 + 1e-6),
    "sign": lambda g: -g,
    "lost": _one_element_lost,
    "shape": lambda g: g[None],
    "none": lambda g: None,
    "nan": lambda g: g * np.nan,
}
# A gradient that is zero everywhere cannot be scaled.
OF_ZEROS: dict[str, Callable[[Any], Any]] = {
    "shifted": lambda g: g + 1e-6,
    **{name: SPOILS[name] for name in ("shape", "none", "nan")},
}


@every_case
def test_a_spoiled_vjp_is_noticed(case: Case) -> None:
    """The twin: each gradient, spoiled alone in each way, is objected to."""
    for place, gradient in case.gradients():
        for name, spoil in (SPOILS if np.any(gradient) else OF_ZEROS).items():
            assert len(objections(case, [(place, spoil(gradient))])) == 1, f"{case.name(place)} {name}"


def adjoint_gap(case: Case, vjp_of: Callable[[Any], list[tuple[Place, Any]]]) -> tuple[float, float]:
    """How far <w, J u> is from <J' w, u> for random u, w, and the bar of that difference."""
    rng = np.random.default_rng(5)
    w = rng.normal(0.4, 0.8, size=case.dy.shape)
    left, right, bar = 0.0, 0.0, 0.0
    for place, gradient in vjp_of(w):
        u = rng.normal(0.3, 0.7, size=case.tensor(place).shape)
        image = jvp(as_function(case, place), case.tensor(place), u)
        left += float(np.sum(w * image.value))
        right += float(np.sum(gradient * u))
        bar += float(np.sum(np.abs(w) * image.error)) + 1e-12 * float(np.sum(np.abs(gradient * u)))
    assert bar < NARROW * (abs(right) or float(np.sum(np.abs(w))))
    return abs(left - right), bar


def vjp_at(case: Case, w: Any) -> list[tuple[Place, Any]]:
    """The gradients for another cotangent."""
    return Case(case.network, case.tensors, w).gradients()


@every_case
def test_the_vjp_is_the_adjoint(case: Case) -> None:
    """<w, J u> = <J' w, u> for random u and w over all tensors at once."""
    gap, bar = adjoint_gap(case, lambda w: vjp_at(case, w))
    assert gap <= bar


@every_operator
def test_another_map_is_not_the_adjoint(name: str) -> None:
    """The twin: a VJP that is a millionth too large, or is one where it should be zero, fails the identity."""
    case = case_of(name)
    gap, bar = adjoint_gap(case, lambda w: [(p, g * (1 + 1e-6) if g.any() else g + 1.0) for p, g in vjp_at(case, w)])
    assert gap > bar


@every_case
def test_only_what_can_have_a_gradient_gets_one(case: Case) -> None:
    """Integers, buffers and absent tensors get None from a VJP."""
    found = case.op.run_vjp(case.arriving(case.dy), case.tensors, case.attributes)
    slots = {place[0] for place in case.places()}
    assert all(gradient is None for i, gradient in enumerate(found) if i not in slots)
