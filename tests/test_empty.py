"""An extent of zero: what is drawn and judged of it, what is refused, and what a framework says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fake_adapter import fake
from gradconform.command.main import main
from gradconform.judge import judge
from gradconform.reasons import Code
from gradconform.reference import OPERATORS, ShapeError
from gradconform.reference.network import reference_of
from gradconform.report.files import read
from gradconform.rows import CheckKind, Row, Verdict
from honest import computed, problem_of, write_capture

EMPTY = """
about: An empty batch through layers that need no element, and a sum.
values: [drawn, exact]
inputs: {x: {shape: [0, 3], grad: true}}
nodes:
  h: {op: linear, x: x, out_features: 4, bias: true}
  r: {op: relu, x: h}
  y: {op: sum, x: r, dim: [0], keepdim: false}
"""


def rows_of(folder: Path, values: str, faults: dict[str, object] | None = None) -> list[Row]:
    """What the judge says of an honest framework, or of one with faults, at an empty batch."""
    problem = problem_of(folder, EMPTY, values=values)
    given = {**computed(problem), **(faults or {})}
    capture = write_capture(problem, folder / "capture", given)
    rows = judge(problem.folder, {"honest": capture})
    return [row for row in rows if row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT)]


@pytest.mark.parametrize("values", ["drawn", "exact"])
def test_an_empty_batch_conforms(values: str, tmp_path: Path) -> None:
    """The output is the sum of nothing, the weight's gradient is zero, and a tensor without elements says little."""
    rows = {row.tensor: row for row in rows_of(tmp_path, values)}
    assert {row.verdict for row in rows.values()} == {Verdict.CONFORMS}
    assert rows["output/h"].shape == "[0, 4]"
    assert rows["output/h"].reason.code is Code.UNINFORMATIVE
    assert rows["grad/h.weight"].shape == "[4, 3]"


@pytest.mark.parametrize(
    ("tensor", "wrong", "reason"),
    [
        ("output/r", np.zeros((1, 4), "float32"), Code.SHAPE),
        ("output/r", np.zeros((4,), "float32"), Code.SHAPE),
        ("output/r", np.zeros((0, 4), "float64"), Code.DTYPE),
        ("grad/x", np.zeros((0, 4), "float32"), Code.SHAPE),
        ("grad/h.weight", np.ones((4, 3), "float32"), Code.VALUE),
        ("output/y", np.full((4,), np.nan, "float32"), Code.NONFINITE),
    ],
)
def test_what_is_wrong_of_an_empty_batch_diverges(tensor: str, wrong: object, reason: Code, tmp_path: Path) -> None:
    """The twin: another shape or dtype, numbers where there is nothing to sum."""
    rows = {row.tensor: row for row in rows_of(tmp_path, "drawn", {tensor: wrong})}
    assert rows[tensor].verdict == Verdict.DIVERGES
    assert rows[tensor].reason.code is reason


@pytest.mark.parametrize(
    ("op", "shapes", "attributes"),
    [
        ("amax", [(2, 0)], {"dim": [1], "keepdim": False}),
        ("amin", [(0, 3)], {"dim": [0], "keepdim": True}),
        ("var", [(0, 3)], {"dim": [0], "correction": 0, "keepdim": False}),
        ("layer_norm", [(2, 0)], {}),
        ("rms_norm", [(2, 0)], {}),
        ("group_norm", [(2, 4, 0)], {"num_groups": 2}),
        ("instance_norm", [(2, 4, 0)], {}),
        ("batch_norm", [(0, 4, 3)], {"training": True}),
        ("weight_norm", [(2, 0), (2,)], {"dim": 0}),
        ("cross_entropy", [(3, 0), (3,)], {"reduction": "none"}),
        ("replication_pad", [(2, 0)], {"padding": [[0, 0], [1, 0]]}),
        ("circular_pad", [(2, 0)], {"padding": [[0, 0], [1, 0]]}),
    ],
)
def test_what_has_no_value_over_nothing_is_refused(
    op: str, shapes: list[tuple[int, ...]], attributes: dict[str, object]
) -> None:
    """The largest of nothing, its norm, its moments, an edge to repeat: with an element there they are taken."""
    operator = OPERATORS[op]
    with pytest.raises(ShapeError):
        operator.output_shape(dict(zip(operator.tensors, shapes, strict=True)), attributes)
    grown = [tuple(extent or 2 for extent in shape) for shape in shapes]
    operator.output_shape(dict(zip(operator.tensors, grown, strict=True)), attributes)


@pytest.mark.parametrize(("op", "value"), [("sum", 0.0), ("prod", 1.0), ("logsumexp", -np.inf), ("mean", np.nan)])
def test_what_has_a_value_over_nothing_gives_it(op: str, value: float) -> None:
    """The sum, the product and log 0; the mean is 0 / 0, and its gradient has no element."""
    x, attributes = np.zeros((2, 0)), {"dim": [1], "keepdim": False}
    with np.errstate(all="ignore"):
        (y,) = OPERATORS[op].run_forward((x,), attributes)
        (dx,) = OPERATORS[op].run_vjp(np.ones(2), (x,), attributes)
    np.testing.assert_array_equal(y, np.full(2, value))
    assert dx.shape == (2, 0)


def test_an_exact_problem_may_be_empty(tmp_path: Path) -> None:
    """Nothing is rounded where there is nothing."""
    problem = problem_of(tmp_path, EMPTY, values="exact")
    assert problem.value("x").shape == (0, 3)
    assert reference_of(problem)["output/y"].tolist() == [0, 0, 0, 0]


SAYS = "if x.size == 0:\n    {}\nreturn np.maximum(x, 0)"


@pytest.mark.process
@pytest.mark.parametrize(
    ("raised", "verdict", "said"),
    [
        (
            "raise ValueError('an array\\n  of no elements')",
            "unsupported",
            "empty tensor here: an array of no elements",
        ),
        ("raise ZeroDivisionError('division by zero')", "crashed", "ZeroDivisionError: division by zero"),
        ("raise IndexError('0 is out of range')", "crashed", "IndexError: 0 is out of range"),
        ("pass", "conforms", ""),
    ],
)
def test_a_refusal_is_told_from_a_failure(
    raised: str, verdict: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that says no to an empty tensor is `unsupported`, with its words; a failure inside is `crashed`."""
    rows = ran(SAYS.format(raised), "[0, 2]", tmp_path, monkeypatch)
    assert {row["verdict"] for row in rows} == {verdict}
    assert all(said in row["reason"] for row in rows)


@pytest.mark.process
def test_the_same_words_about_elements_are_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: where the tensor has elements there was nothing to refuse."""
    (row,) = ran("raise ValueError('an array of no elements')", "[3, 2]", tmp_path, monkeypatch)
    assert row["verdict"] == "crashed"


def ran(op: str, shape: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The rows of a network of one relu in an adapter that has its own."""
    adapter = fake(folder, monkeypatch, op=op)
    spec = folder / "one.yaml"
    inputs = f"inputs: {{x: {{shape: {shape}, grad: true}}}}"
    spec.write_text(f"about: x\ndtypes: [float32]\n{inputs}\nnodes: {{y: {{op: relu}}}}\n", encoding="utf-8")
    CliRunner().invoke(main, ["run", str(spec), "--adapter", str(adapter), "--out", str(folder / "out")])
    frame = read(folder / "out")
    return frame[frame.check.isin(["local", "exact"])].to_dict("records")
