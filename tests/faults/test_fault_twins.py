"""Adapters that are wrong on purpose: each must be caught, and the faulty node named."""

import csv
import subprocess
import sys
from pathlib import Path

import faults
import pytest
from gradconform import paths
from gradconform.command.exits import DIVERGES, status_of
from gradconform.rows import Verdict
from twins import blame, rows_of, twin

pytestmark = pytest.mark.process

frameworks = pytest.mark.parametrize("framework", faults.FRAMEWORKS)
# Each fault in every framework by night; by day each in one, a different one in turn.
PAIRS = [
    pytest.param(
        framework,
        fault,
        id=f"{fault.name}-{framework}",
        marks=[] if (i + k) % len(faults.FRAMEWORKS) == 0 else [pytest.mark.nightly],
    )
    for i, fault in enumerate(faults.BLAMED)
    for k, framework in enumerate(faults.FRAMEWORKS)
]


@pytest.mark.parametrize(("framework", "fault"), PAIRS)
def test_a_fault_is_blamed_on_its_node(framework, fault, problems, tmp_path):
    """Exactly the tensors that a fault reaches fail, each with the node to blame, and the run fails."""
    folder = twin(framework, tmp_path, fault.changes(framework))
    rows = rows_of(folder, list(fault.blame), problems, tmp_path / "run")
    assert blame(rows) == fault.blame
    assert status_of(rows, absent=False) == DIVERGES


@frameworks
def test_a_copy_without_a_fault_conforms(framework, problems, tmp_path):
    """The control: what the twins are copies of is right on every problem that they are given."""
    rows = rows_of(twin(framework, tmp_path), faults.SPECS, problems, tmp_path / "run")
    assert blame(rows) == {}
    assert {row.spec for row in rows if row.verdict == Verdict.CONFORMS} == set(faults.SPECS)
    assert not any(row.culprit for row in rows)
    assert status_of(rows, absent=False) == 0


@frameworks
def test_the_command_fails_and_its_report_names_the_node(framework, tmp_path):
    """`gradconform run` with a faulty adapter exits with 1, whatever the dtype and values."""
    folder = twin(framework, tmp_path, faults.RELU.changes(framework))
    command = [
        Path(sys.executable).with_name("gradconform"),
        "run",
        paths.specs_folder() / "networks" / "cnn.yaml",
    ]
    done = subprocess.run([*command, "--adapter", folder, "--out", tmp_path / "report"], capture_output=True, text=True)
    assert done.returncode == DIVERGES, done.stderr
    with (tmp_path / "report" / "diff.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    failed = [row for row in rows if row["verdict"] in (Verdict.DIVERGES, Verdict.MISSING)]
    assert {row["check"] for row in failed} == {"local", "exact"}
    assert {(row["tensor"], row["culprit"]) for row in failed} == {("grad/conv2", "relu2")}
    assert "relu2" in done.stdout
