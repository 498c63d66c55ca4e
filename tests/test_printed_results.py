"""The printed results of the starting cases, judged in the frameworks themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gradconform import paths
from gradconform.capture import adapters, environments
from gradconform.capture import worker as running
from gradconform.contract import Problem
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.rows import Row, Verdict
from gradconform.spec import load

pytestmark = pytest.mark.process

CASES = ("networks/algebra_scalar.yaml", "semantics/printed_results.yaml")
# Spec and tensor of every printed result that is wrong: what was printed, and what holds.
WRONG = {
    ("algebra_scalar", "output/y", "MulScalar_1"): ("-1.0", "[1]"),
    ("printed_results.grad_stored", "result/g/x0", "(4)"): ("[4, 4]", "[2, 2]"),
    ("printed_results.grad_stored", "grad/x0", "(4)"): ("[4, 4]", "[2, 2]"),
    ("printed_results.grad_retained", "result/g/x0", "(5)"): ("[4, 4]", "[2, 2]"),
    ("printed_results.grad_retained", "grad/y", "(5)"): ("[2, 2]", "[1, 1]"),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Problem]:
    """The problems of both files."""
    folder = tmp_path_factory.mktemp("problems")
    networks = [network for case in CASES for network in load(paths.specs_folder() / case)]
    return [draw_problem(n, folder / n.name, dtype="float32", values="drawn") for n in networks]


def claims(adapter: str | Path, given: list[Problem], folder: Path) -> list[Row]:
    """The rows of all claims, captured with one adapter in one process."""
    found = adapters.find(str(adapter))
    tasks = [running.Task(p.folder, folder / p.spec, p.digest) for p in given]
    running.capture(found, tasks, job_folder=folder / "jobs", route="primary")
    rows = [row for p in given for row in judge(p.folder, {found.name: folder / p.spec})]
    assert not [row for row in rows if row.verdict == Verdict.CRASHED]
    return [row for row in rows if row.check == "claim"]


def wrong(rows: list[Row]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Spec, tensor and number or name of a refuted claim -> what was printed, and what holds."""
    found = {}
    for row in rows:
        if row.verdict == Verdict.REFUTED:
            said = row.reason.partition("claim is wrong: ")[2].partition(" (a ")[0]
            gives = row.reason.partition(f"{row.framework} {row.version} gives ")[2].partition(";")[0]
            number = said.split(" ")[0].strip(",")
            found[row.spec, row.tensor, number] = (said.rpartition(" is ")[2], gives)
    return found


def test_every_printed_result_is_listed(drawn: list[Problem]) -> None:
    """Three of a cut graph, three of accumulation, eleven of chainer.grad, four of unnamed layers."""
    listed = [claim for problem in drawn for claim in problem.claims]
    assert [len([c for c in listed if c.framework == name]) for name in ("chainer", "nnabla")] == [17, 4]
    numbered = {c.says[:3] for c in listed if c.says.startswith("(")}
    assert numbered == {"(1)", "(2)", "(3)", "(4)", "(5)"}


@pytest.mark.parametrize("adapter", environments.recipes())
def test_exactly_the_wrong_ones_are_refuted(drawn: list[Problem], tmp_path: Path, adapter: str) -> None:
    """With the right numbers beside; a framework that a claim does not speak of is told what it gives."""
    try:
        rows = claims(adapter, drawn, tmp_path)
    except adapters.AdapterError as error:
        if "-" not in adapter:
            raise
        pytest.skip(f"{adapter} is no part of the default matrix: {error}")
    name = adapter.partition("-")[0]
    speaks = {"chainer": "printed_results", "nnabla": "algebra_scalar", "torch": "nothing"}[name]
    assert wrong(rows) == {key: value for key, value in WRONG.items() if key[0].startswith(speaks)}
    # Every other claim about it holds, in the reference as well.
    holds = [row for row in rows if row.verdict == Verdict.HOLDS]
    assert len(holds) == {"chainer": 13, "nnabla": 3, "torch": 0}[name]
    assert all(row.reason.endswith("; the reference agrees") for row in holds)
    assert {row.verdict for row in rows if not row.spec.startswith(speaks)} == {Verdict.MEASURED}


def test_a_framework_that_does_as_was_printed_bears_the_claim_out(drawn: list[Problem], tmp_path: Path) -> None:
    """The twin: where set_grad doubles what it stores and returns, claim (4) holds, and only the reference objects."""
    folder = tmp_path / "chainer"
    shutil.copytree(paths.adapters_folder() / "chainer", folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "script.py").open("a", encoding="utf-8") as file:
        file.write(
            "\n\n_grad, _read = Script.grad, Script.read\n\n\n"
            "def _doubled(self, store, **others):\n    self.doubled = store\n"
            "    _grad(self, store=store, **others)\n\n\n"
            "def _twice(self, ask):\n    found = _read(self, ask)\n"
            "    return found * 2 if getattr(self, 'doubled', False) else found\n\n\n"
            "Script.grad, Script.read = _doubled, _twice\n"
        )
    rows = claims(folder, drawn, tmp_path / "captures")
    expected = {k: v for k, v in WRONG.items() if k[0] == "printed_results.grad_retained"}
    assert wrong(rows) == expected
    borne_out = [row for row in rows if row.verdict == Verdict.HOLDS and "but the reference gives [2, 2]" in row.reason]
    assert {row.tensor for row in borne_out} == {"result/g/x0", "grad/x0"}
