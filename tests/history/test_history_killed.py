"""SIGKILL at any moment of a run: earlier runs stay readable, no half run appears, the next run cleans up."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_adapter import fake, specs
from gradconform.history.runs import open_run, runs_in

pytestmark = pytest.mark.process

POINTS = 9


def command(tmp_path: Path) -> list[str]:
    """A run into a history, with a report that an earlier run left."""
    asked = ["run", str(tmp_path / "specs"), "--adapter", str(tmp_path / "good"), "--out", str(tmp_path / "out")]
    return [sys.executable, "-m", "gradconform", *asked, "--history", str(tmp_path / "history")]


def left(tmp_path: Path) -> list[str]:
    """Scratch folders."""
    return [path.name for folder in (tmp_path, tmp_path / "history") for path in folder.glob(".*")]


@pytest.mark.nightly
def test_a_run_that_is_killed_at_many_moments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spread over the duration of a run that was not killed; test_history_place.py kills inside the writing."""
    fake(tmp_path, monkeypatch, name="good", op="return np.maximum(x, 0)")
    specs(tmp_path / "specs", "a", "b", "c")
    # The first run reads everything from disk; those that are killed are as quick as the second.
    for _ in range(2):
        begin = time.monotonic()
        done = subprocess.run(command(tmp_path), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        whole = time.monotonic() - begin
    stale = 0
    nights = 2
    for point in range(POINTS):
        report = open_run(tmp_path / "out").started
        process = subprocess.Popen(command(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=whole * (point + 0.5) / POINTS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        runs, refused = runs_in(tmp_path / "history")
        assert not refused
        assert runs[0].folder.name == min(run.folder.name for run in runs)
        assert len(runs) - nights in (0, 1)
        nights = len(runs)
        # The report is the earlier one, or that of the run which was killed a moment after it was in place.
        assert open_run(tmp_path / "out").started >= report
        # A scratch folder is the killed run's: what those before it left was removed, or is not yet.
        stale += bool(left(tmp_path))
    # Else no kill came at a moment that matters.
    assert stale > 0
    done = subprocess.run(command(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert left(tmp_path) == []
    assert len(runs_in(tmp_path / "history")[0]) == nights + 1
