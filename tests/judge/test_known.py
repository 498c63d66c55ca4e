"""Known divergences: what a list covers is known in any network, all else stays, and what no longer shows is loud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradconform.command.exits import status_of
from gradconform.contract import Problem, read_capture
from gradconform.judge import judge
from gradconform.judge.known import Known
from gradconform.judge.listing import Listing
from gradconform.judge.lists import shipped
from gradconform.rows import Row, blank
from honest import Array, computed, problem_of, write_capture

SOFT = """
about: Softplus behind another node, on both sides of 20.
dtypes: [float64]
inputs: {x: {shape: [2, 3], value: [[1.0, 5.0, 21.0], [25.0, 19.0, 22.0]], grad: true}}
nodes:
  y: {op: mul_scalar, x: x, value: 1.0}
  z: {op: softplus}
  out: {op: mul_scalar, value: 0.5}
"""
FAR = """
about: Rows and channels of which one is far from zero.
inputs: {x: {shape: [2, 4], value: [[300.0, 301.0, 302.0, 303.0], [1.0, -1.0, 2.0, 0.5]], grad: true}}
nodes:
  y: {op: mul_scalar, x: x, value: 1.0}
  n: {op: layer_norm, eps: 1.0e-05}
  out: {op: tanh}
"""
ENTRY: dict[str, Any] = {
    "framework": "honest",
    "operator": "softplus",
    "tensor": "output",
    "when": {"of": "x", "above": 20},
    "at_most": {"relative": 1e-6},
    "reason": "left off beyond its threshold on purpose",
    "link": "this test",
}
ROWS: dict[str, Any] = {
    "operator": "layer_norm",
    "when": {"of": "x", "each": "row", "measure": "mean_over_deviation", "above": 50},
    "at_most": {"roundoffs": 10, "times": "measure squared"},
}


@pytest.fixture
def soft(tmp_path: Path) -> Problem:
    """A network with the listed operator, which no list has heard of."""
    return problem_of(tmp_path, SOFT, name="mine", dtype="float64")


@pytest.fixture
def far(tmp_path: Path) -> Problem:
    """A network with a row that is far from zero, and one that is not."""
    return problem_of(tmp_path, FAR, name="mine")


def entry(tmp_path: Path, case: str = SOFT, **changes: Any) -> Known:
    """The entry, changed; it must show in a network that is not the one under test."""
    shows = tmp_path / "listed.yaml"
    shows.write_text(case)
    return Known.model_validate({"shows": {"in": shows}, **ENTRY, **changes})


def rows_of(problem: Problem, tensors: Mapping[str, Array], *entries: Known, **changes: Any) -> dict[str, Row]:
    """Tensor -> its row, with these lists alone; what vanished is under `vanished`."""
    folder = write_capture(problem, problem.folder / "capture", tensors, **changes)
    rows = [row for row in judge(problem.folder, {"honest": folder}, entries) if row.verdict != "measured"]
    gone = [row for row in rows if row.reason.startswith("listed divergence vanished")]
    return {row.tensor: row for row in rows if row not in gone} | dict(zip(["vanished"], gone, strict=False))


def spoiled(
    problem: Problem, tensor: str, where: Any, by: float = 1e-9, scale: float | None = None
) -> Mapping[str, Array]:
    """What an honest framework gives, with some elements of one tensor off. scale: of the error; else the element's."""

    def fault(array: Array) -> Array:
        wrong = array.copy()
        wrong[where] += by * (wrong[where] if scale is None else scale)
        return wrong

    return computed(problem, {tensor: fault})


ABOVE = ([0, 1, 1], [2, 0, 2])
"""The elements of x that are above 20."""


def test_a_fault_of_a_listed_operator_is_known_in_any_network(soft: Problem, tmp_path: Path) -> None:
    """With its figures, its reason and the link; the run succeeds."""
    rows = rows_of(soft, spoiled(soft, "output/z", ABOVE), entry(tmp_path))
    row = rows["output/z"]
    assert (row.verdict, row.n_bad, row.culprit) == ("known", 3, "z")
    assert row.reason == "value: left off beyond its threshold on purpose (this test)"
    assert "vanished" not in rows
    assert status_of(list(rows.values()), absent=False) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"framework": "torch"},
        {"operator": "sigmoid"},
        {"tensor": "grad/x"},
        {"dtype": "float32"},
        {"versions": "from 1.1"},
        {"versions": ["0.1 to 0.9", "2.0"]},
        {"check": "numeric"},
        {"verdict": "missing"},
        {"when": {"of": "x", "above": 21.5}},
        {"when": {"of": "x", "between": [21, 24]}},
        {"when": {"of": "x", "is": "infinite"}},
        {"when": [{"of": "x", "above": 20}, {"of": "x", "each": "tensor", "measure": "size", "above": 6}]},
        {"at_most": {"relative": 1e-10}},
        {"at_most": {"ratio": 10}},
        {"at_most": {"roundoffs": 100}},
    ],
)
def test_what_an_entry_does_not_cover_diverges(soft: Problem, tmp_path: Path, changes: dict[str, Any]) -> None:
    """One thing that differs, a condition that is not met, a fault that is larger: news."""
    rows = rows_of(soft, spoiled(soft, "output/z", ABOVE), entry(tmp_path, **changes))
    assert rows["output/z"].verdict == "diverges"
    assert status_of(list(rows.values()), absent=False) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "float64"},
        {"versions": "1.0"},
        {"versions": ["0.3", "0.9 to 1"]},
        {"versions": "up to 1.0"},
        {"when": []},
        {"when": {"of": "x", "between": [21, 25]}},
        {"when": {"of": "x", "each": "tensor", "measure": "largest", "above": 24}},
        {"when": [{"of": "x", "above": 20}, {"of": "x", "each": "tensor", "measure": "size", "above": 5}]},
        {"at_most": "anything"},
        {"at_most": {"ratio": 1e9}},
        {"at_most": {"relative": 1e-10, "times": "measure"}},
    ],
)
def test_what_an_entry_covers_is_known(soft: Problem, tmp_path: Path, changes: dict[str, Any]) -> None:
    """The twin: conditions that are met."""
    rows = rows_of(soft, spoiled(soft, "output/z", ABOVE), entry(tmp_path, **changes))
    assert rows["output/z"].verdict == "known"


def test_an_element_that_nothing_covers_is_news(soft: Problem, tmp_path: Path) -> None:
    """Of two wrong elements one is above 20: the tensor diverges, unless another entry covers the other one."""
    wrong = spoiled(soft, "output/z", ([0, 1], [1, 0]))
    assert rows_of(soft, wrong, entry(tmp_path))["output/z"].verdict == "diverges"
    other = entry(tmp_path, when={"of": "x", "between": [4, 6]}, reason="wrong near five, which is another matter")
    row = rows_of(soft, wrong, entry(tmp_path), other)["output/z"]
    assert row.verdict == "known"
    assert "threshold" in row.reason
    assert "near five" in row.reason


def test_nan_is_known_only_where_anything_is(soft: Problem, tmp_path: Path) -> None:
    """However much a figure allows, NaN is no number of that size."""
    wrong = spoiled(soft, "output/z", ABOVE, by=np.nan)
    assert rows_of(soft, wrong, entry(tmp_path, at_most={"relative": 1e9}))["output/z"].verdict == "diverges"
    assert rows_of(soft, wrong, entry(tmp_path, at_most="anything"))["output/z"].verdict == "known"


def test_a_fault_is_known_in_every_route(soft: Problem, tmp_path: Path) -> None:
    """A second route with the same fault, of other bits than the first; what else is wrong there is news."""
    first = write_capture(soft, tmp_path / "first", spoiled(soft, "output/z", ABOVE), framework="honest")
    known, news = spoiled(soft, "output/z", ABOVE, by=2e-9), spoiled(soft, "output/z", ([0], [0]))
    for tensors, verdict in ((known, "known"), (news, "diverges")):
        second = write_capture(soft, tmp_path / verdict, tensors, framework="honest", route="second")
        rows = judge(soft.folder, {"honest": first, "honest@second": second}, [entry(tmp_path)])
        (row,) = (row for row in rows if row.check.startswith("route:") and row.tensor == "output/z")
        assert (row.verdict, row.culprit) == (verdict, "z")


@pytest.mark.parametrize(
    ("tensor", "verdict"), [("grad/x", "known"), ("", "known"), ("grad/w", "diverges"), ("grad/v", "diverges")]
)
def test_a_derivative_through_a_listed_fault_is_known(tmp_path: Path, tensor: str, verdict: str) -> None:
    """Differences of a forward that is wrong agree with nothing; a leaf behind it or beside it is another matter."""
    text = SOFT.replace(
        "  out: ", "  t: {op: mul, x: y, y: w}\n  p: {op: mul, x: z, y: v}\n  s: {op: add, x: t, y: p}\n  out: "
    )
    leaves = "".join(f", {name}: {{shape: [2, 3], grad: true}}" for name in "wv")
    problem = problem_of(tmp_path, text.replace("grad: true}}", f"grad: true}}{leaves}}}"), dtype="float64")
    folder = write_capture(problem, tmp_path / "capture", spoiled(problem, "output/z", ABOVE))
    local = [row for row in judge(problem.folder, {"honest": folder}, [entry(tmp_path)]) if row.check == "local"]
    assert {row.tensor for row in local if row.verdict == "known"} == {"output/z"}
    where = {"spec": problem.spec, "framework": "honest", "version": "1.0", "route": "primary", "dtype": "float64"}
    row = blank(**where, tensor=tensor, check="numeric", verdict="diverges", reason="value: step 1", ratio=3.0)
    listing = Listing(problem, read_capture(folder, problem), [entry(tmp_path)])
    marked = listing.marked_numeric(row, local)
    assert marked.verdict == verdict
    assert ("listed divergence: left off" in marked.reason) == (verdict == "known")
    assert listing.marked_numeric(row, []).verdict == "diverges"


LOST = """
about: A function that chooses, behind a node, of a tensor with a NaN and an infinity.
inputs: {x: {shape: [4], value: [.nan, 1.0, .inf, -2.0], grad: true}}
nodes:
  y: {op: mul_scalar, x: x, value: 1.0}
  z: {op: relu}
"""


@pytest.mark.parametrize(
    ("place", "at", "verdict"),
    [("nan", 0, "known"), ("infinite", 2, "known"), ("nan", 2, "diverges"), ("nan", 1, "diverges")],
)
def test_a_number_in_the_place_of_one_that_vanished(tmp_path: Path, place: str, at: int, verdict: str) -> None:
    """It is covered where that was expected, and nothing beside it."""
    problem = problem_of(tmp_path, LOST, name="mine")

    def fault(array: Array) -> Array:
        array = array.copy()
        array[at] = 0.5
        return array

    listed = entry(tmp_path, operator="relu", when=(), at_most={"in_place_of": place})
    rows = rows_of(problem, computed(problem, {"output/z": fault}), listed)
    assert (rows["output/z"].verdict, rows["output/z"].n_bad) == (verdict, 1)


def test_a_gradient_is_known_by_what_its_reader_saw(soft: Problem, tmp_path: Path) -> None:
    """The gradient that softplus sends back to y; the same error in what another node sends back is news."""
    listed = entry(tmp_path, tensor="grad/x")
    assert rows_of(soft, spoiled(soft, "grad/y", ABOVE), listed)["grad/y"].verdict == "known"
    assert rows_of(soft, spoiled(soft, "grad/y", ([0], [0])), listed)["grad/y"].verdict == "diverges"
    assert rows_of(soft, spoiled(soft, "grad/z", ([0], [0])), listed)["grad/z"].verdict == "diverges"


def test_a_missing_gradient_may_be_listed(soft: Problem, tmp_path: Path) -> None:
    """A tensor that is listed as missing and is wrong is news, and the reverse."""
    gone = {name: array for name, array in computed(soft).items() if name != "grad/y"}
    listed = entry(tmp_path, tensor="grad/x", verdict="missing", at_most="anything")
    missing = {"grad/y": "not_differentiable"}
    assert rows_of(soft, gone, listed, missing=missing)["grad/y"].verdict == "known"
    assert rows_of(soft, spoiled(soft, "grad/y", ABOVE), listed)["grad/y"].verdict == "diverges"
    unlisted = entry(tmp_path, tensor="grad/x", at_most="anything")
    assert rows_of(soft, gone, unlisted, missing=missing)["grad/y"].verdict == "missing"


def test_what_other_readers_cancel_leaves_the_error_as_large(tmp_path: Path) -> None:
    """Of x - softplus(x) far out hardly a gradient is left; an error is held against what arrived at the node, too."""
    text = SOFT.replace("  out: {op: mul_scalar, value: 0.5}", "  out: {op: sub, x: y, y: z}").replace(
        "[[1.0, 5.0, 21.0], [25.0, 19.0, 22.0]]", "[[24.0, 25.0, 26.0], [25.0, 29.0, 22.0]]"
    )
    problem = problem_of(tmp_path, text, dtype="float64")
    wrong = spoiled(problem, "grad/y", ..., by=1e-9, scale=1.0)
    listed = entry(tmp_path, tensor="grad/x", at_most={"relative": 2e-9})
    assert rows_of(problem, wrong, listed)["grad/y"].verdict == "known"
    worse = spoiled(problem, "grad/y", ..., by=1e-8, scale=1.0)
    assert rows_of(problem, worse, listed)["grad/y"].verdict == "diverges"


@pytest.mark.parametrize(("row", "verdict"), [(0, "known"), (1, "diverges")])
def test_a_row_is_known_by_its_own_measure(far: Problem, tmp_path: Path, row: int, verdict: str) -> None:
    """The first row is far from zero, the second is not."""
    listed = entry(tmp_path, **ROWS)
    found = rows_of(far, spoiled(far, "output/n", (row,), by=1e-3), listed)
    assert found["output/n"].verdict == verdict


def test_a_sum_over_rows_is_known_by_the_worst_of_them(far: Problem, tmp_path: Path) -> None:
    """The gradient of the weight has all rows in it; without a row that is far from zero it diverges."""
    wrong = spoiled(far, "grad/n.weight", (0,), by=1e-3, scale=1.0)
    listed = entry(tmp_path, **ROWS, tensor="grad/weight")
    assert rows_of(far, wrong, listed)["grad/n.weight"].verdict == "known"
    farther = {**ROWS["when"], "above": 400}
    other = entry(tmp_path, **{**ROWS, "when": farther}, tensor="grad/weight")
    assert rows_of(far, wrong, other)["grad/n.weight"].verdict == "diverges"


@pytest.mark.parametrize(("roundoffs", "verdict"), [(1e-3, "diverges"), (10, "known"), (1e4, "known")])
def test_how_large_it_gets_grows_with_the_measure(far: Problem, tmp_path: Path, roundoffs: float, verdict: str) -> None:
    """Of an error of 1e-3, at a mean of 270 deviations."""
    listed = entry(tmp_path, **{**ROWS, "at_most": {"roundoffs": roundoffs, "times": ["measure squared"]}})
    assert rows_of(far, spoiled(far, "output/n", (0,), by=1e-3), listed)["output/n"].verdict == verdict


def test_where_no_digit_is_left_nan_may_come(far: Problem, tmp_path: Path) -> None:
    """From 1 / u roundoffs on; below that a number is expected."""
    wrong = spoiled(far, "output/n", (0,), by=np.nan)
    for roundoffs, verdict in ((10, "diverges"), (1e4, "known")):
        listed = entry(tmp_path, **{**ROWS, "at_most": {"roundoffs": roundoffs, "times": "measure squared"}})
        assert rows_of(far, wrong, listed)["output/n"].verdict == verdict


def test_a_divergence_that_vanished_from_its_own_network_fails(soft: Problem, tmp_path: Path) -> None:
    """The list would go stale in silence; a row says which entry to take off."""
    listed = entry(tmp_path, shows={"in": tmp_path / "mine.yaml"})
    rows = rows_of(soft, computed(soft), listed)
    assert rows["output/z"].verdict == "conforms"
    gone = rows["vanished"]
    assert (gone.verdict, gone.tensor, gone.node, gone.version) == ("diverges", "output/z", "z", "1.0")
    assert status_of(list(rows.values()), absent=False) == 1
    assert "vanished" not in rows_of(soft, spoiled(soft, "output/z", ABOVE), listed)
    worse = rows_of(soft, spoiled(soft, "output/z", ABOVE, by=1e-3), listed)
    assert worse["output/z"].verdict == "diverges"
    assert "vanished" not in worse, "nobody should take off an entry because its fault got worse"


def test_what_rounding_decides_takes_no_entry_off_the_list(tmp_path: Path) -> None:
    """In float16 nothing is left of a row 270 deviations from zero, so that what is listed of it cannot show there."""
    problem = problem_of(tmp_path, FAR, name="mine", dtype="float16")
    listed = entry(tmp_path, **{**ROWS, "shows": {"in": tmp_path / "mine.yaml"}})
    rows = rows_of(problem, spoiled(problem, "output/n", ([0], [1]), by=0.25), listed)
    assert (rows["output/n"].verdict, rows["output/n"].reason) == ("inconclusive", "undecided")
    assert "vanished" not in rows


@pytest.mark.parametrize(
    ("old", "new"),
    [("25.0", "24.0"), ("value: 0.5", "value: 0.25"), ("z: {op: softplus}", "z: {op: softplus}\n  more: {op: relu}")],
)
def test_a_name_means_nothing(tmp_path: Path, old: str, new: str) -> None:
    """A network of the listed name, with another number or node, is not the one that the list names."""
    listed = entry(tmp_path)
    problem = problem_of(tmp_path / "mine", SOFT.replace(old, new), name="listed", dtype="float64")
    assert problem.spec == listed.shows.network().name
    assert "vanished" not in rows_of(problem, computed(problem), listed)
    below = rows_of(problem, spoiled(problem, "output/z", ([0], [0])), listed)
    assert below["output/z"].verdict == "diverges"


def test_the_network_itself_is_found_wherever_it_lies(tmp_path: Path) -> None:
    """The twin: a copy of it under its own name."""
    same = problem_of(tmp_path / "copy", SOFT, name="listed", dtype="float64")
    assert "vanished" in rows_of(same, computed(same), entry(tmp_path))


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_is_the_same_network(tmp_path: Path, seed: int) -> None:
    """A case is drawn with `--seed` too, and must show what is listed."""
    text = SOFT.replace("value: [[1.0, 5.0, 21.0], [25.0, 19.0, 22.0]]", "uniform: [21.0, 30.0]")
    listed = entry(tmp_path, text)
    problem = problem_of(tmp_path / "run", f"seed: {seed}\n{text}", name="listed", dtype="float64")
    assert "vanished" in rows_of(problem, computed(problem), listed)


def test_the_lists_that_come_along_are_well_formed() -> None:
    """Every entry of specs/known has a reason, and a network that is there."""
    for listed in shipped():
        assert len(listed.reason) >= 20
        assert listed.shows.network().nodes


POOLED = """
about: Padded average pooling beside an addition.
inputs: {x: {shape: [1, 1, 4, 4], grad: true}, w: {shape: [1, 1, 4, 4], grad: true}}
nodes:
  p: {op: avg_pool2d, x: x, kernel_size: 3, stride: 1, padding: 1, count_include_pad: false}
  s: {op: add, x: p, y: w}
  out: {op: mul_scalar, value: 0.5}
"""
HANDED: dict[str, Any] = {
    "operator": "avg_pool2d",
    "attributes": {"count_include_pad": False},
    "tensor": "grad/output",
    "through": ["add"],
    "when": [],
    "at_most": {"relative": 1.0},
}


@pytest.mark.parametrize(
    ("by", "changes", "verdict"),
    [
        (-0.8, {}, "known"),
        (-0.8, {"through": []}, "diverges"),
        (-0.8, {"attributes": {"count_include_pad": True}}, "diverges"),
        (-0.8, {"attributes": {"kernel_size": 3}}, "known"),
        (-0.8, {"unless": {"padding": 0}}, "known"),
        (-0.8, {"unless": {"padding": 1}}, "diverges"),
        (-2.5, {}, "diverges"),
        (-2.5, {"at_most": {"relative": 1.0, "times": "window"}}, "known"),
    ],
)
def test_an_array_that_was_handed_on_and_overwritten(
    tmp_path: Path, by: float, changes: dict[str, Any], verdict: str
) -> None:
    """The gradient of the sum is the array that the pooling got, where the addition hands it on."""
    problem = problem_of(tmp_path, POOLED, name="mine")
    listed = entry(tmp_path, POOLED, **{**HANDED, **changes})
    assert rows_of(problem, spoiled(problem, "grad/s", (0, 0, 1), by=by), listed)["grad/s"].verdict == verdict


def test_what_was_sent_back_before_the_array_was_overwritten(tmp_path: Path) -> None:
    """It follows from the right numbers and is held against the spoilt ones; of another network it would be news."""
    problem = problem_of(tmp_path, POOLED, name="mine")
    listed = entry(tmp_path, POOLED, **{**HANDED, "tensor": "grad/behind", "at_most": {"relative": 9.0}})
    wrong = spoiled(problem, "grad/x", (0, 0, 1), by=3.0)
    assert rows_of(problem, wrong, listed)["grad/x"].verdict == "known"
    conv = POOLED.replace(
        "op: avg_pool2d, x: x, kernel_size: 3, stride: 1, padding: 1, count_include_pad: false", "op: neg, x: x"
    )
    other = problem_of(tmp_path / "other", conv, name="mine")
    assert rows_of(other, spoiled(other, "grad/x", (0, 0, 1), by=3.0), listed)["grad/x"].verdict == "diverges"
