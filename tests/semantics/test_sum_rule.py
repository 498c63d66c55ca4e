"""The sum rule, against numbers worked out by hand, and the words for what differs from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from behaviour_runs import behaviour, gave, problem_of, rows_of
from gradconform.behaviour import Answer, Program, Word, right
from gradconform.contract import ContractError, read_capture
from gradconform.judge import judge
from gradconform.rows import Verdict

NAN = float("nan")
# h = 2 x, y = h w, x = [3, -1], w = [2, 4], dy = [1, 5]: dx = 2 w dy = [4, 40], dw = h dy = [6, -10], dh = w dy.
TWICE = "[forward, {backward: {keep_graph: true}}, backward]"
KEPT = "[forward, {keep: {tensors: [h]}}, backward, backward]"
FILLED = "[forward, {keep: {tensors: [h]}}, {fill: {tensor: h, value: 7}}, backward]"
CLEARED = "[forward, backward, {clear: {to: zeros}}, backward]"
SET = "[forward, {set: {tensor: x, value: [5, 2]}}, forward, backward]"
UNSEEN = "[forward, {set: {tensor: x, value: [5, 2]}}, backward]"
CHANGED = "[forward, {change: {tensor: h, value: [7, 3]}}, backward]"
GRAD = "[forward, {grad: {of: y, in: [x, h], as: g}}]"
STORE = "[forward, {grad: {of: y, in: [x], as: g, store: true, keep: true}}]"
NONE = "[forward, {backward: {cotangent: none}}]"
SCALAR = (
    "    inputs: {x: {shape: [2], value: [3, -1], grad: true}}\n"
    "    nodes: {h: {op: square, x: x}, y: {op: sum, x: h, dim: [0], keepdim: false}}\n"
)
TANH = (
    "    inputs: {x: {shape: [2], value: [0, 0], grad: true}}\n"
    "    nodes: {h: {op: tanh, x: x}, y: {op: mul_scalar, x: h, value: 2}}\n    cotangent: {value: [1, 5]}\n"
)
SQUARE = (
    "    inputs: {x: {shape: [2], value: [3, -1], grad: true}}\n"
    "    nodes: {y: {op: square, x: x}}\n    cotangent: {value: [1, 5]}\n"
)
COPIES = "{forward: {through_numpy: [h]}}"
COPIED = f"[{COPIES}, {{set: {{tensor: x, value: [5, 2]}}}}, {COPIES}, backward]"

RIGHT = [
    (TWICE, "[grad/x, grad/w]", "", ([8, 80], [12, -20]), "adds"),
    (KEPT, "[grad/h]", "", ([4, 40],), "adds"),
    ("[forward, backward]", "[grad/h, grad/y, output/y]", "", (None, None, [12, -8]), "none"),
    (FILLED, "[grad/h, grad/x]", "", ([9, 27], [4, 40]), "adds"),
    (CLEARED, "[grad/x]", "", ([4, 40],), "gives"),
    ("[forward, backward, clear]", "[grad/x]", "", (None,), "none"),
    ("[forward, backward, {clear: {to: zeros}}]", "[grad/x]", "", ([0, 0],), "zeros"),
    ("[{fill: {tensor: x, value: 7}}, forward, backward]", "[grad/x]", "", ([11, 47],), "adds"),
    ("[{fill: {tensor: x, value: .nan}}, forward, backward]", "[grad/x]", "", ([NAN, NAN],), "nan"),
    (SET, "[grad/w, output/y]", "", ([10, 20], [20, 16]), "gives"),
    (UNSEEN, "[grad/w, output/y]", "", ([6, -10], [12, -8]), "gives"),
    (CHANGED, "[grad/w, output/h]", "", ([6, -10], [7, 3]), "gives"),
    (GRAD, "[result/g/x, result/g/h, grad/x]", "", ([4, 8], [2, 4], None), "gives"),
    (STORE, "[grad/x, grad/y, grad/h, grad/w]", "", ([4, 8], [1, 1], [2, 4], None), "gives"),
    (NONE, "[grad/x]", SCALAR, ([6, -2],), "ones"),
    ("[forward, {backward: {cotangent: zeros}}]", "[grad/x]", "", ([0, 0],), "zeros"),
    ("[{forward: {no_grad: [h]}}, backward]", "[grad/x, grad/w]", "", (None, [6, -10]), "none"),
    ("[{forward: {no_grad: all}}, backward]", "[grad/w]", "", (None,), "none"),
    ("[{forward: {detach: [h]}}, backward]", "[grad/x, grad/w]", "", (None, [6, -10]), "none"),
    (COPIED, "[grad/x, grad/w, output/y]", "", (None, [10, 20], [20, 16]), "none"),
    ("[forward, {keep: {tensors: [h]}}, backward, forward]", "[grad/h, grad/x]", "", (None, [4, 40]), "none"),
    ("[forward, {backward: {of: h}}]", "[grad/x, grad/w]", "", ([2, 10], None), "gives"),
]

WRONG = [
    (TWICE, "[grad/x]", "", [4, 40], "overwrites"),
    (FILLED, "[grad/h]", "", [2, 20], "overwrites"),
    (FILLED, "[grad/x]", "", [18, 54], "leaks"),
    (CLEARED, "[grad/x]", "", [8, 80], "uncleared"),
    (CLEARED, "[grad/x]", "", None, "none"),
    ("[forward, backward]", "[grad/x]", "", [0, 0], "zeros"),
    (CLEARED, "[grad/x]", "", [0, 0], "stale"),
    (CLEARED, "[grad/x]", "", [NAN, NAN], "nan"),
    (CLEARED, "[grad/x]", "", [4, 41], "other [4, 41]"),
    (SET, "[grad/w]", "", [6, -10], "stale"),
    (SET, "[output/y]", "", [12, -8], "stale"),
    (COPIED, "[output/y]", "", [12, -8], "stale"),
    ("[forward, {keep: {tensors: [h]}}, backward, forward]", "[grad/h]", "", [2, 20], "stale"),
    (UNSEEN, "[grad/x]", SQUARE, [10, 20], "rewritten"),
    (CHANGED, "[grad/w]", "", [7, 15], "rewritten"),
    ("[forward, {change: {tensor: h, value: [2, 3]}}, backward]", "[grad/x]", TANH, [-6, -80], "rewritten"),
    ("[forward, backward]", "[grad/h]", "", [2, 20], "unasked"),
    (KEPT.replace("tensors: [h]", "tensors: [y]"), "[grad/h]", "", [2, 20], "unasked"),
    (GRAD, "[grad/x]", "", [4, 8], "stores"),
    (GRAD, "[grad/x]", "", [0, 0], "zeros"),
    (NONE, "[grad/x]", "", [4, 8], "ones"),
    ("[{forward: {no_grad: [h]}}, backward]", "[grad/x]", "", [4, 40], "flows"),
    ("[{forward: {detach: [h]}}, backward]", "[grad/x]", "", [4, 40], "flows"),
]


@pytest.mark.parametrize(("script", "ask", "network", "expected", "word"), RIGHT)
def test_the_right_answers_are_those_worked_out_by_hand(tmp_path, script, ask, network, expected, word):
    """The numbers, none where there is no gradient; a capture that has them conforms, with the plainest word."""
    problem = problem_of(tmp_path, behaviour(script, ask, network))
    for answer, numbers in zip(right(Program.of_problem(problem)), expected, strict=True):
        assert answer.same(Answer("none") if numbers is None else Answer("value", np.asarray(numbers, float)))
    rows = rows_of(problem, tmp_path / "capture", gave(*expected))
    assert {row.verdict for row in rows} == {Verdict.CONFORMS}
    assert (rows[0].reason, rows[0].answered.right) == (word, word)


@pytest.mark.parametrize(("script", "ask", "network", "got", "word"), WRONG)
def test_what_differs_has_the_word_of_its_habit(tmp_path, script, ask, network, got, word):
    """The twin: other numbers than the right ones diverge, and the node, the numbers and what is right are told."""
    problem = problem_of(tmp_path, behaviour(script, ask, network))
    (row,) = rows_of(problem, tmp_path / "capture", gave(got))
    assert row.verdict == Verdict.DIVERGES
    assert row.reason.startswith(f"{word}: ")
    assert row.reason.endswith(" is right")
    assert row.culprit == row.node != ""
    assert row.answered.right in set(Word)


def test_the_first_element_that_differs_is_shown(tmp_path):
    """Got and expected are of that element, the errors of all."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x]"))
    (row,) = rows_of(problem, tmp_path / "capture", gave([4, 30]))
    assert (row.worst_index, row.got, row.expected, row.n_bad) == ("[1]", 30, 40, 1)
    assert (row.max_abs_err, row.max_rel_err) == (10, 0.25)
    assert (row.node, row.op, row.kind, row.shape) == ("h", "mul_scalar", "grad_input", "[2]")


def test_an_exception_names_its_step(tmp_path):
    """`raises` is told with the step, counted from 1, and what it says; it is right only where the sum rule raises."""
    wrong = problem_of(tmp_path / "a", behaviour("[forward, backward]", "[grad/x]"))
    error = {"error": "RuntimeError: no"}
    (row,) = rows_of(wrong, tmp_path / "a" / "capture", [Answer("raises", step=1)], asked=error)
    assert row.reason == "raises: in step 2, backward: RuntimeError: no; gives [4, 40] is right"
    (row,) = rows_of(wrong, tmp_path / "a" / "capture", [Answer("raises")], asked=error)
    assert row.reason.startswith("raises: on reading: RuntimeError: no")
    fine = problem_of(tmp_path / "b", behaviour(NONE, "[grad/x]"))
    (row,) = rows_of(fine, tmp_path / "b" / "capture", [Answer("raises", step=1)], asked=error)
    assert (row.verdict, row.reason) == (Verdict.CONFORMS, "raises")
    (row,) = rows_of(fine, tmp_path / "b" / "capture", [Answer("raises", step=0)], asked=error)
    assert row.verdict == Verdict.DIVERGES


def test_a_reused_buffer_is_no_gradient_of_none(tmp_path):
    """Not reading it is honest and no right answer, not even where none is right."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/h]"))
    (row,) = rows_of(problem, tmp_path / "capture", gave(None), asked={"reason": "buffer_reused"})
    assert (row.verdict, row.reason.partition(":")[0]) == (Verdict.DIVERGES, "reused")


def test_another_dtype_or_shape_is_not_right(tmp_path):
    """Right numbers in float64, or one number in the place of a row, diverge."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x]"))
    wide = [Answer("value", np.asarray([4, 40], "int64"))]
    for answers in (wide, gave([[4, 40]])):
        (row,) = rows_of(problem, tmp_path / "capture", answers)
        assert row.verdict == Verdict.DIVERGES
        assert row.reason.startswith("other ")


@pytest.mark.parametrize(
    ("got", "word"),
    [
        ([1, 5, -7], "subgradient [1, 5, -7]"),
        ([-3, 5, -7], "subgradient [-3, 5, -7]"),
        ([4, 5, -7], "other [4, 5, -7]"),
        ([1, 4, -7], "other [1, 4, -7]"),
    ],
)
def test_a_subgradient_lies_between_the_one_sided_derivatives(tmp_path, got, word):
    """At 0 anything from -3 to 3 may be the derivative of 3 |x|; elsewhere nothing but the right number."""
    network = (
        "    inputs: {x: {shape: [3], value: [0, 2, -4], grad: true}}\n"
        "    nodes: {y: {op: abs, x: x}}\n    cotangent: {value: [3, 5, 7]}\n"
    )
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x]", network))
    (row,) = rows_of(problem, tmp_path / "capture", gave(got))
    assert row.reason == f"{word}: gives [0, 5, -7] is right"


def test_unsupported_is_a_row_for_each_ask_and_a_crash_one(tmp_path):
    """In the framework's words; neither passes for an answer."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x, grad/w]"))
    told = {"status": "unsupported", "reason": "has no such step"}
    rows = rows_of(problem, tmp_path / "capture", gave([4, 40], [6, -10]), **told)
    assert [(r.tensor, r.verdict, r.reason) for r in rows] == [
        (ask, "unsupported", "has no such step") for ask in ("grad/x", "grad/w")
    ]
    (row,) = rows_of(problem, tmp_path / "capture", gave([4, 40], [6, -10]), status="crashed", reason="fell over")
    assert (row.verdict, row.check, row.reason) == ("crashed", "semantics", "fell over")


def test_another_route_through_a_script_is_not_judged_twice(tmp_path):
    """The script says itself how gradients are asked for."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x]"))
    rows_of(problem, tmp_path / "capture", gave([4, 40]))
    rows = judge(problem.folder, dict.fromkeys(("honest", "honest@hooks"), tmp_path / "capture"))
    assert [row.route for row in rows] == ["script"]


@pytest.mark.parametrize("asked", [[], ["grad/w"]])
def test_a_capture_that_does_not_answer_every_ask_is_refused(tmp_path, asked):
    """By its name: a lost answer is no pass."""
    problem = problem_of(tmp_path, behaviour("[forward, backward]", "[grad/x]"))
    entries = [{"ask": ask, "outcome": "none"} for ask in asked]
    rows_of(problem, tmp_path / "capture", gave([4, 40]))
    place = tmp_path / "capture" / "capture.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "asked": entries}))
    with pytest.raises(ContractError, match="expected grad/x"):
        read_capture(tmp_path / "capture", problem)
    place.write_text(json.dumps({**json.loads(place.read_text()), "asked": [{"ask": "grad/x", "outcome": "none"}]}))
    with pytest.raises(ContractError, match="expected ask/0 in the tensors for a value, and only then"):
        read_capture(tmp_path / "capture", problem)


def test_every_word_is_in_the_guide():
    """reports/README.md has each word with its sentence."""
    guide = (Path(__file__).parents[2] / "reports" / "README.md").read_text(encoding="utf-8")
    for word in Word:
        assert f"| `{word}` | {word.about} |" in guide
