"""Every forward against an implementation that shares nothing with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from cases import Case, every_case, every_operator, networks
from gradconform.reference import OPERATORS
from independent import FAMILIES, INDEPENDENT, forwards_of
from oracles import Forward


@cache
def independent(case: Case) -> tuple[Any, ...]:
    """The outputs of the independent forward, once for a check and its twins."""
    outputs = INDEPENDENT[case.op.name](*case.tensors, **case.attributes)
    return outputs if isinstance(outputs, tuple) else (outputs,)


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


def astray(families: Mapping[str, Mapping[str, Forward]]) -> list[str]:
    """The operators without an independent forward in their family, and the forwards without an operator there."""
    wanted = {f"{operator.family}.{name}" for name, operator in OPERATORS.items()}
    there = {f"{family}.{name}" for family, forwards in families.items() for name in forwards}
    return [f"{name} is missing" for name in sorted(wanted - there)] + [
        f"{name} is odd" for name in sorted(there - wanted)
    ]


def test_every_operator_has_an_independent_forward() -> None:
    """An operator that nothing else has computed does not land, and a forward that outlives its operator is found."""
    assert astray(FAMILIES) == []


@every_operator
def test_an_operator_without_an_independent_forward_is_noticed(name: str) -> None:
    """The twin: each operator's forward taken away, or put into another family."""
    family = OPERATORS[name].family
    without = {n: one for n, one in FAMILIES[family].items() if n != name}
    assert astray({**FAMILIES, family: without}) == [f"{family}.{name} is missing"]
    moved = {**FAMILIES, family: without, "attic": {name: INDEPENDENT[name]}}
    assert astray(moved) == [f"{family}.{name} is missing", f"attic.{name} is odd"]


def test_what_a_module_defines_is_found_by_being_there() -> None:
    """Functions and numbers that a module only uses are no forwards of an operator."""
    module = ModuleType("smooth")
    exec("import oracles\nfrom oracles import onnx, precisely\nerf = precisely(abs)\nhalf = 0.5", vars(module))
    assert list(forwards_of(module)) == ["erf"]


def test_every_independent_forward_is_used_by_a_case() -> None:
    """A forward of an operator without cases would check nothing."""
    assert set(INDEPENDENT) == {network.nodes[0].op for network in networks()}


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
