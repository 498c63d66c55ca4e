"""The verdicts of the numerical check, on captures that are honest or spoiled in one way."""

from __future__ import annotations

import numpy as np
import pytest
from answers import judged
from gradconform import paths
from gradconform.numeric import conditioning, plan
from gradconform.reference import perturbed
from honest import problem_of

RELATIVE = {"float32": 1e-3, "float64": 1e-8}
KINK = """
about: A unit whose input is zero, and one whose input is not.
dtypes: [float32, float64]
inputs: {x: {shape: [1, 2], value: [[0, 1]], grad: true}}
nodes:
  relu1: {op: relu}
  loss: {op: mul_scalar, value: 3.0}
"""


@pytest.fixture(params=["float32", "float64"])
def problem(request, tmp_path):
    """A small network in both dtypes."""
    return problem_of(tmp_path, dtype=request.param)


def test_an_honest_capture_conforms(problem, tmp_path):
    """Every leaf has a row and conforms, and its bar is narrow enough to have told."""
    found = judged(problem, tmp_path)
    assert set(found) == {f"grad/{n}" for n in problem.graph.wanted}
    assert {row.verdict for row in found.values()} == {"conforms"}
    assert max(row.ratio for row in found.values()) < 1


def test_a_fault_of_the_size_to_be_seen_is_seen(problem, tmp_path):
    """One leaf's gradient is off by 1e-3 in float32, by 1e-8 in float64: its row diverges, the others conform."""
    factor = 1 + 1.001 * RELATIVE[problem.dtype]
    found = judged(problem, tmp_path, lambda name, g: (g * factor).astype(g.dtype) if name == "grad/h.weight" else g)
    assert {name for name, row in found.items() if row.verdict == "diverges"} == {"grad/h.weight"}
    row = found["grad/h.weight"]
    assert row.reason.startswith("value: step ")
    assert row.culprit == "h"
    assert row.ratio > 1
    assert row.n_bad >= 1


def test_one_element_that_is_wrong_is_named(problem, tmp_path):
    """The row gives its index, the captured number and the numerical one."""

    def spoil(name, g):
        if name == "grad/p.bias":
            g = g.copy()
            g[2] += 0.01 * np.abs(g).max()
        return g

    row = judged(problem, tmp_path, spoil)["grad/p.bias"]
    assert (row.verdict, row.worst_index) == ("diverges", "[2]")
    assert row.got - row.expected == pytest.approx(row.max_abs_err)


def test_noise_makes_a_row_inconclusive_and_never_diverge(tmp_path):
    """f with a relative noise of 1e-4 cannot tell 1e-3 in float32, and says how wide the bar is."""
    found = judged(problem_of(tmp_path), tmp_path, noise=1e-4)
    assert {row.verdict for row in found.values()} == {"inconclusive"}
    assert all("times the gradient, expected 5e-04 or less" in row.reason for row in found.values())


def test_a_number_that_is_none_diverges(problem, tmp_path):
    """A NaN in a captured gradient is not averaged away."""
    found = judged(problem, tmp_path, lambda name, g: g * np.nan if name == "grad/h.bias" else g)
    assert (found["grad/h.bias"].verdict, found["grad/h.bias"].reason) == ("diverges", "nonfinite")


@pytest.mark.parametrize("dtype", RELATIVE)
def test_a_kink_at_the_point_itself_is_told(tmp_path, dtype):
    """relu at 0 has no derivative: the row names the node instead of averaging both sides."""
    row = judged(problem_of(tmp_path, KINK, dtype=dtype), tmp_path)["grad/x"]
    assert row.verdict == "inconclusive"
    assert row.reason.endswith("kink at relu1")


def test_a_kink_limits_the_step(tmp_path):
    """The unit's input is 2^-9 away from zero: no step that is used reaches over it, and the row conforms."""
    problem = problem_of(tmp_path, KINK.replace("[[0, 1]]", f"[[{2.0**-9}, 1]]"))
    row = judged(problem, tmp_path)["grad/x"]
    assert row.verdict == "conforms"
    (first, *_) = [d for d in plan.plan(problem).directions if d.element == 0]
    assert max(first.levels) * first.scale["x"] <= 2.0**-9
    assert not first.kinked


def test_a_leaf_that_nothing_depends_on_conforms_where_f_stands_still(tmp_path):
    """Its gradient is missing as not on the path, or zero, and f does not change in a bit."""
    text = KINK.replace("grad: true}", "grad: true}, aside: {shape: [3], grad: true}").replace("{x:", "{x:", 1)
    problem = problem_of(tmp_path, text.replace("[[0, 1]]", "[[2, 1]]"))
    row = judged(problem, tmp_path)["grad/aside"]
    assert row.verdict == "conforms"
    assert row.reason.startswith("zero: f is the same number at every point")


def test_plain_differences_have_a_bar_that_owns_up(tmp_path):
    """A step of 1e-5 in float32 is noise: every row is inconclusive, and no honest gradient leaves the bar."""
    found = judged(problem_of(tmp_path), tmp_path, eps=1e-5)
    assert {row.verdict for row in found.values()} == {"inconclusive"}
    assert max(row.ratio for row in found.values()) < 1
    assert all("step 1.0e-05" in row.reason for row in found.values())


@pytest.fixture(params=["float32", "float64"])
def large(request, tmp_path):
    """A network with too many elements for one at a time."""
    text = (paths.specs_folder() / "networks" / "residual_eval.yaml").read_text(encoding="utf-8")
    return problem_of(tmp_path, text, name="residual_eval", dtype=request.param)


def test_a_large_leaf_is_asked_along_two_directions(large, tmp_path):
    """Every row conforms, and its reason says along which direction its ratio is largest."""
    found = judged(large, tmp_path)
    assert {row.verdict for row in found.values()} == {"conforms"}
    assert all("along its own direction" in r.reason or "along random signs" in r.reason for r in found.values())


def test_a_fault_of_the_size_to_be_seen_is_seen_along_a_direction(large, tmp_path):
    """The twin: a whole weight's gradient is off by 1e-3 in float32, by 1e-8 in float64."""
    factor = 1 + 1.001 * RELATIVE[large.dtype]
    found = judged(large, tmp_path, lambda name, g: (g * factor).astype(g.dtype) if name == "grad/conv1.weight" else g)
    assert {name for name, row in found.items() if row.verdict == "diverges"} == {"grad/conv1.weight"}


def test_a_gradient_that_is_zero_by_mistake_is_seen(large, tmp_path):
    """The direction is the reference's, so a captured gradient of zeros is held against a strong signal."""
    found = judged(large, tmp_path, lambda name, g: g * 0 if name == "grad/bn1.weight" else g)
    assert {name for name, row in found.items() if row.verdict == "diverges"} == {"grad/bn1.weight"}


def test_a_very_large_network_has_one_row(large, tmp_path, monkeypatch):
    """All leaves are moved together; a fault in all of them at once is seen, and an honest capture does not diverge."""
    monkeypatch.setattr(plan, "LEAFWISE", 100)
    honest = judged(large, tmp_path / "honest")
    spoiled = judged(large, tmp_path / "spoiled", lambda name, g: g * np.asarray(1.01, g.dtype))
    assert (len(honest), len(spoiled)) == (1, 1)
    assert honest[""].verdict in ("conforms", "inconclusive")
    assert spoiled[""].verdict == "diverges"
    assert spoiled[""].reason.startswith("all 7 tensors along one direction: value")


ILL = """
about: Channels far from zero before a batch normalisation, of whose variance little is left in float32.
dtypes: [float32]
inputs: {x: {shape: [6, 4], grad: true}}
nodes:
  wide: {op: linear, x: x, out_features: 5}
  far: {op: add_scalar, value: 700.0}
  normed: {op: batch_norm, eps: 1.0e-05, momentum: 0.1, training: true}
  bent: {op: tanh}
  out: {op: linear, out_features: 3}
"""


@pytest.fixture
def ill(tmp_path):
    """A network that amplifies rounding a thousand times."""
    return problem_of(tmp_path, ILL, name="ill")


def amplified(problem, seed):
    """The gradients of a run in which each node rounds as it may: right for a framework, far from the exact ones."""
    found = perturbed.gradients(problem, np.random.default_rng(seed))
    return lambda name, g: found[name.partition("/")[2]].astype(g.dtype)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_what_rounding_alone_makes_of_an_ill_conditioned_network_is_no_alarm(ill, tmp_path, seed):
    """Each gradient is honest; of those that are far off for it nobody can tell more."""
    found = judged(ill, tmp_path, amplified(ill, seed))
    assert {row.verdict for row in found.values()} <= {"conforms", "inconclusive"}
    assert found["grad/out.bias"].verdict == "conforms"


@pytest.mark.parametrize("leaf", ["wide.weight", "normed.weight", "out.weight", "x"])
def test_what_rounding_does_not_explain_diverges_there_too(ill, tmp_path, leaf):
    """The twin: a gradient that is off by a tenth."""
    honest = amplified(ill, 1)
    spoil = {f"grad/{leaf}": np.float32(1.1)}
    found = judged(ill, tmp_path, lambda name, g: honest(name, g) * spoil.get(name, np.float32(1)))
    assert {name for name, row in found.items() if row.verdict == "diverges"} == {f"grad/{leaf}"}


def test_an_ill_conditioned_network_diverged_without_its_conditioning(ill, tmp_path, monkeypatch):
    """So that the tests above see what they speak of."""
    monkeypatch.setattr(conditioning, "TIMES", 0.0)
    found = [judged(ill, tmp_path / str(seed), amplified(ill, seed)) for seed in range(5)]
    assert "diverges" in {row.verdict for rows in found for row in rows.values()}
