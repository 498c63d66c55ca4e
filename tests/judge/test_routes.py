"""Other routes beside the primary one: the same numbers, or a row that says how they differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.judge import judge
from gradconform.rows import Row, Verdict
from honest import Array, computed, problem_of, write_capture

INTERMEDIATES = {"grad/h", "grad/r", "grad/p", "grad/q", "grad/s", "grad/y", "grad/z"}


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The small network, drawn."""
    return problem_of(tmp_path_factory.mktemp("routes"))


def beside_the_primary(
    problem: Problem, folder: Path, tensors: dict[str, Array], missing: dict[str, str] | None = None
) -> dict[str, Row]:
    """tensor -> row of a second route that gave these, beside an honest primary one."""
    captures = {
        "f": write_capture(problem, folder / "primary", computed(problem), framework="f"),
        "f@second": write_capture(
            problem, folder / "second", tensors, missing=missing or {}, framework="f", route="second"
        ),
    }
    rows = judge(problem.folder, captures)
    found = [row for row in rows if row.check.startswith("route:")]
    assert {row.route for row in found} == {"second"}
    assert not any(row.route == "second" for row in rows if row not in found)
    return {row.tensor: row for row in found}


def test_identical_tensors_conform(problem: Problem, tmp_path: Path) -> None:
    """One row for each tensor, with no difference at all."""
    tensors = computed(problem)
    rows = beside_the_primary(problem, tmp_path, tensors)
    assert set(rows) == set(tensors)
    assert {row.verdict for row in rows.values()} == {Verdict.CONFORMS}
    assert {row.max_abs_err for row in rows.values()} == {0.0}


def test_a_route_that_keeps_no_intermediates_is_measured(problem: Problem, tmp_path: Path) -> None:
    """What it does not retain is a row with that reason, and no failure."""
    tensors = {name: a for name, a in computed(problem).items() if name not in INTERMEDIATES}
    rows = beside_the_primary(problem, tmp_path, tensors, dict.fromkeys(INTERMEDIATES, "not_retained"))
    assert {name for name, row in rows.items() if row.verdict == Verdict.MEASURED} == INTERMEDIATES
    assert {rows[name].reason for name in INTERMEDIATES} == {"not_retained"}


@pytest.mark.parametrize("intermediates", [True, False])
def test_a_wrong_gradient_diverges(problem: Problem, tmp_path: Path, intermediates: bool) -> None:
    """Whether or not the route keeps what a judgement of its own needs, and with the node to blame."""
    tensors = {name: a for name, a in computed(problem).items() if intermediates or name not in INTERMEDIATES}
    tensors["grad/h.weight"] = tensors["grad/h.weight"] * np.float32(1 + 1e-3)
    missing = {} if intermediates else dict.fromkeys(INTERMEDIATES, "not_retained")
    rows = beside_the_primary(problem, tmp_path, tensors, missing)
    assert {name for name, row in rows.items() if row.verdict == Verdict.DIVERGES} == {"grad/h.weight"}
    assert rows["grad/h.weight"].culprit == "h"


def chain_of(folder: Path) -> Problem:
    """A network with gradients between that a route need not keep; that of x is a copy of h's, so it has no bound."""
    return problem_of(
        folder,
        """
about: Silu between a shift and a layer.
inputs:
  x: {shape: [5, 3], grad: true}
nodes:
  h: {op: add_scalar, x: x, value: 0.5}
  s: {op: silu}
  y: {op: linear, out_features: 2}
""",
    )


def rounded_otherwise(problem: Problem, by: float) -> dict[str, Array]:
    """A route that keeps no gradient between, whose gradient at h was off by so many roundoffs in turn up and down."""
    turns = (-1.0) ** np.arange(15).reshape(5, 3)
    off = {"grad/h": lambda a: (a * (1 + by * 2.0**-24 * turns)).astype(np.float32)}
    return {name: a for name, a in computed(problem, off).items() if name not in {"grad/h", "grad/s"}}


def test_an_honest_difference_on_the_way_conforms(tmp_path: Path) -> None:
    """With all outputs kept, the whole backward follows from them, with a bound that holds what was rounded before."""
    problem = chain_of(tmp_path / "p")
    missing = dict.fromkeys(["grad/h", "grad/s"], "not_retained")
    rows = beside_the_primary(problem, tmp_path, rounded_otherwise(problem, 2.0), missing)
    assert rows["grad/x"].max_abs_err > 0
    assert {row.verdict for row in rows.values()} == {Verdict.CONFORMS, Verdict.MEASURED}
    assert {name for name, row in rows.items() if row.verdict == Verdict.MEASURED} == set(missing)


def test_a_fault_on_the_way_diverges(tmp_path: Path) -> None:
    """A hundred roundoffs are no honest difference."""
    problem = chain_of(tmp_path / "p")
    missing = dict.fromkeys(["grad/h", "grad/s"], "not_retained")
    rows = beside_the_primary(problem, tmp_path, rounded_otherwise(problem, 100.0), missing)
    assert {name for name, row in rows.items() if row.verdict == Verdict.DIVERGES} == {"grad/x"}


@pytest.mark.parametrize("reason", ["unexplained", "graph_cut", "not_on_path"])
def test_a_gradient_that_should_be_there_is_missing(problem: Problem, tmp_path: Path, reason: str) -> None:
    """A route may leave off what it cannot keep, and nothing else."""
    tensors = computed(problem)
    del tensors["grad/x"]
    rows = beside_the_primary(problem, tmp_path, tensors, {"grad/x": reason})
    assert (rows["grad/x"].verdict, rows["grad/x"].reason) == (Verdict.MISSING, reason)


def test_a_route_that_shows_only_its_end_is_measured(problem: Problem, tmp_path: Path) -> None:
    """Beyond the bound of one node, an honest difference on the way may be the cause, so there is no verdict."""
    kept = {"output/loss", "grad/x", "grad/h.weight", "grad/h.bias", "grad/p.weight", "grad/p.bias"}
    tensors = {name: a for name, a in computed(problem).items() if name in kept}
    tensors["grad/h.weight"] = tensors["grad/h.weight"] * np.float32(1 + 1e-3)
    missing = dict.fromkeys(set(computed(problem)) - kept, "not_retained")
    row = beside_the_primary(problem, tmp_path, tensors, missing)["grad/h.weight"]
    assert row.verdict == Verdict.MEASURED
    assert "not kept" in row.reason
    assert row.max_rel_err > 5e-4


def test_a_route_without_its_primary_is_not_passed_over(problem: Problem, tmp_path: Path) -> None:
    """Where the primary capture cannot be used, the other one has a row that says why nothing was compared."""
    second = write_capture(problem, tmp_path / "second", computed(problem), missing={}, framework="f", route="second")
    rows = judge(problem.folder, {"f": tmp_path / "nothing", "f@second": second})
    assert [(row.route, row.verdict) for row in rows] == [("", Verdict.CRASHED), ("second", Verdict.CRASHED)]
    assert "primary" in rows[1].reason
    assert rows[1].check == "route:primary"
