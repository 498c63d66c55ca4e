"""The local check names the node that is wrong, and only that one, whatever lies before and behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.rows import Verdict
from honest import SMALL, Array, Fault, blamed, captured, computed, problem_of, rows_of, write_capture

EVERY_REASON = [
    "not_requested",
    "not_on_path",
    "graph_cut",
    "not_retained",
    "buffer_reused",
    "not_differentiable",
    "uninitialised",
]


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The small network, drawn."""
    return problem_of(tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """The small network without its tanh, of numbers that never round."""
    return problem_of(tmp_path_factory.mktemp("exact"), values="exact")


def one_element(array: Array) -> Array:
    """A relative error of 1e-4 in the last element."""
    spoiled = np.array(array)
    spoiled.flat[-1] = spoiled.flat[-1] * (1 + 1e-4) + 1e-6
    return spoiled


def one_nan(array: Array) -> Array:
    """A NaN in the first element."""
    spoiled = np.array(array)
    spoiled.flat[0] = np.nan
    return spoiled


def one_bit(array: Array) -> Array:
    """The lowest bit of the largest element flipped."""
    spoiled = np.array(array)
    bits = spoiled.view(f"u{spoiled.itemsize}")
    bits.flat[int(np.argmax(np.abs(spoiled)))] ^= 1
    return spoiled


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("values", ["drawn", "exact"])
def test_an_honest_capture_conforms(tmp_path: Path, dtype: str, values: str) -> None:
    """The reference rounded to the dtype: one row for each tensor, all conform, and every one is told of."""
    problem = problem_of(tmp_path, dtype=dtype, values=values)
    rows = rows_of(problem, tmp_path / "c", computed(problem))
    assert blamed(rows) == {}
    nodes = [n.name for n in problem.nodes]
    wanted = [f"output/{n}" for n in nodes] + [f"grad/{n}" for n in nodes if n != problem.output]
    wanted += ["grad/x", "grad/h.weight", "grad/h.bias", "grad/p.weight", "grad/p.bias"]
    assert sorted(r.tensor for r in rows) == sorted(wanted)
    assert {r.check for r in rows} == {"exact" if values == "exact" else "local"}


# Who is to blame for each tensor: for a gradient all who read the tensor.
CULPRITS = {
    "output/h": "h",
    "output/r": "r",
    "output/p": "p",
    "output/q": "q",
    "output/s": "s",
    "output/y": "y",
    "output/z": "z",
    "output/loss": "loss",
    "grad/h": "r p s",
    "grad/r": "q",
    "grad/s": "y",
    "grad/z": "loss",
    "grad/x": "h",
    "grad/h.weight": "h",
    "grad/p.weight": "p q",
    "grad/p.bias": "p",
}


@pytest.mark.parametrize("tensor", CULPRITS)
@pytest.mark.parametrize(("fault", "reason"), [(one_element, "value"), (one_nan, "nonfinite")])
def test_a_fault_in_the_computation_names_its_node_alone(
    problem: Problem, tmp_path: Path, tensor: str, fault: Fault, reason: str
) -> None:
    """Everything behind it was computed from the wrong tensor, and is right all the same."""
    rows = rows_of(problem, tmp_path / "c", computed(problem, {tensor: fault}))
    assert blamed(rows) == {tensor: ("diverges", reason, CULPRITS[tensor])}
    (row,) = [r for r in rows if r.tensor == tensor]
    last = [int(i) - 1 for i in row.shape.strip("[]").split(", ")]
    assert row.worst_index == str(last if reason == "value" else [0] * len(last))
    assert row.n_bad == 1


@pytest.mark.parametrize("tensor", [t for t in CULPRITS if t not in ("output/z", "output/loss", "grad/z")])
def test_an_exact_problem_sees_one_flipped_bit(exact: Problem, tmp_path: Path, tensor: str) -> None:
    """The lowest bit of one element, flipped in the computation: its node is named, and nobody behind it."""
    if tensor.endswith("/y"):
        assert exact.output == "y"
    rows = rows_of(exact, tmp_path / "c", computed(exact, {tensor: one_bit}))
    assert blamed(rows) == {tensor: ("diverges", "not_bitwise", CULPRITS[tensor])}


@pytest.mark.parametrize("tensor", [t for t in CULPRITS if t not in ("output/z", "output/loss", "grad/z")])
def test_an_exact_problem_sees_one_flipped_bit_in_what_was_read_out(
    exact: Problem, tmp_path: Path, tensor: str
) -> None:
    """The computation went on with the right number; only the tensor that was read out wrongly is named."""
    tensors = computed(exact)
    rows = rows_of(exact, tmp_path / "c", tensors | {tensor: one_bit(tensors[tensor])})
    assert blamed(rows) == {tensor: ("diverges", "not_bitwise", CULPRITS[tensor])}


def test_a_flipped_bit_is_within_the_bound_of_a_drawn_problem(problem: Problem, tmp_path: Path) -> None:
    """The twin: where sums round, one unit in the last place is honest."""
    assert blamed(rows_of(problem, tmp_path / "c", computed(problem, {"output/p": one_bit}))) == {}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda a: a[:-1], "shape"),
        (lambda a: a.reshape(1, *a.shape), "shape"),
        (lambda a: a.astype("float64"), "dtype"),
        (lambda a: a.astype("int64"), "dtype"),
    ],
)
@pytest.mark.parametrize("tensor", ["output/h", "grad/h", "grad/p.weight", "output/loss"])
def test_a_wrong_form_is_named_and_what_needs_it_is_missing(
    problem: Problem, tmp_path: Path, tensor: str, spoil: Fault, reason: str
) -> None:
    """A tensor of another shape or dtype diverges; whoever needs it cannot be judged, and says for want of what."""
    tensors = computed(problem)
    found = blamed(rows_of(problem, tmp_path / "c", tensors | {tensor: spoil(tensors[tensor])}))
    assert found.pop(tensor) == ("diverges", reason, CULPRITS[tensor])
    needed_by = {
        "output/h": {"output/r", "output/p", "output/s", "grad/h", "grad/q", "grad/p.weight", "grad/p.bias"},
        "grad/h": {"grad/x", "grad/h.weight", "grad/h.bias"},
    }
    assert set(found) == needed_by.get(tensor, set())
    assert all(verdict == Verdict.MISSING and why.startswith(f"needs {tensor}") for verdict, why, _ in found.values())


def test_a_wrong_form_in_one_capture_is_no_trouble_for_the_other(problem: Problem, tmp_path: Path) -> None:
    """Between frameworks there is then nothing to measure, and the right one is judged as ever."""
    from gradconform.judge import judge

    tensors = computed(problem)
    good = write_capture(problem, tmp_path / "good", framework="good")
    bad = write_capture(problem, tmp_path / "bad", tensors | {"grad/h": tensors["grad/h"][:2]}, framework="bad")
    rows = judge(problem.folder, {"good": good, "bad": bad})
    assert not blamed([r for r in rows if r.framework == "good" and r.verdict != "measured"])
    cross = [r for r in rows if r.check in ("cross:bad", "cross:good") and r.tensor == "grad/h"]
    assert sorted((r.framework, r.verdict, r.reason) for r in cross) == [
        ("bad", "measured", "shape"),
        ("good", "measured", "shape"),
    ]


@pytest.mark.parametrize("reason", EVERY_REASON)
@pytest.mark.parametrize("tensor", ["grad/h", "grad/x", "grad/p.weight"])
def test_a_gradient_on_the_path_may_be_missing_for_no_reason_at_all(
    problem: Problem, tmp_path: Path, tensor: str, reason: str
) -> None:
    """Whatever the framework says: the row is there, says why, and does not pass."""
    tensors = computed(problem)
    del tensors[tensor]
    found = blamed(rows_of(problem, tmp_path / "c", tensors, missing={tensor: reason}))
    assert found.pop(tensor) == ("missing", reason, CULPRITS[tensor])
    assert all(why == f"needs {tensor}, which is missing" for _, why, _ in found.values())


def test_a_missing_tensor_without_a_reason(problem: Problem, tmp_path: Path) -> None:
    """Neither an output nor a gradient can be left out in silence."""
    for tensor in ("output/q", "grad/x"):
        tensors = computed(problem)
        del tensors[tensor]
        found = blamed(rows_of(problem, tmp_path / tensor, tensors, missing={}))
        assert found[tensor] == ("missing", "no reason given", CULPRITS[tensor])


def test_an_empty_capture_is_a_row_for_each_tensor(problem: Problem, tmp_path: Path) -> None:
    """All rows are there, and none passes."""
    rows = rows_of(problem, tmp_path / "c", {"nothing": np.zeros(1, "float32")}, missing={})
    assert len(rows) == len(computed(problem))
    assert {r.verdict for r in rows} == {"missing"}


def test_the_gradient_handed_to_the_output_is_the_cotangent(problem: Problem, tmp_path: Path) -> None:
    """A framework that starts from ones, or from twice the cotangent, is wrong at the last node."""
    for wrong in (np.ones_like(problem.cotangent), 2 * problem.cotangent):
        spoiled = wrong * (1 - computed(problem)["output/loss"] ** 2)
        tensors = computed(problem, {"grad/z": lambda a, w=spoiled: w.astype(a.dtype)})
        assert blamed(rows_of(problem, tmp_path / "c", tensors)) == {"grad/z": ("diverges", "value", "loss")}


def test_an_input_without_grad_is_not_asked_for(problem: Problem, tmp_path: Path) -> None:
    """There is no row of its gradient."""
    rows = rows_of(problem, tmp_path / "c", computed(problem))
    assert not [r for r in rows if "fixed" in r.tensor]


UNUSED = """
about: A branch and an input that the output does not depend on, and a node that nobody asked a gradient of.
inputs:
  x: {shape: [4, 3], grad: true}
  spare: {shape: [2, 5], grad: true}
  given: {shape: [4, 3]}
nodes:
  h: {op: tanh, x: x}
  branch: {op: square, x: h}
  aside: {op: square, x: given}
  before: {op: tanh, x: given}
  y: {op: mul, x: h, y: before}
output: y
"""


@pytest.fixture(scope="module")
def unused(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """A network with tensors off the path."""
    return problem_of(tmp_path_factory.mktemp("unused"), UNUSED)


OFF_PATH = ("grad/branch", "grad/spare", "grad/aside")


def told(reason: str, **others: str) -> dict[str, str]:
    """Reasons for everything that may honestly be missing."""
    return dict.fromkeys(OFF_PATH, reason) | {"grad/before": "not_requested"} | others


def test_off_the_path_zeros_and_nothing_are_both_right(unused: Problem, tmp_path: Path) -> None:
    """What the output does not depend on has the gradient zero."""
    assert set(computed(unused)) & {*OFF_PATH, "grad/before"} == set()
    assert blamed(rows_of(unused, tmp_path / "a", computed(unused), missing=told("not_on_path"))) == {}
    zeros = {"grad/branch": (4, 3), "grad/spare": (2, 5), "grad/aside": (4, 3)}
    tensors = computed(unused) | {name: np.zeros(shape, "float32") for name, shape in zeros.items()}
    rows = rows_of(unused, tmp_path / "b", tensors, missing={"grad/before": "not_requested"})
    assert blamed(rows) == {}
    assert {r.reason for r in rows if r.tensor in OFF_PATH} == {"not_on_path"}


@pytest.mark.parametrize("tensor", OFF_PATH)
@pytest.mark.parametrize(("number", "reason"), [(1e-30, "value"), (3.0, "value"), (np.nan, "nonfinite")])
def test_off_the_path_any_number_diverges(
    unused: Problem, tmp_path: Path, tensor: str, number: float, reason: str
) -> None:
    """A gradient where there is none, however small, is somebody else's."""
    shape = (2, 5) if tensor == "grad/spare" else (4, 3)
    tensors = computed(unused) | {tensor: np.full(shape, number, "float32")}
    reasons = {k: v for k, v in told("not_on_path").items() if k != tensor}
    found = blamed(rows_of(unused, tmp_path / "c", tensors, missing=reasons))
    assert {t: f[:2] for t, f in found.items()} == {tensor: ("diverges", reason)}


@pytest.mark.parametrize("reason", [r for r in EVERY_REASON if r != "not_on_path"])
def test_off_the_path_other_reasons_are_not_true(unused: Problem, tmp_path: Path, reason: str) -> None:
    """`not_requested` is a lie where a gradient was asked for; only of `aside` nobody asked one."""
    found = blamed(rows_of(unused, tmp_path / "c", computed(unused), missing=told(reason)))
    lies = {"grad/branch", "grad/spare"} | ({"grad/aside"} if reason != "not_requested" else set())
    assert {t: f[:2] for t, f in found.items()} == dict.fromkeys(lies, ("missing", reason))


def test_what_nobody_asked_for_may_be_left_out_or_be_right(unused: Problem, tmp_path: Path) -> None:
    """A gradient that depends on nothing asked for: `not_requested`, or the true numbers; zeros are neither."""
    tensors = computed(unused)
    for lie in ("not_on_path", "graph_cut"):
        found = blamed(rows_of(unused, tmp_path / lie, tensors, missing=told("not_on_path", **{"grad/before": lie})))
        assert found == {"grad/before": ("missing", lie, "y")}
    true = (unused.cotangent * tensors["output/h"]).astype("float32")
    for name, number, expected in (
        ("true", true, {}),
        ("zeros", 0 * true, {"grad/before": ("diverges", "value", "y")}),
    ):
        found = blamed(rows_of(unused, tmp_path / name, tensors | {"grad/before": number}, missing=told("not_on_path")))
        assert found == expected


BATCH_NORM = """
about: Batch normalisation in training mode gives its statistics too.
inputs:
  x: {shape: [6, 3], grad: true}
nodes:
  bn: {op: batch_norm, eps: 1.0e-5, momentum: 0.1, training: true}
  r: {op: relu}
"""


@pytest.mark.parametrize("tensor", ["output/bn.running_mean", "output/bn.running_var", "output/bn"])
def test_further_outputs_are_judged_too(tmp_path: Path, tensor: str) -> None:
    """A running statistic that is not updated, or wrongly, is caught."""
    problem = problem_of(tmp_path, BATCH_NORM)
    assert blamed(rows_of(problem, tmp_path / "good", computed(problem))) == {}
    found = blamed(rows_of(problem, tmp_path / "bad", computed(problem, {tensor: one_element})))
    assert found == {tensor: ("diverges", "value", "bn")}
    tensors = computed(problem)
    if tensor != "output/bn":
        tensors[tensor] = problem.value(tensor.partition("/")[2])
        assert blamed(rows_of(problem, tmp_path / "stale", tensors)) == {tensor: ("diverges", "value", "bn")}


def test_a_gradient_is_the_sum_over_all_readers(problem: Problem, tmp_path: Path) -> None:
    """One contribution forgotten, or counted twice, is caught at the shared tensor."""
    tensors = computed(problem)
    for factor in (-1.0, 1.0):
        wrong = tensors["grad/h"] + np.float32(factor) * tensors["grad/s"]
        spoiled = computed(problem, {"grad/h": lambda a, w=wrong: w})
        assert blamed(rows_of(problem, tmp_path / "c", spoiled)) == {"grad/h": ("diverges", "value", "r p s")}


def test_integer_inputs_have_no_gradient(tmp_path: Path) -> None:
    """A target of classes is read as it is, and no row is made of its gradient."""
    text = """
about: Cross entropy.
inputs:
  x: {shape: [4, 3], grad: true}
  target: {shape: [4], integers: [0, 3]}
nodes:
  loss: {op: cross_entropy, x: x, target: target, reduction: mean}
"""
    problem = problem_of(tmp_path, text)
    rows = rows_of(problem, tmp_path / "c", computed(problem))
    assert [(r.tensor, r.verdict) for r in rows] == [("output/loss", "conforms"), ("grad/x", "conforms")]


def test_the_helper_writes_what_it_says(problem: Problem, tmp_path: Path) -> None:
    """The honest capture comes back from the file as it was computed, in the dtype under test."""
    tensors = computed(problem)
    again = captured(write_capture(problem, tmp_path / "c"))
    assert set(again) == set(tensors)
    assert all(a.dtype == "float32" and np.array_equal(a, tensors[name]) for name, a in again.items())
    assert "values: [drawn, exact]" in SMALL


@pytest.mark.parametrize("tensor", CULPRITS)
def test_what_was_read_out_wrongly_is_blamed_and_not_its_neighbours(
    problem: Problem, tmp_path: Path, tensor: str
) -> None:
    """The computation went on with the right numbers, so whoever reads it seems wrong: one culprit for all rows."""
    tensors = computed(problem)
    stale = np.full_like(tensors[tensor], 0.37)
    found = blamed(rows_of(problem, tmp_path / "c", tensors | {tensor: stale}))
    assert found[tensor] == ("diverges", "value", CULPRITS[tensor])
    assert {culprit for _, _, culprit in found.values()} == {CULPRITS[tensor]}
