"""A node with several outputs: each is judged, each gets a gradient of its own, and what is wrong with one is its."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.graph import Output
from honest import Array, Fault, blamed, computed, problem_of, rows_of

# The first result is read once, the second by two nodes, the third by none.
PARTS = """
about: A tensor in three parts.
values: [drawn, exact]
exact_output: joined
inputs: {x: {shape: [2, 7], grad: true}}
nodes:
  h: {op: linear, x: x, out_features: 9}
  parts: {op: split, x: h, dim: 1, sizes: [3, 4, 2]}
  first: {op: relu, x: parts}
  second: {op: relu, x: parts.1}
  third: {op: neg, x: parts.1}
  joined: {op: cat, xs: [first, second, third], dim: 1}
  y: {op: tanh, x: joined}
"""


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The network, drawn."""
    return problem_of(tmp_path_factory.mktemp("several"), PARTS)


def tenth(array: Array) -> Array:
    """A tenth more in the first element."""
    spoiled = np.array(array)
    spoiled.flat[0] = spoiled.flat[0] * 1.1 + 0.1
    return spoiled


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("values", ["drawn", "exact"])
def test_honest_results_conform(tmp_path: Path, dtype: str, values: str) -> None:
    """Each result and each gradient has a row of its own; a result that nobody reads is on no path to the output."""
    problem = problem_of(tmp_path, PARTS, dtype=dtype, values=values)
    rows = rows_of(problem, tmp_path / "c", computed(problem))
    assert blamed(rows) == {}
    found = {row.tensor: (str(row.kind), row.node, str(row.reason)) for row in rows if row.node == "parts"}
    assert found == {
        "output/parts": ("output", "parts", ""),
        "output/parts.1": ("output", "parts", ""),
        "output/parts.2": ("output", "parts", ""),
        "grad/parts": ("grad_output", "parts", ""),
        "grad/parts.1": ("grad_output", "parts", ""),
        "grad/parts.2": ("grad_output", "parts", "not_on_path"),
    }


def test_a_document_says_which_outputs_are_results(problem: Problem) -> None:
    """They come back as they were written; a first output is always one, and has no word for it."""
    assert problem.graph.by_name["parts"].outputs == (
        Output("parts", (2, 3)),
        Output("parts.1", (2, 4)),
        Output("parts.2", (2, 2)),
    )
    written = next(node for node in problem.document["nodes"] if node["name"] == "parts")
    assert [each.get("result") for each in written["outputs"]] == [None, True, True]


@pytest.mark.parametrize(
    ("tensor", "culprit"),
    [
        ("output/parts", "parts"),
        ("output/parts.1", "parts"),
        ("output/parts.2", "parts"),
        ("grad/parts", "first"),
        ("grad/parts.1", "second third"),
        ("grad/h", "parts"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_else(problem: Problem, tmp_path: Path, tensor: str, culprit: str) -> None:
    """A result wrong by a tenth is the node's; a gradient is that of the readers of the one result."""
    rows = rows_of(problem, tmp_path / "c", computed(problem, {tensor: tenth}))
    assert {name: found[2] for name, found in blamed(rows).items()} == {tensor: culprit}


def test_gradients_of_results_that_are_swapped_are_noticed(tmp_path: Path) -> None:
    """The node sends back the gradient of the one result in the place of the other, both of the same shape."""
    text = PARTS.replace("[3, 4, 2]", "[4, 4, 1]").replace("second: {op: relu", "second: {op: sigmoid")
    problem = problem_of(tmp_path, text)

    def swapped(array: Array) -> Array:
        return np.concatenate([array[:, 4:8], array[:, :4], array[:, 8:]], axis=1)

    rows = rows_of(problem, tmp_path / "c", computed(problem, {"grad/h": swapped}))
    assert {name: found[2] for name, found in blamed(rows).items()} == {"grad/h": "parts"}


def test_a_gradient_for_a_result_that_nobody_reads_is_none(problem: Problem, tmp_path: Path) -> None:
    """Zeros where it should be missing say nothing wrong; a number there would."""
    found = computed(problem)
    for value, verdict in ((0.0, {}), (1.0, {"grad/parts.2"})):
        tensors = {**found, "grad/parts.2": np.full((2, 2), value, np.float32)}
        assert set(blamed(rows_of(problem, tmp_path / f"c{value}", tensors))) == set(verdict)


def test_a_lost_gradient_of_a_result_is_noticed(problem: Problem, tmp_path: Path) -> None:
    """The gradient of the second result does not come to the input: zeros are in its place."""

    def lost(array: Array) -> Array:
        spoiled = np.array(array)
        spoiled[:, 3:7] = 0.0
        return spoiled

    fault: Fault = lost
    rows = rows_of(problem, tmp_path / "c", computed(problem, {"grad/h": fault}))
    assert {name: found[2] for name, found in blamed(rows).items()} == {"grad/h": "parts"}
