"""The workflows: well formed, without a list to keep, and the same steps here with `make nightly`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from gradconform.history.runs import runs_in

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
JUDGING = [FOLDER / name for name in ("nightly.yml", "pull-request.yml")]
"""Those that run the matrix."""


def linted(*paths: Path, schema: str = "github-workflows") -> subprocess.CompletedProcess[str]:
    """What the linter says: the published schema of workflows or of another file, and the expressions in them."""
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.{schema}",
        *map(str, paths),
    ]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.process
def test_the_workflows_are_well_formed() -> None:
    """By the schema that the linter brings with it."""
    assert {path.name for path in WORKFLOWS} >= {"nightly.yml", "pull-request.yml", "release.yml"}
    done = linted(*WORKFLOWS)
    assert done.returncode == 0, done.stdout


@pytest.mark.process
@pytest.mark.parametrize(
    ("found", "put"), [("runs-on:", "run-on:"), ("cancel-in-progress: ", "cancel: "), ("needs: matrix", "needs: [1]")]
)
def test_a_mistake_in_a_workflow_is_noticed(tmp_path: Path, found: str, put: str) -> None:
    """The twin: one word spoiled."""
    for path in [path for path in WORKFLOWS if found in path.read_text() or path in JUDGING]:
        text = path.read_text()
        assert found in text
        (tmp_path / path.name).write_text(text.replace(found, put, 1))
        assert linted(tmp_path / path.name).returncode == 1


def steps(path: Path) -> list[dict[str, Any]]:
    """Every step of a workflow."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def references(path: Path) -> list[str]:
    """Jobs that are needed and are not there, steps and outputs that nobody has: the schema sees none of them."""
    jobs = yaml.safe_load(path.read_text())["jobs"]
    missing = []
    for name, job in jobs.items():
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        text = json.dumps(job)
        missing += [f"{name} needs {other}" for other in needs if other not in jobs]
        ids = {step.get("id") for step in job["steps"]}
        missing += [f"{name}: steps.{i}" for i in re.findall(r"steps\.(\w+)\.", text) if i not in ids]
        for other, output in re.findall(r"needs\.(\w+)\.outputs\.(\w+)", text):
            if other not in needs or output not in jobs[other].get("outputs", {}):
                missing.append(f"{name}: needs.{other}.outputs.{output}")
    return missing


def test_jobs_and_outputs_that_are_named_are_there(tmp_path: Path) -> None:
    """And one that is not is found."""
    assert [reference for path in WORKFLOWS for reference in references(path)] == []
    for path in JUDGING:
        for found, put in (
            ("needs: capture", "needs: captures"),
            ("id: list", "id: lists"),
            ("matrix.outputs.env", "matrix.outputs.e"),
        ):
            (tmp_path / path.name).write_text(path.read_text().replace(found, put, 1))
            assert references(tmp_path / path.name), (found, put)


@pytest.mark.process
def test_each_script_is_valid_and_each_rule_of_make_is_there() -> None:
    """No input of anybody's is pasted into a shell: values come through the environment."""
    rules = (ROOT / "Makefile").read_text()
    for path in WORKFLOWS:
        for step in steps(path):
            if "run" not in step:
                continue
            assert subprocess.run(["bash", "-n", "-c", step["run"]], check=False).returncode == 0
            assert "${{" not in step["run"]
            for rule in re.findall(r'make (?:--silent )?"?([\w-]+)', step["run"]):
                name = re.sub("^(capture|half)-.*", r"\1-%", rule)
                assert re.search(rf"^{re.escape(name)}:", rules, re.MULTILINE), rule
    for script in ("fetch-history", "check-tag"):
        assert subprocess.run(["bash", "-n", str(FOLDER / script)], check=False).returncode == 0
        assert os.access(FOLDER / script, os.X_OK)


def test_each_action_has_a_version() -> None:
    """Never a branch, whose meaning changes."""
    for path in WORKFLOWS:
        for step in steps(path):
            assert re.fullmatch(r"[\w./-]+@v\d+(\.\d+)*", step.get("uses", "a/b@v1")), step


@pytest.mark.process
def test_the_matrix_is_the_folders() -> None:
    """Each framework and each older version; the workflows read it from here."""
    done = subprocess.run(["make", "--silent", "matrix"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) == {
        *(path.parent.name for path in ROOT.glob("adapters/*/requirements.txt")),
        *(path.name for path in ROOT.glob("adapters/*/versions/*")),
    }
    for path in JUDGING:
        assert "make --silent matrix" in path.read_text()


def fetched(folder: Path, gh: str) -> subprocess.CompletedProcess[str]:
    """Run fetch-history with a made-up `gh`."""
    folder.mkdir()
    program = folder / "gh"
    program.write_text(f"#!/usr/bin/env bash\n{gh}\n")
    program.chmod(0o755)
    told = {"PATH": f"{folder}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "a/b", "BRANCH": "main"}
    command = [str(FOLDER / "fetch-history"), str(folder / "history")]
    return subprocess.run(command, capture_output=True, text=True, env=told, check=False)


@pytest.mark.process
def test_the_history_is_fetched_or_the_night_fails(tmp_path: Path) -> None:
    """The newest night that kept one; none at all begins anew; not to be told fails, so that none is lost."""
    gh = (
        'case "$1 $2" in "run list") printf "30\\n20\\n10\\n";; "api"*) [[ $2 == */20/* ]] && echo 1 || echo 0;; '
        '"run download") mkdir -p "${@: -1}"; echo "$3" > "${@: -1}/night";; esac'
    )
    done = fetched(tmp_path / "found", gh)
    assert (done.returncode, done.stdout) == (0, "history of run 20\n")
    assert (tmp_path / "found" / "history" / "night").read_text() == "20\n"
    done = fetched(tmp_path / "first", 'case "$1 $2" in "run list") ;; *) exit 9;; esac')
    assert done.returncode == 0
    assert "begins with this one" in done.stdout
    assert not (tmp_path / "first" / "history").exists()
    for i, broken in enumerate(("exit 4", gh.replace("mkdir", "exit 5; mkdir"), gh.replace("echo 1 ||", "exit 6 ||"))):
        assert fetched(tmp_path / f"broken{i}", broken).returncode > 0, broken


@pytest.mark.process
def test_a_small_night(tmp_path: Path) -> None:
    """`make nightly` over one spec and one framework, twice; the second is held against the first.

    An environment that is not there (and could not be built: there is no such folder) is named, and the night goes on.
    """
    environments = ["torch", "no-such-framework"]
    given = [
        f"MATRIX={' '.join(environments)}",
        f"NIGHT={tmp_path / 'night'}",
        f"HISTORY={tmp_path / 'history'}",
        "SPECS=specs/networks/algebra_sum.yaml",
        "TOX=true",
    ]
    for night in (1, 2):
        # TOX=true: nothing is built here, so the environments must exist, as for every test of a real adapter.
        done = subprocess.run(["make", "nightly", *given], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "no-such-framework: see above" in done.stderr, done.stderr
        assert "not run:" in done.stdout
        # make's own status for a rule that failed; judge's was 3, for the framework that is not there.
        assert done.returncode == 2
        assert "Error 3" in done.stderr
        assert len(runs_in(tmp_path / "history")[0]) == night
    assert "nothing is worse" in done.stdout
    assert "environments: the same" in done.stdout
    assert (tmp_path / "night" / "report" / "index.html").exists()
