"""Behind a diverging row: a histogram that counts every element, and a script that shows it in the framework alone."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import read_capture, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.evidence import witness as evidence
from gradconform.evidence.script import script
from gradconform.evidence.source import NoScript
from gradconform.evidence.witness import gather, seen_in
from gradconform.judge import judge
from gradconform.rows import LIMIT, Row, Verdict
from gradconform.spec import load

pytestmark = pytest.mark.process

NETWORKS = paths.specs_folder() / "networks"
FRAMEWORKS = tuple(adapters.names())


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """pooled_sum, the transformer and the residual network with running statistics, in every framework."""
    folder = Folder(tmp_path_factory.mktemp("evidence"))
    for name in ("pooled_sum", "transformer", "residual_train"):
        (network,) = load(NETWORKS / f"{name}.yaml")
        variant = Variant(network, "float32", "drawn")
        folder.digests[variant.name] = draw_problem(
            network, folder.problem(variant.name), dtype="float32", values="drawn", seed=None
        ).digest
        for framework in FRAMEWORKS:
            task = running.Task(
                folder.problem(variant.name), folder.capture(framework, variant.name), folder.digests[variant.name]
            )
            running.capture(adapters.find(framework), [task], job_folder=folder.root / "jobs" / framework / name)
    return folder


def rows_of(folder: Folder, spec: str) -> list[Row]:
    """The rows of the local check, none of them excused by a list."""
    captures = {name: folder.capture(name, f"{spec}.float32.drawn") for name in FRAMEWORKS}
    return [row for row in judge(folder.problem(f"{spec}.float32.drawn"), captures, ()) if row.check == "local"]


def script_of(folder: Folder, row: Row) -> str:
    """The script for any row, one that conforms among them."""
    name = f"{row.spec}.float32.drawn"
    problem = read_problem(folder.problem(name))
    capture = read_capture(folder.capture(row.framework, name), problem)
    return script(problem, row, dict(seen_in(problem, capture, [row.tensor]))[row.tensor])


def run(text: str, framework: str, folder: Path) -> tuple[int, str]:
    """Run a script with the framework's own interpreter, away from this project."""
    (folder / "shown.py").write_text(text, encoding="utf-8")
    command = [str(adapters.find(framework).interpreter), "-I", str(folder / "shown.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    # A framework may have something to tell on its own.
    return done.returncode, done.stdout.strip() or done.stderr


def test_a_real_divergence_is_shown_by_a_script_of_its_own(captured: Folder, tmp_path: Path) -> None:
    """Chainer alone, without this project, gives the very wrong number of the row, and the script fails for it."""
    wrong = [row for row in rows_of(captured, "pooled_sum") if row.verdict == Verdict.DIVERGES]
    assert {row.framework for row in wrong} == {"chainer"}
    found = gather(wrong, [captured])
    assert [each.row[1] for each in found] == [row.tensor for row in wrong]
    for each, row in zip(found, wrong, strict=True):
        assert "harness" not in each.script
        assert "import gradconform" not in each.script
        status, said = run(each.script, "chainer", tmp_path)
        assert (status, said.splitlines()[-1]) == (1, "diverges"), said
        assert float(re.findall(r"got +(\S+)", said)[0]) == row.got


@pytest.mark.nightly
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("spec", ["pooled_sum", "transformer", "residual_train"])
def test_an_honest_element_conforms_in_its_script(captured: Folder, spec: str, framework: str, tmp_path: Path) -> None:
    """The twin, in each framework: the script of a row that conforms gives the captured number and ends with 0."""
    mine = [row for row in rows_of(captured, spec) if row.framework == framework]
    good = [row for row in mine if row.verdict == Verdict.CONFORMS and row.ratio > 0]
    row = max(good, key=lambda r: (r.kind == "grad_param", r.tensor))
    status, said = run(script_of(captured, row), framework, tmp_path)
    assert (status, said.splitlines()[-1]) == (0, "conforms"), said
    assert abs(float(re.findall(r"got +(\S+)", said)[0]) - row.got) <= 1e-5 * abs(row.got)


def test_a_script_fails_when_the_number_is_another(captured: Folder, tmp_path: Path) -> None:
    """The script judges: with another expectation the same honest number diverges."""
    row = next(r for r in rows_of(captured, "pooled_sum") if r.framework == "torch" and r.tensor == "grad/w")
    text = script_of(captured, row)
    spoiled = re.sub(r"^expected = (.*)$", lambda m: f"expected = {float(m[1]) * 1.001}", text, flags=re.MULTILINE)
    assert run(text, "torch", tmp_path)[0] == 0
    assert run(spoiled, "torch", tmp_path)[0] == 1


def test_a_histogram_counts_every_element(captured: Folder) -> None:
    """Bins, zeros and what is not finite add up to the tensor, and as many are beyond as the row says."""
    wrong = [row for row in rows_of(captured, "pooled_sum") if row.verdict == Verdict.DIVERGES]
    for each, row in zip(gather(wrong, [captured]), wrong, strict=True):
        found = each.histogram
        assert found is not None
        assert found.elements == np.prod([int(n) for n in re.findall(r"\d+", row.shape)])
        assert sum(n for _, _, n in found.bins) + found.zero + found.nonfinite == found.elements
        assert found.beyond == row.n_bad
        assert sum(n for start, _, n in found.bins if start >= LIMIT) <= found.beyond
        assert max(end for _, end, _ in found.bins) >= row.ratio


def test_too_large_a_problem_has_no_script_and_says_why(captured: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the command is what shows it, and the histogram is still there."""
    wrong = [row for row in rows_of(captured, "pooled_sum") if row.verdict == Verdict.DIVERGES]
    monkeypatch.setattr("gradconform.evidence.script.NUMBERS", 10)
    (first, *_) = gather(wrong, [captured])
    assert first.script == ""
    assert "too many to write out" in first.why
    assert first.histogram is not None


def test_an_adapter_without_an_example_has_no_script(captured: Folder, tmp_path: Path) -> None:
    """An adapter from elsewhere need not have one."""
    row = next(r for r in rows_of(captured, "pooled_sum") if r.framework == "torch" and r.tensor == "grad/w")
    problem = read_problem(captured.problem("pooled_sum.float32.drawn"))
    seen = evidence.Seen(np.zeros((2, 3, 4, 3)), np.zeros((2, 3, 4, 3)), np.zeros((2, 3, 4, 3)))
    with pytest.raises(NoScript, match=r"has no example\.py"):
        script(problem, row, seen, tmp_path)


def test_what_is_not_a_nodes_own_arithmetic_has_no_evidence(captured: Folder) -> None:
    """Rows of other checks, of other runs and of missing tensors are left to their words."""
    row = next(r for r in rows_of(captured, "pooled_sum") if r.verdict == Verdict.DIVERGES)
    others = [replace(row, check="semantics"), replace(row, version="0"), replace(row, verdict=Verdict.MISSING)]
    assert gather(others, [captured]) == []
    assert gather([], [captured]) == []
