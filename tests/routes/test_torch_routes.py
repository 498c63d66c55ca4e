"""Every way to get gradients out of torch gives the same numbers, or says truly why it gives none."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from honest import captured, problem_of

from harness import adapters, paths, running
from harness.contract import Problem
from harness.running import Task

Array = np.ndarray[Any, Any]

WHOLE = ("tensor_hooks", "module_hooks", "autograd_grad")
LEAVES = ("leaf_grad", "func_vjp")
SHIPPED = ("cnn", "transformer", "residual_train", "three_readers", "unused")

# What the shipped networks have none of: integers, a list of tensors, an operator that returns what it was given,
# a shared parameter, an input without gradient, a node named like a method of Module.
MIXED = """
about: Everything that a route may stumble over.
inputs:
  x:     {shape: [4, 3], grad: true}
  ids:   {shape: [4], integers: [0, 5]}
  fixed: {shape: [4, 3]}
nodes:
  table: {op: embedding, x: ids, num_embeddings: 5, embedding_dim: 3}
  still: {op: abs, x: fixed}
  same:  {op: dropout, x: x, p: 0.5, training: false}
  two:   {op: linear, x: same, out_features: 3}
  again: {op: linear, x: table, weight: two.weight, bias: false, out_features: 3}
  train: {op: cat, xs: [x, same, two, again, still, x], dim: 1}
  y:     {op: square}
"""
# Nothing at all asks for a gradient.
NOTHING = "about: No gradient.\ninputs: {x: {shape: [3, 2]}}\nnodes: {y: {op: relu}, z: {op: tanh}}\n"


@dataclass(frozen=True)
class Result:
    """One capture: capture.json, and its tensors."""

    document: dict[str, Any]
    tensors: dict[str, Array]

    @property
    def missing(self) -> dict[str, str]:
        """Tensor -> reason."""
        assert self.document["status"] == "ok", self.document["reason"]
        return self.document["missing"]


def shipped(folder: Path, name: str, dtype: str = "float32") -> Problem:
    """The problem of a network that comes along."""
    text = (paths.specs_folder() / "networks" / f"{name}.yaml").read_text(encoding="utf-8")
    return problem_of(folder, text, name=name, dtype=dtype)


def capture(adapter: str, problems: dict[str, Problem], folder: Path, route: str) -> dict[str, Result]:
    """Run one route on all problems, in one process."""
    tasks = [Task(p.folder, folder / "captures" / name, p.digest) for name, p in problems.items()]
    running.capture(adapters.find(adapter), tasks, job_folder=folder / "jobs", route=route)
    return {name: result(folder / "captures" / name) for name in problems}


def result(folder: Path) -> Result:
    """A capture that was made."""
    document = json.loads((folder / "capture.json").read_text(encoding="utf-8"))
    return Result(document, captured(folder) if document["status"] == "ok" else {})


def differing(one: Result, other: Result) -> list[str]:
    """The tensors both have that are not the same to the bit (NaN to NaN, and -0.0 is not 0.0)."""
    return [
        name for name in one.tensors.keys() & other.tensors.keys()
        if one.tensors[name].dtype != other.tensors[name].dtype
        or one.tensors[name].shape != other.tensors[name].shape
        or one.tensors[name].tobytes() != other.tensors[name].tobytes()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def by_route(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Route -> problem -> capture; a route is run when it is first asked for."""
    root = tmp_path_factory.mktemp("torch")
    problems = {name: shipped(root / "problems", name) for name in SHIPPED}
    problems["wide"] = shipped(root / "problems", "residual_train", "float64")
    problems["mixed"] = problem_of(root / "problems", MIXED, name="mixed")
    problems["nothing"] = problem_of(root / "problems", NOTHING, name="nothing")
    return functools.cache(lambda route: capture("torch", problems, root / route, route))


EVERY = [*SHIPPED, "wide", "mixed", "nothing"]


@pytest.mark.parametrize("problem", EVERY)
@pytest.mark.parametrize("route", WHOLE)
def test_a_route_that_sees_all_gives_the_same_bits(by_route: Any, route: str, problem: str) -> None:
    """Every tensor that the primary one gives and no other, identical; the same reasons for the rest."""
    primary, other = by_route("primary")[problem], by_route(route)[problem]
    assert other.document["route"] == route
    assert other.missing == primary.missing
    assert other.tensors.keys() == primary.tensors.keys()
    assert differing(primary, other) == []
