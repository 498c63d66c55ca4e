"""At a kink any subgradient is right, what is shared is shared once, and nothing else is let through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.judge import judge
from gradconform.reasons import Code
from gradconform.rows import Row
from honest import Array, Fault, blamed, computed, problem_of, rows_of, write_capture

dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
SUBGRADIENT, AT_NAN = str(Code.SUBGRADIENT), str(Code.DERIVATIVE_AT_NAN)

TIES = """
about: Two that are equal in their first two elements, compared.
inputs:
  a: {shape: [4], value: [0, 2, 3, 1], grad: true}
  b: {shape: [4], value: [0, 2, 1, 3], grad: true}
nodes:
  x: {op: mul_scalar, x: a, value: 1}
  y: {op: mul_scalar, x: b, value: 1}
  m: {op: OPERATOR, x: x, y: y}
  z: {op: mul_scalar, x: m, value: 3}
cotangent: {value: [2, -5, 7, 11]}
"""
POOLED = """
about: Pooling behind a ReLU, over windows that have zeros in common.
values: [drawn, exact]
exact_output: p
inputs:
  x: {shape: [2, 3, 7, 7], normal: [-0.8, 1.0], grad: true}
nodes:
  r: {op: relu, x: x}
  p: {op: max_pool2d, x: r, kernel_size: 3, stride: 2, padding: 0}
  z: {op: tanh, x: p}
"""


def judged(problem: Problem, folder: Path, faults: dict[str, Fault]) -> dict[str, Row]:
    """tensor -> row of a capture in which something else goes on at a kink."""
    return {row.tensor: row for row in rows_of(problem, folder, computed(problem, faults))}


def reasons(rows: dict[str, Row]) -> dict[str, str]:
    """tensor -> reason of every row that says one and conforms."""
    return {name: str(row.reason) for name, row in rows.items() if row.reason and row.verdict == "conforms"}


def become(numbers: list[float]) -> Fault:
    """Numbers in the place of what was computed."""
    return lambda array: np.array(numbers, array.dtype).reshape(array.shape)


@dtypes
@pytest.mark.parametrize("operator", ["maximum", "minimum"])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_tie_may_be_shared_in_any_way(tmp_path: Path, dtype: str, operator: str, share: float) -> None:
    """One winner or an uneven share: both gradients conform, and say why."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", operator), dtype=dtype)
    wins = [0, 0, 21, 0] if operator == "maximum" else [0, 0, 0, 33]
    loses = [0, 0, 0, 33] if operator == "maximum" else [0, 0, 21, 0]
    x = [6 * share, -15 * share, *wins[2:]]
    y = [6 * (1 - share), -15 * (1 - share), *loses[2:]]
    rows = judged(problem, tmp_path / "capture", {"grad/x": become(x), "grad/y": become(y)})
    assert not blamed([*rows.values()])
    assert reasons(rows) == {"grad/x": SUBGRADIENT, "grad/y": SUBGRADIENT}
    assert rows["grad/x"].n_bad == 0
    assert rows["grad/x"].ratio == 0


def test_the_choice_of_the_reference_needs_no_reason(tmp_path: Path) -> None:
    """Halves are what it gives itself."""
    assert reasons(judged(problem_of(tmp_path, TIES.replace("OPERATOR", "maximum")), tmp_path / "capture", {})) == {}


@dtypes
@pytest.mark.parametrize("share", [0.0, 0.9, 1.0 + 1e-5])
def test_a_tie_is_not_shared_twice(tmp_path: Path, dtype: str, share: float) -> None:
    """The twin: each between nothing and all, but together not what there is. `m` is to blame, and nothing else is."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", "maximum"), dtype=dtype)
    x, y = [6 * share, -15 * share, 21, 0], [6 * share, -15 * share, 0, 33]
    rows = judged(problem, tmp_path / "capture", {"grad/x": become(x), "grad/y": become(y)})
    wrong = ("diverges", "value", "m")
    assert blamed([*rows.values()]) == {"grad/x": wrong, "grad/y": wrong}
    assert (rows["grad/x"].n_bad, rows["grad/x"].worst_index) == (
        2,
        "[1]" if share == 0 else rows["grad/x"].worst_index,
    )


@dtypes
def test_only_the_tie_that_is_shared_twice_diverges(tmp_path: Path, dtype: str) -> None:
    """The row of a tensor with a tie of each kind counts the one that is wrong."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", "maximum"), dtype=dtype)
    rows = judged(problem, tmp_path / "c", {"grad/x": become([6, -15, 21, 0]), "grad/y": become([0, -15, 0, 33])})
    assert {(rows[f"grad/{name}"].n_bad, rows[f"grad/{name}"].worst_index) for name in "xy"} == {(1, "[1]")}


@dtypes
@pytest.mark.parametrize(("at", "wrong"), [(2, 21 * (1 + 1e-4)), (3, 1e-3), (0, 6 * (1 + 1e-4)), (1, 1e-3)])
def test_nothing_but_a_subgradient_is_let_through(tmp_path: Path, dtype: str, at: int, wrong: float) -> None:
    """Beside a tie that the framework shares in its own way another element is wrong, or this one is out of reach."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", "maximum"), dtype=dtype)
    x = np.array([6.0, 0.0, 21.0, 0.0])
    x[at] = wrong
    rows = judged(problem, tmp_path / "capture", {"grad/x": become(list(x)), "grad/y": become([0, -15, 0, 33])})
    assert rows["grad/x"].verdict == "diverges"
    assert (rows["grad/x"].n_bad, rows["grad/x"].worst_index) == (1, f"[{at}]")
    assert rows["grad/x"].culprit == "m"


@dtypes
def test_a_partner_that_is_wrong_by_another_node_says_nothing_of_a_tie(tmp_path: Path, dtype: str) -> None:
    """x has a second reader, whose part is wrong: y took all of the tie, and that stays right."""
    text = TIES.replace("OPERATOR", "maximum").replace(
        "  z: ", "  t: {op: tanh, x: x}\n  n: {op: add, x: m, y: t}\n  z: "
    )
    problem = problem_of(tmp_path, text.replace("z: {op: mul_scalar, x: m", "z: {op: mul_scalar, x: n"), dtype=dtype)
    honest = computed(problem)["grad/x"]
    all_to_y = honest - np.array([3, -7.5, 0, 0])
    right = judged(problem, tmp_path / "right", {"grad/x": become(all_to_y), "grad/y": become([6, -15, 0, 33])})
    assert reasons(right) == {"grad/x": SUBGRADIENT, "grad/y": SUBGRADIENT}
    rows = judged(problem, tmp_path / "wrong", {"grad/x": become(all_to_y * 1.01), "grad/y": become([6, -15, 0, 33])})
    assert blamed([*rows.values()]) == {"grad/x": ("diverges", "value", "m t")}
    both = judged(problem, tmp_path / "both", {"grad/x": become(honest), "grad/y": become([6, -15, 0, 33])})
    assert blamed([*both.values()]) == {"grad/y": ("diverges", "value", "m")}


KINKS = {
    "relu": ("{op: relu, x: x}", [0, 1], [0, 1]),
    "leaky_relu": ("{op: leaky_relu, x: x, negative_slope: 0.25}", [0, 1], [0.25, 1]),
    "elu": ("{op: elu, x: x, alpha: 0.5}", [0, 1], [0.5, 1]),
    "abs": ("{op: abs, x: x}", [0, 1], [-1, 1]),
    "clamp": ("{op: clamp, x: x, min: 0, max: 1}", [0, 0.5], [0, 1]),
    "clamp_above": ("{op: clamp, x: x, min: -1, max: 0}", [0, -0.5], [0, 1]),
}


@dtypes
@pytest.mark.parametrize("name", KINKS)
def test_at_the_kinks_of_one_tensor_all_between_the_sides_is_right(tmp_path: Path, name: str, dtype: str) -> None:
    """Both ends and what lies between them; beyond, it diverges, as it does beside the kink."""
    node, x, (low, high) = KINKS[name]
    text = f"inputs: {{x: {{shape: [2], value: {x}, grad: true}}}}\nnodes: {{y: {node}}}\ncotangent: {{value: [-8, 4]}}"
    problem = problem_of(tmp_path, "about: A kink.\n" + text, dtype=dtype)
    beside = float(computed(problem)["grad/x"][1])
    for part in (low, high, 0.75 * low + 0.25 * high):
        rows = judged(problem, tmp_path / f"{part}", {"grad/x": become([-8 * part, beside])})
        assert rows["grad/x"].verdict == "conforms"
        assert set(reasons(rows).values()) <= {SUBGRADIENT}
    for spoilt in ([-8 * (high + 1e-3), beside], [-8 * (low - 1e-3), beside], [-8 * high, beside * 1.001]):
        rows = judged(problem, tmp_path / f"{spoilt}", {"grad/x": become(spoilt)})
        assert blamed([*rows.values()]) == {"grad/x": ("diverges", "value", "y")}


@dtypes
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_at_equality_l1_loss_gives_its_two_sides_opposite_numbers(tmp_path: Path, dtype: str, reduction: str) -> None:
    """Any number between, as long as the target has the same with the other sign."""
    text = f"""
about: A target that is met.
inputs: {{x: {{shape: [3], value: [1, 2, 3], grad: true}}, t: {{shape: [3], value: [1, 4, 3], grad: true}}}}
nodes: {{loss: {{op: l1_loss, x: x, target: t, reduction: {reduction}}}}}
cotangent: {{value: 3}}
"""
    problem = problem_of(tmp_path, text, dtype=dtype)
    one = float(computed(problem)["grad/t"][1])
    honest = {"grad/x": become([one, -one, -0.5 * one]), "grad/t": become([-one, one, 0.5 * one])}
    assert reasons(judged(problem, tmp_path / "right", honest)) == {"grad/x": SUBGRADIENT, "grad/t": SUBGRADIENT}
    alike = honest | {"grad/t": become([one, one, 0.5 * one])}
    wrong = ("diverges", "value", "loss")
    assert blamed([*judged(problem, tmp_path / "wrong", alike).values()]) == {"grad/x": wrong, "grad/t": wrong}


def shared(problem: Problem, how: str) -> Fault:
    """A gradient of pooling: all to the `last` that ties, to each an `even` share, or to each the `full` one."""
    outputs = computed(problem)
    r, dy = outputs["output/r"].astype(float), outputs.get("grad/p", problem.cotangent).astype(float)

    def fault(array: Array) -> Array:
        found = np.zeros(r.shape)
        for n, c, i, j in np.ndindex(dy.shape):
            at = (n, c, slice(2 * i, 2 * i + 3), slice(2 * j, 2 * j + 3))
            ties = (r[at] == r[at].max()).astype(float)
            if how == "last":
                ties = np.where(np.arange(9).reshape(3, 3) == np.flatnonzero(ties)[-1], 1.0, 0.0)
            found[at] += dy[n, c, i, j] * (ties / ties.sum() if how == "even" else ties)
        return found.astype(array.dtype)

    return fault


@dtypes
@pytest.mark.parametrize("values", ["drawn", "exact"])
@pytest.mark.parametrize("how", ["last", "even"])
def test_zeros_that_tie_in_a_pooled_network_share_as_they_like(
    tmp_path: Path, dtype: str, values: str, how: str
) -> None:
    """Behind a ReLU, with windows that overlap; of exact numbers too."""
    problem = problem_of(tmp_path, POOLED, dtype=dtype, values=values)
    rows = judged(problem, tmp_path / "capture", {"grad/r": shared(problem, how)})
    assert not blamed([*rows.values()])
    assert rows["grad/r"].reason == SUBGRADIENT


@dtypes
@pytest.mark.parametrize(("values", "reason"), [("drawn", "value"), ("exact", "not_bitwise")])
def test_zeros_that_tie_do_not_each_have_all(tmp_path: Path, dtype: str, values: str, reason: str) -> None:
    """The twin, in the same network."""
    problem = problem_of(tmp_path, POOLED, dtype=dtype, values=values)
    rows = judged(problem, tmp_path / "capture", {"grad/r": shared(problem, "full")})
    assert blamed([*rows.values()]) == {"grad/r": ("diverges", reason, "p")}
    assert rows["grad/r"].n_bad > 10


NANS = """
about: A tensor with a NaN, and what chooses by it.
inputs:
  x: {shape: [3], value: [.nan, 1, -1], grad: true}
  other: {shape: [3], value: [0, 0, 0]}
nodes:
  y: NODE
cotangent: {value: [5, 6, 7]}
"""


@dtypes
@pytest.mark.parametrize(
    "node",
    ["{op: relu, x: x}", "{op: abs, x: x}", "{op: clamp, x: x, min: -2, max: 2}", "{op: maximum, x: x, y: other}"],
)
@pytest.mark.parametrize("given", [123.0, np.nan])
def test_a_derivative_at_a_nan_is_laid_aside(tmp_path: Path, dtype: str, node: str, given: float) -> None:
    """Whatever it is; a wrong element beside it is not."""
    problem = problem_of(tmp_path, NANS.replace("NODE", node), dtype=dtype)
    honest = computed(problem)["grad/x"]
    rows = judged(problem, tmp_path / "right", {"grad/x": become([given, *honest[1:]])})
    assert not blamed([*rows.values()])
    assert rows["grad/x"].reason == AT_NAN
    rows = judged(problem, tmp_path / "wrong", {"grad/x": become([given, honest[1] + 1, honest[2]])})
    assert blamed([*rows.values()]) == {"grad/x": ("diverges", "value", "y")}
    assert rows["grad/x"].n_bad == 1


@dtypes
@pytest.mark.parametrize("given", [np.inf, -np.inf, np.nan, 0.0])
def test_an_infinity_that_arrives_at_a_kink_is_no_nan(tmp_path: Path, dtype: str, given: float) -> None:
    """From -inf to inf all is a subgradient, NaN too, as zero times infinity; what is wrong beside it is found."""
    text = "about: A kink.\ninputs: {x: {shape: [2], value: [0, 1], grad: true}}\nnodes: {y: {op: abs, x: x}}\n"
    problem = problem_of(tmp_path, text + "cotangent: {value: [.inf, 4]}", dtype=dtype)
    rows = judged(problem, tmp_path / "right", {"grad/x": become([given, 4])})
    assert not blamed([*rows.values()])
    assert reasons(rows) == ({} if given == 0 else {"grad/x": SUBGRADIENT})
    rows = judged(problem, tmp_path / "wrong", {"grad/x": become([given, 4.001])})
    assert blamed([*rows.values()]) == {"grad/x": ("diverges", "value", "y")}


@dtypes
@pytest.mark.parametrize("arrives", [".nan", ".inf"])
@pytest.mark.parametrize("node", ["{op: relu, x: x}", "{op: clamp, x: x, min: 0, max: 4}"])
def test_zero_times_what_is_no_number_may_be_none(tmp_path: Path, dtype: str, arrives: str, node: str) -> None:
    """A framework that selects gives 0 where a ReLU sends nothing back, one that multiplies NaN; nothing else goes."""
    text = (
        f"about: Off the kink.\ninputs: {{x: {{shape: [3], value: [-1, -1, 2], grad: true}}}}\nnodes: {{y: {node}}}\n"
    )
    problem = problem_of(tmp_path, text + f"cotangent: {{value: [{arrives}, 3, 4]}}", dtype=dtype)
    for given in (0.0, np.nan):
        rows = judged(problem, tmp_path / f"{given}", {"grad/x": become([given, 0, 4])})
        assert not blamed([*rows.values()])
    for wrong in ([1.0, 0, 4], [np.nan, np.nan, 4], [np.nan, 0, np.nan], [np.nan, 0, 4.001]):
        rows = judged(problem, tmp_path / f"{wrong}", {"grad/x": become(wrong)})
        assert {verdict for verdict, _, _ in blamed([*rows.values()]).values()} == {"diverges"}


def test_another_route_may_choose_otherwise(tmp_path: Path) -> None:
    """Each is right by itself, and the row of the other says why they differ; a wrong one is still found."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", "maximum"))
    other = computed(problem, {"grad/x": become([6, -15, 21, 0]), "grad/y": become([0, 0, 0, 33])})
    wrong = computed(problem, {"grad/x": become([6, -15, 21, 1]), "grad/y": become([0, 0, 0, 33])})
    seen = {}
    for name, tensors in {"right": other, "wrong": wrong}.items():
        folders = tmp_path / name / "first", tmp_path / name / "second"
        primary = write_capture(problem, folders[0], computed(problem), framework="f")
        second = write_capture(problem, folders[1], tensors, framework="f", route="second")
        rows = judge(problem.folder, {"f": primary, "f@second": second})
        seen[name] = {row.tensor: row for row in rows if row.check.startswith("route:")}
    assert {str(row.verdict) for row in seen["right"].values()} == {"conforms"}
    assert reasons(seen["right"])["grad/x"] == SUBGRADIENT
    assert seen["wrong"]["grad/x"].verdict == "diverges"


def test_what_two_nodes_let_share_is_summed_together(tmp_path: Path) -> None:
    """A pair that ties in a maximum and in a minimum: each may have all of both, but not both of them."""
    text = TIES.replace("OPERATOR", "maximum").replace(
        "  z: ", "  n: {op: minimum, x: x, y: y}\n  s: {op: sub, x: m, y: n}\n  z: "
    )
    problem = problem_of(tmp_path, text.replace("z: {op: mul_scalar, x: m", "z: {op: mul_scalar, x: s"))
    x, y = [6, 15, 21, -33], [-6, -15, -21, 33]
    rows = judged(problem, tmp_path / "right", {"grad/x": become(x), "grad/y": become(y)})
    assert reasons(rows) == {"grad/x": SUBGRADIENT, "grad/y": SUBGRADIENT}
    rows = judged(problem, tmp_path / "wrong", {"grad/x": become(x), "grad/y": become([6, *y[1:]])})
    wrong = ("diverges", "value", "m n")
    assert blamed([*rows.values()]) == {"grad/x": wrong, "grad/y": wrong}
    assert {(rows[f"grad/{name}"].n_bad, rows[f"grad/{name}"].worst_index) for name in "xy"} == {(1, "[0]")}


def test_a_tie_whose_partner_is_missing_is_held_between_its_ends(tmp_path: Path) -> None:
    """Nobody knows what the other one has."""
    problem = problem_of(tmp_path, TIES.replace("OPERATOR", "maximum"))
    tensors = computed(problem, {"grad/x": become([6, 0, 21, 0])})
    del tensors["grad/y"]
    rows = {row.tensor: row for row in rows_of(problem, tmp_path / "right", tensors)}
    assert (rows["grad/x"].verdict, str(rows["grad/x"].reason)) == ("conforms", SUBGRADIENT)
    tensors["grad/x"] = become([6.1, 0, 21, 0])(tensors["grad/x"])
    rows = {row.tensor: row for row in rows_of(problem, tmp_path / "wrong", tensors)}
    assert (rows["grad/x"].verdict, rows["grad/x"].n_bad) == ("diverges", 1)
