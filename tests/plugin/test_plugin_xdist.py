"""Many test processes: they share a framework's start, and whoever dies takes nothing with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_adapter import SPEC, fake
from gradconform.capture import adapters
from gradconform.draw.variants import Variant
from gradconform.report.files import read_csv
from gradconform.spec import load
from gradconform.testing.captures import Batches, Stopped

pytestmark = pytest.mark.process

pytest_plugins = ["pytester"]

NAMES = "abcdefgh"
SLOW = "time.sleep(0.3)\nreturn np.maximum(x, 0)"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Two workers, one adapter."""
    return pytester.runpytest_subprocess("-n", "2", "--gradconform-adapter", "./fake", *arguments)


@pytest.fixture
def imports(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight specs, and a right adapter that notes each import of it."""
    log = pytester.path / "imports"
    fake(pytester.path, monkeypatch, top=f"open({str(log)!r}, 'a').write('import\\n')", op=SLOW)
    pytester.makefile(".yaml", **dict.fromkeys(NAMES, SPEC))
    return log


@pytest.mark.parametrize("how", ["load", "each"])
def test_workers_share_the_start_of_a_framework(pytester: pytest.Pytester, imports: Path, how: str) -> None:
    """However tests are spread, and with a report of all of them from the one process that prints."""
    done = run(pytester, "--dist", how, "--gradconform-out", "out/report")
    done.assert_outcomes(passed=len(NAMES) * (2 if how == "each" else 1))
    # A second start where the worker that led had no test left while the other still had.
    assert imports.read_text() in ("import\n", "import\n" * 2)
    assert set(read_csv(Path("out/report/diff.csv"))["spec"]) == set(NAMES)
    assert [path.name for path in Path("out").iterdir()] == ["report"]


@pytest.mark.nightly
def test_a_worker_that_dies_loses_one_test(pytester: pytest.Pytester, imports: Path) -> None:
    """The one it was at, which has a row of its own; everything else is judged and reported."""
    pytester.makeconftest(
        """
        import os
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_teardown(item):
            if item.name.startswith("c["):
                os._exit(9)
        """
    )
    done = run(pytester, "--gradconform-out", "out")
    outcomes = done.parseoutcomes()
    assert outcomes["passed"] >= len(NAMES) - 1
    assert outcomes["failed"] == 1
    frame = read_csv(Path("out/diff.csv"))
    assert set(frame["spec"]) == set(NAMES)
    lost = frame[frame["verdict"] == "crashed"]
    assert list(lost["spec"]) == ["c"]
    assert "crashed while running" in lost["reason"].iloc[0]


def batches(root: Path, folder: Path) -> Batches:
    """All specs of a folder in its adapter."""
    wanted = [Variant(*load(path), "float32", "drawn") for path in sorted(folder.glob("*.yaml"))]
    return Batches(root, {adapters.find(str(folder / "fake")): wanted})


def lead(root: Path, folder: Path) -> None:
    """What another process does: it asks for the last."""
    mine = batches(root, folder)
    ((adapter, wanted),) = mine.wanted.items()
    mine.rows(adapter, wanted[-1])


def test_another_takes_over_where_the_leader_is_killed(pytester: pytest.Pytester, imports: Path) -> None:
    """What was captured is kept, the capture that was half done is made again, and each is captured by somebody."""
    root = pytester.mkdir("shared")
    leader = multiprocessing.get_context("spawn").Process(target=lead, args=(root, pytester.path))
    leader.start()
    until = time.monotonic() + 120
    while not (root / "captures/fake/b.float32.drawn/capture.json").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(leader.pid or 0, signal.SIGKILL)
    leader.join()
    first = {path.parent.name: path.stat().st_mtime_ns for path in root.glob("captures/fake/*/capture.json")}
    assert 2 <= len(first) < len(NAMES)
    mine = batches(root, pytester.path)
    ((adapter, wanted),) = mine.wanted.items()
    try:
        verdicts = {row.verdict for variant in wanted for row in mine.rows(adapter, variant)}
    finally:
        mine.close()
    assert verdicts == {"conforms", "measured"}
    assert imports.read_text() == "import\n" * 2
    again = {path.parent.name: path.stat().st_mtime_ns for path in root.glob("captures/fake/*/capture.json")}
    assert {name: again[name] for name in first} == first


def test_nobody_waits_for_a_run_that_ended(pytester: pytest.Pytester, imports: Path) -> None:
    """Neither for a capture nor for a lock that another holds."""
    mine = batches(pytester.mkdir("shared"), pytester.path)
    ((adapter, wanted),) = mine.wanted.items()
    mine.close()
    with pytest.raises(Stopped, match="the run ended"):
        mine.rows(adapter, wanted[0])


@pytest.mark.nightly
@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_interrupted_run_leaves_nothing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    """Ctrl-C while a framework works: its process ends, and the folder of captures is removed."""
    pid, temporary = pytester.path / "pid", pytester.mkdir("temporary")
    fake(pytester.path, monkeypatch, op=f"open({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    pytester.makefile(".yaml", net=SPEC)
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = [sys.executable, "-m", "pytest", "-n", workers, "--gradconform-adapter", "./fake"]
    run = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert list(temporary.glob(".gradconform-*"))
    run.send_signal(signal.SIGINT)
    assert run.wait(120) == pytest.ExitCode.INTERRUPTED
    assert not list(temporary.glob(".gradconform-*"))
    while Path(f"/proc/{pid.read_text()}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
