"""Gradients of whole networks against differences of forwards written by hand, which share nothing with the reference.

What an operator's VJP gives is checked elsewhere. Here it is how the parts are put together: a tensor that several
nodes read, or one node twice, gets the sum of what each read sends back. The honest framework of the judge's tests puts
them together with the product's own code, so it is held against the differences too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import honest
import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.graph import Node
from gradconform.reference import network

Array = np.ndarray[Any, Any]
Steps = dict[str, Callable[[Mapping[str, Array]], Array]]
Gradients = Callable[[Problem], Mapping[str, Array]]
STEP = 1e-6
# Relative to the largest element: the differences have noise of 1e-16 / STEP and truncation of STEP squared.
CLOSE = 1e-7

# An input that a residual block goes round twice, that a node reads twice, and that stands twice in a list.
RESIDUAL = """
about: Residuals around a shared linear layer.
inputs:
  x: {shape: [3, 4], grad: true}
nodes:
  a: {op: linear, x: x, out_features: 4}
  b: {op: tanh, x: a}
  c: {op: add, x: b, y: x}
  d: {op: linear, x: c, weight: a.weight, bias: a.bias, out_features: 4}
  e: {op: add, x: d, y: c}
  f: {op: mul, x: e, y: e}
  y: {op: cat, xs: [f, x, f], dim: 1}
"""
THREE_READERS: Steps = {
    "h": lambda t: t["x"] @ t["h.weight"].T + t["h.bias"],
    "r": lambda t: np.maximum(t["h"], 0.0),
    "p": lambda t: t["h"] @ t["p.weight"].T + t["p.bias"],
    "q": lambda t: t["r"] @ t["p.weight"].T,
    "s": lambda t: t["q"] + t["h"],
    "y": lambda t: t["s"] + t["p"],
    "z": lambda t: t["y"] - t["fixed"],
    "loss": lambda t: np.tanh(t["z"]),
}
RESIDUAL_STEPS: Steps = {
    "a": lambda t: t["x"] @ t["a.weight"].T + t["a.bias"],
    "b": lambda t: np.tanh(t["a"]),
    "c": lambda t: t["b"] + t["x"],
    "d": lambda t: t["c"] @ t["a.weight"].T + t["a.bias"],
    "e": lambda t: t["d"] + t["c"],
    "f": lambda t: t["e"] * t["e"],
    "y": lambda t: np.concatenate([t["f"], t["x"], t["f"]], axis=1),
}
NETWORKS = {"three-readers": (honest.SMALL, THREE_READERS), "residual": (RESIDUAL, RESIDUAL_STEPS)}


def run(problem: Problem, steps: Steps, moved: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of a network, some of them moved, for all that read them."""
    tensors = {name: problem.value(name) + moved.get(name, 0.0) for name in problem.graph.leaves}
    for name, step in steps.items():
        tensors[name] = step(tensors) + moved.get(name, 0.0)
    return tensors


def differenced(problem: Problem, steps: Steps, name: str) -> Array:
    """The gradient of <cotangent, output> in one tensor, element by element."""
    gradient = np.zeros(problem.graph.shape(name))
    for index in np.ndindex(gradient.shape):
        move = np.zeros_like(gradient)
        move[index] = STEP
        above, below = (run(problem, steps, {name: way * move})[problem.output] for way in (1, -1))
        gradient[index] = np.sum(problem.cotangent * (above - below)) / (2 * STEP)
    return gradient


def expected(problem: Problem, steps: Steps) -> dict[str, Array]:
    """Outputs and gradients of a network, by the names of a capture, the output's own gradient left out."""
    wanted = problem.differentiable - {problem.output}
    tensors = run(problem, steps, {})
    return {f"output/{name}": tensors[name] for name in steps} | {
        f"grad/{name}": differenced(problem, steps, name) for name in sorted(wanted)
    }


def objections(right: Mapping[str, Array], got: Mapping[str, Array]) -> list[str]:
    """The tensors that are not there, or not what they should be."""
    return [
        name
        for name, value in right.items()
        if name not in got or not np.max(np.abs(got[name] - value)) <= CLOSE * np.max(np.abs(value))
    ]


GRADIENTS = pytest.mark.parametrize("gradients", [network.reference_of, honest.computed], ids=["reference", "honest"])
every_network = pytest.mark.parametrize("name", NETWORKS)


@GRADIENTS
@every_network
def test_whole_networks_are_as_their_differences_say(tmp_path: Path, name: str, gradients: Gradients) -> None:
    """Every output, and the gradient of every leaf and of every node before the output."""
    text, steps = NETWORKS[name]
    problem = honest.problem_of(tmp_path, text, dtype="float64")
    assert objections(expected(problem, steps), gradients(problem)) == []


def with_factor(
    contributions: Callable[..., list[tuple[str, Any]]], name: str, place: int, factor: float, node: Node, parts: Any
) -> list[tuple[str, Any]]:
    """The contributions of a node; of the node of this name, the one of this read is multiplied by a factor."""
    return [
        (read, part * factor if (node.name, i) == (name, place) else part)
        for i, (read, part) in enumerate(contributions(node, parts))
    ]


@GRADIENTS
@every_network
def test_a_contribution_that_is_lost_or_counted_twice_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, gradients: Gradients
) -> None:
    """The twin: each read of each node sends nothing back, or twice as much; the tensor that it reads is named."""
    text, steps = NETWORKS[name]
    problem = honest.problem_of(tmp_path, text, dtype="float64")
    right, contributions = expected(problem, steps), network.contributions
    seen = 0
    for node, place, factor in itertools.product(problem.nodes, range(3), (0.0, 2.0)):
        if place < len(node.reads) and (read := node.reads[place]) in problem.differentiable:
            spoiled = partial(with_factor, contributions, node.name, place, factor)
            monkeypatch.setattr(network, "contributions", spoiled)
            monkeypatch.setattr(honest, "contributions", spoiled)
            assert f"grad/{read}" in objections(right, gradients(problem)), f"{node.name} reads {read}, times {factor}"
            seen += 1
    assert seen == 2 * sum(read in problem.differentiable for node in problem.nodes for read in node.reads)
