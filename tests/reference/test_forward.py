"""Every forward against an implementation that shares nothing with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from cases import NETWORKS, Case, every_case, every_operator
from independent import INDEPENDENT


@cache
def independent(case: Case) -> tuple[Any, ...]:
    """The outputs of the independent forward, once for a check and its twins."""
    found = INDEPENDENT[case.op.name].function(*case.tensors, **case.attributes)
    return found if isinstance(found, tuple) else (found,)


def objections(case: Case, outputs: Sequence[Any]) -> list[str]:
    """The outputs that the independent forward does not bear out."""
    expected = independent(case)
    assert len(outputs) == len(expected)
    close = INDEPENDENT[case.op.name].close
    found = []
    for i, (ours, theirs) in enumerate(zip(outputs, expected, strict=True)):
        if np.shape(ours) != np.shape(theirs):
            found.append(f"output {i} has shape {np.shape(ours)}, not {np.shape(theirs)}")
        elif not np.max(np.abs(ours - theirs), initial=0.0) <= close * np.max(np.abs(theirs), initial=0.0):
            found.append(f"output {i} is off by {np.max(np.abs(ours - theirs)):.3g}")
    return found


@every_operator
def test_every_operator_has_an_independent_forward(name: str) -> None:
    """An operator that nothing else has computed does not land."""
    assert name in INDEPENDENT


def test_every_independent_forward_has_an_operator_with_cases() -> None:
    """A table that outlives its operators checks nothing."""
    assert set(INDEPENDENT) == {network.nodes[0].op for network in NETWORKS}


@every_case
def test_the_forward_agrees_with_an_independent_one(case: Case) -> None:
    """Value and shape of each output."""
    assert objections(case, case.outputs()) == []


def _one_off(y: Any) -> Any:
    off = np.array(y)
    off.flat[np.argmax(np.abs(off))] *= 1 + 1e-6
    return off


SPOILS: dict[str, Callable[[Any], Any]] = {
    "scaled": lambda y: y * (1 + 1e-6),
    "sign": lambda y: -y,
    "element": _one_off,
    "shifted": lambda y: y + 1e-6 * np.max(np.abs(y)),
    "shape": lambda y: y[None],
    "nan": lambda y: y * np.nan,
}


@every_case
def test_a_spoiled_forward_is_noticed(case: Case) -> None:
    """The twin: each output, spoiled alone in each way, is objected to."""
    outputs = case.outputs()
    for i in range(len(outputs)):
        for name, spoil in SPOILS.items():
            spoiled = [spoil(np.asarray(y)) if i == j else y for j, y in enumerate(outputs)]
            assert len(objections(case, spoiled)) == 1, f"output {i} {name}"


@every_case
def test_the_shape_rule_tells_the_shape_of_the_forward(case: Case) -> None:
    """What the spec's loader inferred is what the forward gives, for each output."""
    declared = [output.shape for output in case.network.nodes[0].outputs]
    assert [np.shape(y) for y in case.outputs()] == declared
