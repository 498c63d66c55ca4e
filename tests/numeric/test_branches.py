"""Which choices the reference makes, and between which points they differ."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.numeric.branches import flips, forward
from gradconform.reference import OPERATORS, network
from honest import problem_of

NETWORK = """
about: One node.
dtypes: [float64]
inputs: {{x: {{shape: {shape}, value: {value}, grad: true}}}}
nodes: {{y: {{op: {op}}}}}
"""
KINKED = ["relu", "leaky_relu, negative_slope: 0.1", "abs", "clamp, min: 0.0, max: 2.0"]


def choices_at(tmp_path, op, values):
    """What a node of one operator chose at each of several x, of one row each."""
    problem = problem_of(tmp_path, NETWORK.format(shape=[1, len(values[0])], value=[values[0]], op=op), dtype="float64")
    return [forward(problem, {"x": np.array([x], float)}).choices for x in values]


@pytest.mark.parametrize("op", KINKED)
def test_a_kink_between_two_points_is_seen(tmp_path, op):
    """One of three elements crosses zero, where each of these has a kink: one choice of this node differs."""
    low, high = choices_at(tmp_path, op, [[-1.0, -0.5, 1.0], [-1.1, 0.5, 1.1]])
    assert flips(low, high) == {"y": 1}


@pytest.mark.parametrize("op", KINKED)
def test_no_kink_is_seen_where_there_is_none(tmp_path, op):
    """The twin: moving on one side of zero changes no choice."""
    low, high = choices_at(tmp_path, op, [[-1.0, -0.5, 1.0], [-1.1, -0.1, 1.1]])
    assert flips(low, high) == {}


@pytest.mark.parametrize("op", ["softplus", "softmax, dim: 1", "log_softmax, dim: 1"])
def test_a_smooth_operator_has_no_kink(tmp_path, op):
    """Its code chooses, at zero or by which is largest, and its value does not show it: differences vary smoothly."""
    problem = problem_of(tmp_path, NETWORK.format(shape=[1, 2], value=[[0.0, 0.0]], op=op), dtype="float64")
    assert OPERATORS[problem.nodes[0].op].smooth
    h = 1e-4
    at = [np.asarray(forward(problem, {"x": np.array([[k * h, 0.0]])}).values["y"]) for k in (-2, -1, 0, 1, 2)]
    left, right = (at[2] - at[1]) / h, (at[3] - at[2]) / h
    assert np.all(np.abs(right - left) < 10 * h), "a kink would change the slope at once"
    low, high = (forward(problem, {"x": np.array([[x, 0.0]])}).choices for x in (-1.0, 1.0))
    assert flips(low, high) == {}


def test_a_pooling_window_chooses_its_winner_alone(tmp_path):
    """Where the second and third of a window change places, and the first wins, nothing is chosen anew."""
    text = """
about: One window.
dtypes: [float64]
inputs: {x: {shape: [1, 1, 2, 2], value: [[[[4, 1], [2, 0]]]], grad: true}}
nodes: {y: {op: max_pool2d, kernel_size: 2, stride: 2, padding: 0}}
"""
    problem = problem_of(tmp_path, text, dtype="float64")
    points = [np.array(p, float).reshape(1, 1, 2, 2) for p in ([4, 1, 2, 0], [4, 2, 1, 0], [1, 2, 4, 0])]
    start, swapped, other = (forward(problem, {"x": p}).choices for p in points)
    assert flips(start, swapped) == {}
    assert set(flips(start, other)) == {"y"}


def test_values_are_those_of_the_walk_and_only_what_changed_is_run_again(tmp_path):
    """The same numbers as the plain forward, with a base too; a node that reads nothing new keeps its own."""
    problem = problem_of(tmp_path, dtype="float64")
    given = {name: problem.value(name) for name in problem.graph.leaves}
    base = forward(problem, given)
    moved = {"p.weight": given["p.weight"] * 2}
    expected = network.forward(problem.graph, {**given, **moved})
    found = forward(problem, moved, base)
    assert all(np.array_equal(found.values[name], value) for name, value in expected.items())
    assert found.values["h"] is base.values["h"]
    assert found.values["p"] is not base.values["p"]
