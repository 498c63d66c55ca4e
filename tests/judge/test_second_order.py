"""Second order, judged node by node: what is honest conforms, and each tensor that is off names its node."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradconform.contract import Problem, read_problem, second
from gradconform.draw import directions
from gradconform.judge import judge
from gradconform.reference.network import backward, forward
from gradconform.reference.tracked.dual import Dual
from gradconform.rows import Row
from honest import Array, computed, problem_of, write_capture

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])

NET = """
about: Readers of one tensor, a product, parameters and a smooth function of each kind.
inputs: {x: {shape: [3, 4], grad: true}, c: {shape: [3, 5]}}
nodes:
  h: {op: linear, x: x, out_features: 5}
  t: {op: tanh, x: h}
  m: {op: mul, x: t, y: h}
  n: {op: layer_norm, x: m, eps: 1.0e-05}
  s: {op: add, x: n, y: c}
  p: {op: softmax, x: s, dim: 1}
  y: {op: linear, x: p, out_features: 2}
"""
KINK = """
about: A ReLU of which one element is at its kink.
inputs: {x: {shape: [3], value: [0, 1, -1], grad: true}}
nodes:
  r: {op: relu, x: x}
  y: {op: square, x: r}
"""


def asked(folder: Path, text: str = NET, dtype: str = "float32") -> Problem:
    """A problem with directions beside it."""
    problem = problem_of(folder, text, dtype=dtype)
    directions.prepare(problem.folder)
    return read_problem(problem.folder)


def differentiated(problem: Problem) -> dict[str, Array]:
    """What an honest framework gives: tangents and second-order gradients of the whole network, rounded once."""
    graph, along = problem.graph, second.read(problem.folder / second.FOLDER, problem)
    leaves: dict[str, Any] = {
        name: Dual(problem.value(name).astype(float), along[name].astype(float) if name in graph.wanted else None)
        for name in graph.leaves
    }
    outputs = forward(graph, leaves)
    gradients = backward(graph, {**leaves, **outputs}, Dual(problem.cotangent.astype(float), None))
    wanted = [address.tensor.partition("/") for address in second.addresses(graph)]
    parts = {f"{part}/{name}": (outputs if part == "tangent" else gradients)[name] for part, _, name in wanted}
    zeros = {name: np.zeros(each.shape) if each.tangent is None else each.tangent for name, each in parts.items()}
    return {name: array.astype(problem.dtype) for name, array in zeros.items()}


def rows_of(problem: Problem, folder: Path, changes: Mapping[str, Array | None] | None = None) -> dict[str, Row]:
    """Tensor -> its row of second order, of a capture in which some tensors are others, or None of them is there."""
    first = computed(problem)
    capture = write_capture(problem, folder / "captures" / "f" / problem.folder.name, first)
    given = {**differentiated(problem), **(changes or {})}
    twice = {**first, **{name: array for name, array in given.items() if array is not None}}
    write_capture(problem, capture / second.FOLDER, twice)
    rows = judge(problem.folder, {"f": capture})
    assert {row.verdict for row in rows if row.check == "local"} == {"conforms"}
    return {row.tensor: row for row in rows if row.check == "second_order"}


@dtypes
def test_an_honest_capture_conforms(tmp_path: Path, dtype: str) -> None:
    """Every tangent and every second-order gradient has a row, within its bound."""
    problem = asked(tmp_path, dtype=dtype)
    rows = rows_of(problem, tmp_path)
    assert list(rows) == [address.tensor for address in second.addresses(problem.graph)]
    assert {"tangent/h", "tangent/y", "grad2/h", "grad2/x", "grad2/h.weight", "grad2/n.bias"} <= set(rows)
    assert not {"grad2/y", "grad2/c", "tangent/x"} & set(rows)
    assert {row.verdict for row in rows.values()} == {"conforms"}
    assert {str(row.kind) for row in rows.values()} == {"tangent", "grad2"}


@dtypes
def test_a_tensor_that_is_off_names_its_node(tmp_path: Path, dtype: str) -> None:
    """By a relative error far below what a fixed tolerance sees; what is computed from it is judged on it."""
    problem = asked(tmp_path, dtype=dtype)
    honest, off = differentiated(problem), 1e-4 if dtype == "float32" else 1e-12
    readers = {"grad2/h": "t m", "grad2/x": "h", "grad2/m": "n", "grad2/p": "y", "grad2/n.weight": "n", "grad2/t": "m"}
    for tensor, culprit in {**readers, "tangent/t": "t", "tangent/n": "n", "tangent/y": "y"}.items():
        wrong = np.array(honest[tensor])
        wrong.flat[np.argmax(np.abs(wrong))] *= 1 + off
        rows = rows_of(problem, tmp_path / tensor.replace("/", "-"), {tensor: wrong})
        assert (rows[tensor].verdict, rows[tensor].reason, rows[tensor].culprit) == ("diverges", "value", culprit)
        assert rows[tensor].culprit_op
        assert str(rows[tensor].blame) == ("joint" if " " in culprit else "")


def test_zeros_may_be_missing_and_nothing_else(tmp_path: Path) -> None:
    """A framework gives no second-order gradient where nothing depends; one that should be there is missed."""
    problem = asked(tmp_path)
    honest = differentiated(problem)
    assert not np.any(honest["grad2/y.bias"])
    rows = rows_of(problem, tmp_path / "right", {"grad2/y.bias": None})
    assert (rows["grad2/y.bias"].verdict, rows["grad2/y.bias"].reason) == ("conforms", "not_on_path")
    rows = rows_of(problem, tmp_path / "wrong", {"grad2/h.bias": None})
    assert (rows["grad2/h.bias"].verdict, rows["grad2/h.bias"].culprit) == ("missing", "h")


@pytest.mark.parametrize(("spoilt", "reason"), [("shape", "shape"), ("nan", "nonfinite"), ("dtype", "dtype")])
def test_what_is_no_number_of_it_diverges(tmp_path: Path, spoilt: str, reason: str) -> None:
    """Shape, dtype and NaN, as at first order."""
    problem = asked(tmp_path)
    array = differentiated(problem)["grad2/x"]
    wrong = {"shape": array[:2], "nan": np.full_like(array, np.nan), "dtype": array.astype(float)}[spoilt]
    row = rows_of(problem, tmp_path, {"grad2/x": wrong})["grad2/x"]
    assert (row.verdict, row.reason) == ("diverges", reason)


def test_at_a_kink_nobody_knows(tmp_path: Path) -> None:
    """There is no second derivative there; a framework that goes on otherwise is inconclusive, not wrong."""
    problem = asked(tmp_path, KINK)
    honest = differentiated(problem)
    assert rows_of(problem, tmp_path / "same")["tangent/r"].verdict == "conforms"
    other = honest["tangent/r"] + np.array([0.5, 0, 0], "float32")
    row = rows_of(problem, tmp_path / "other", {"tangent/r": other})["tangent/r"]
    assert (row.verdict, row.reason) == ("inconclusive", "at_kink")


def test_directions_of_another_problem_are_refused(tmp_path: Path) -> None:
    """A row says what to do, and the first order is judged all the same."""
    problem = asked(tmp_path)
    second.write(problem.folder / second.FOLDER, {"x": np.ones((2, 2), "float32")})
    first = computed(problem)
    capture = write_capture(problem, tmp_path / "captures" / "f" / problem.folder.name, first)
    write_capture(problem, capture / second.FOLDER, first)
    (row,) = [row for row in judge(problem.folder, {"f": capture}) if row.check == "second_order"]
    assert row.verdict == "crashed"
    assert "draw the problem again" in row.reason


def test_what_was_not_asked_has_no_row(tmp_path: Path) -> None:
    """Nor has an exact problem, of which second order proves nothing."""
    problem = problem_of(tmp_path / "plain", NET)
    capture = write_capture(problem, tmp_path / "capture", computed(problem))
    assert not [row for row in judge(problem.folder, {"f": capture}) if row.check == "second_order"]
