"""Claims: printed results in a spec, each told apart by the judge into those that hold and those that do not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradconform.command.exits import status_of
from gradconform.contract import ContractError, read_problem
from gradconform.contract.run import RunInfo
from gradconform.judge import judge
from gradconform.report.claims import claims_of, in_a_line
from gradconform.report.page import page
from gradconform.report.summary import Summary
from gradconform.rows import Row, Verdict
from gradconform.spec import SpecError, load
from honest import Fault, computed, problem_of, write_capture

NETWORK = """\
about: Thirds and tenths, which no dtype holds exactly, and a branch that leads nowhere.
values: [drawn, exact]
exact_output: whole
inputs:
  x: {shape: [4], value: [1, 2, 3, 4], grad: true}
  w: {shape: [9], value: 1, grad: true}
nodes:
  whole:  {op: mul_scalar, x: x, value: 2}
  tenth:  {op: mul_scalar, x: x, value: 0.1}
  third:  {op: mul_scalar, x: x, value: 0.3333333333333333}
  branch: {op: mul_scalar, x: w, value: 5}
  y:      {op: add, x: tenth, y: third}
cotangent: {value: 1}
"""
SOURCE = "a page that somebody wrote"


def claim(of: str, value: object, **more: object) -> str:
    """One claim as it is written in a spec, JSON being YAML."""
    said = {"says": f"{of} is so", "source": SOURCE, "of": of, "value": value, **more}
    return NETWORK + f"claims:\n  - {json.dumps(said)}\n"


def judged(
    folder: Path, text: str, dtype: str = "float32", missing: str = "", faults: Mapping[str, Fault] | None = None
) -> list[Row]:
    """The rows of the claims, from an honest capture unless a fault is asked for, or output/third is missing."""
    problem = problem_of(folder, text, dtype=dtype)
    tensors = computed(problem, faults)
    changes: dict[str, object] = {}
    if missing:
        tensors.pop("output/third")
        changes["missing"] = {"output/third": missing, "grad/w": "not_on_path", "grad/branch": "not_on_path"}
    rows = judge(problem.folder, {"honest": write_capture(problem, folder / "capture", tensors, **changes)})
    return [row for row in rows if row.check == "claim"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{says: a, source: b, of: output/z, value: 1}", "does not hold 'output/z'; did you mean 'output/y'?"),
        ("{says: a, source: b, of: grad/y, value: 1}", "a capture does not hold 'grad/y'"),
        ("{says: a, source: b, of: result/g/x, value: 1}", "a capture does not hold 'result/g/x'"),
        ("{says: a, source: b, of: output/y, value: nothing}", "expected numbers, none or raises"),
        ("{says: a, source: b, of: output/y, value: raises}", "only the ask of a script raises"),
        ("{says: a, source: b, of: output/y, value: [1, 2]}", "value has shape [2]; expected shape [4]"),
        ("{says: a, source: b, of: output/y, value: [1, 2, 3, x]}", "value holds 'x'; expected a number"),
        ("{says: a, source: b, of: grad/w, value: none, digits: 3}", "digits are of numbers"),
        ("{says: a, source: b, of: output/y, value: 1, digits: 0}", "expected an int from 1 to 17"),
        ("{says: a, of: output/y, value: 1}", "the key 'source' is missing"),
        ("{says: a, source: b, of: output/y, valu: 1}", "did you mean 'value'?"),
    ],
)
def test_a_bad_claim_is_a_problem_of_its_line(tmp_path: Path, line: str, words: str) -> None:
    """With the nearest right name where there is one."""
    path = tmp_path / "net.yaml"
    path.write_text(NETWORK + f"claims:\n  - {line}\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    assert any(words in str(p) for p in caught.value.mistakes), str(caught.value)
    assert {p.where.line for p in caught.value.mistakes} == {NETWORK.count("\n") + 2}


BEHAVIOUR = """\
about: One behaviour.
behaviours:
  once:
    about: Once.
    inputs: {x: {shape: [1], value: [3], grad: true}}
    nodes: {y: {op: mul_scalar, x: x, value: 2}}
    cotangent: {value: 1}
    script: [forward, backward]
    ask: [output/y, grad/x]
    claims:
      - {says: a, source: b, of: grad/x, value: 2}
"""


@pytest.mark.parametrize("outcome", ["value", "none", "raises"])
@pytest.mark.parametrize("claimed", ["2", "3", "none", "raises"])
def test_what_became_of_an_ask_is_judged(tmp_path: Path, outcome: str, claimed: str) -> None:
    """Numbers, None and an exception are three things; the sum rule's own answer is told beside."""
    problem = problem_of(tmp_path, BEHAVIOUR.replace("of: grad/x, value: 2", f"of: grad/x, value: {claimed}"))
    asked = [{"ask": "output/y", "outcome": "value"}, {"ask": "grad/x", "outcome": outcome}]
    if outcome == "raises":
        asked[1]["error"] = "RuntimeError: no"
    tensors = {"ask/0": np.float32([6]), **({"ask/1": np.float32([2])} if outcome == "value" else {})}
    rows = judge(problem.folder, {"honest": write_capture(problem, tmp_path / "c", tensors, asked=asked)})
    (row,) = [row for row in rows if row.check == "claim"]
    right = claimed == {"value": "2", "none": "none", "raises": "raises"}[outcome]
    assert row.verdict == (Verdict.HOLDS if right else Verdict.REFUTED)
    gives = {"value": "[2]", "none": "none", "raises": "an error (RuntimeError: no)"}[outcome]
    beside = "the reference agrees" if right and outcome == "value" else "the reference gives [2]"
    assert row.reason.endswith(f"gives {gives}; {'but ' if right and outcome != 'value' else ''}{beside}")


def test_a_claim_of_a_behaviour_is_about_an_ask(tmp_path: Path) -> None:
    """What the script does not ask for is not read, so nothing can be said of it."""
    path = tmp_path / "file.yaml"
    text = BEHAVIOUR.replace("[output/y, grad/x]", "[grad/x]")
    path.write_text(text.replace("of: grad/x, value: 2", "of: output/y, value: 6"))
    with pytest.raises(SpecError) as caught:
        load(path)
    (only,) = caught.value.mistakes
    assert (only.where.line, only.message) == (11, "claim: the script does not ask for 'output/y'")
    path.write_text(path.read_text().replace("output/y, value: 6", "grad/x, value: raises"))
    assert [c.value for c in load(path)[0].claims] == ["raises"]


def test_claims_are_prose_to_the_digest(tmp_path: Path) -> None:
    """A problem with a claim is the same problem, and the exact variant, whose numbers are others, has none."""
    bare, said = problem_of(tmp_path / "a", NETWORK), problem_of(tmp_path / "b", claim("output/whole", [2, 4, 6, 8]))
    assert bare.digest == said.digest
    assert (len(bare.claims), len(said.claims)) == (0, 1)
    assert problem_of(tmp_path / "b", claim("output/whole", 1), values="exact").claims == ()


@pytest.mark.parametrize("value", ["nothing", [[1], 2], None, {"a": 1}])
def test_a_malformed_claim_in_a_problem_is_refused(tmp_path: Path, value: object) -> None:
    """Problems come from elsewhere too."""
    problem = problem_of(tmp_path, claim("output/whole", 1))
    path = problem.folder / "problem.json"
    document = json.loads(path.read_text())
    document["claims"][0]["value"] = value
    path.write_text(json.dumps(document))
    with pytest.raises(ContractError, match=r"claims\.0"):
        read_problem(problem.folder)


THIRDS = [0.3333, 0.6667, 1.000, 1.333]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        (claim("output/whole", [2, 4, 6, 8]), None),
        (claim("output/whole", [2, 4, 6, 9]), "[3]"),
        (claim("output/whole", [2, 4, float("nan"), 8]).replace("NaN", ".nan"), "[2]"),
        (claim("output/third", THIRDS, digits=4), None),
        (claim("output/third", [*THIRDS[:3], 1.334], digits=4), "[3]"),
        (claim("output/third", [0.3334, *THIRDS[1:]], digits=4), "[0]"),
        (claim("output/third", THIRDS), "[0]"),
        (claim("output/third", [0.3333333333333333, 0.6666666666666666, 1, 1.3333333333333333]), None),
        (claim("grad/tenth", 1), None),
        (claim("grad/tenth", 1.0000001), "[0]"),
    ],
)
def test_numbers_hold_that_would_be_printed_the_same(tmp_path: Path, dtype: str, text: str, at: str | None) -> None:
    """To the digits that were printed, else to the dtype's rounding; the first wrong element is named."""
    (row,) = judged(tmp_path, text, dtype)
    assert row.verdict == (Verdict.HOLDS if at is None else Verdict.REFUTED), row.reason
    assert row.worst_index == (at or "[0]")
    assert (row.n_bad == 0) == (at is None)
    assert row.reason.startswith(f"claim {'holds' if at is None else 'is wrong'}: ")


def test_a_refuted_claim_says_what_holds(tmp_path: Path) -> None:
    """Claim, source, framework with version, its numbers, and those of the reference; and it fails no run."""
    (row,) = judged(tmp_path, claim("output/whole", [2, 4, 5, 8]))
    said = f"output/whole is so ({SOURCE}); honest 1.0 gives [2, 4, 6, 8]; the reference gives [2, 4, 6, 8]"
    assert row.reason == f"claim is wrong: {said}"
    assert (row.got, row.expected, row.worst_index, row.node, row.kind) == (6, 5, "[2]", "whole", "output")
    assert status_of([row], absent=False) == 0


def test_of_a_large_tensor_the_first_wrong_element_is_told(tmp_path: Path) -> None:
    """Nine elements are too many for a sentence."""
    (row,) = judged(tmp_path, claim("output/branch", [5, 5, 5, 5, 5, 5, 5, 4, 5]))
    assert "honest 1.0 gives 5 at [7] of shape [9]; the reference gives 5 at [7] of shape [9]" in row.reason


def test_a_claim_of_none_holds_where_there_is_none(tmp_path: Path) -> None:
    """With its reason; numbers claimed in its place, or None claimed of numbers, are wrong."""
    (none,) = judged(tmp_path / "a", claim("grad/w", "none"))
    assert none.verdict == Verdict.HOLDS
    assert "honest 1.0 gives none (not_on_path); the reference agrees" in none.reason
    (zeros,) = judged(tmp_path / "b", claim("grad/w", 0))
    (numbers,) = judged(tmp_path / "c", claim("grad/x", "none"))
    assert {zeros.verdict, numbers.verdict} == {Verdict.REFUTED}


def test_a_claim_that_only_the_framework_shares_is_a_finding(tmp_path: Path) -> None:
    """A framework that is wrong in the way that was printed makes the claim hold there, not in the reference."""
    text = claim("output/whole", [3, 5, 7, 9])
    (row,) = judged(tmp_path, text, faults={"output/whole": lambda a: a + np.float32(1)})
    assert row.verdict == Verdict.HOLDS
    assert row.reason.endswith("honest 1.0 gives [3, 5, 7, 9]; but the reference gives [2, 4, 6, 8]")


def test_a_claim_about_another_framework_is_measured(tmp_path: Path) -> None:
    """Others are told what they give; nobody is refuted by what was never said of them."""
    (row,) = judged(tmp_path, claim("output/whole", 1, framework="chainer"))
    assert row.verdict == Verdict.MEASURED
    assert row.reason.startswith("claim about chainer: ")
    assert "honest 1.0 gives [2, 4, 6, 8]" in row.reason


@pytest.mark.parametrize("reason", ["buffer_reused", "unexplained"])
def test_what_could_not_be_read_refutes_nothing(tmp_path: Path, reason: str) -> None:
    """There are numbers, but nobody knows them."""
    (row,) = judged(tmp_path, claim("output/third", 1), missing=reason)
    assert row.verdict == Verdict.MEASURED
    assert row.reason.startswith("claim not judged: ")


def test_the_report_tells_each_claim_once(tmp_path: Path) -> None:
    """Rows of several dtypes are one answer; wrong claims come first, and the terminal names them."""
    tricky = "  - {says: 'it is; honest 1.0 gives 1', source: b, of: output/whole, value: 1}\n"
    text = claim("output/whole", [2, 4, 6, 8]) + tricky
    rows = [row for d in ("float32", "float64") for row in judged(tmp_path / d, text, d)]
    wrong, right = claims_of(rows)
    assert (wrong.word, wrong.text) == ("wrong", "it is; honest 1.0 gives 1 (b)")
    assert [(a.dtypes, a.given) for a in wrong.answers] == [
        (("float32", "float64"), "[2, 4, 6, 8]; the reference gives [2, 4, 6, 8]")
    ]
    assert right.word == "holds"
    assert in_a_line((wrong, right)) == "2 printed results: 1 holds and 1 is wrong (net output/whole)."
    assert in_a_line(()) == ""


def test_the_page_shows_claims_as_text(tmp_path: Path) -> None:
    """What somebody wrote into a spec is never markup; a run without claims has no such section."""
    text = claim("output/whole", [2, 4, 6, 8]).replace("output/whole is so", "<img src=x onerror=alert(1)>")
    info = RunInfo(started="", command="gradconform run")
    rows = judged(tmp_path, text)
    shown = page(Summary.of(rows, info))
    assert '<section id="claims">' in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "<img src=x onerror" not in shown
    others = [replace(row, check="local") for row in rows]
    assert '<section id="claims">' not in page(Summary.of(others, info))
