"""Folders appear whole or not at all, and what a killed process leaves is removed by the next, never earlier."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from gradconform.contract import ContractError, place
from gradconform.contract.place import MARK, check_replaceable, put, scratch
from gradconform.history.runs import open_run, runs_in


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def new(folder: Path, **files: str) -> Path:
    """A folder with these files."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


@pytest.mark.parametrize("there", [None, {}, {"run_json": "old", "a": "old"}])
def test_a_folder_is_replaced_as_a_whole(tmp_path: Path, there: dict[str, str] | None) -> None:
    """Whether there was one, an empty one, or one with other files."""
    if there is not None:
        new(tmp_path / "out", **there)
    put(new(tmp_path / "new", run_json="new", b="new"), tmp_path / "out")
    assert tree(tmp_path / "out") == {"run.json": "new", "b": "new"}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    """What it points to is replaced."""
    new(tmp_path / "real", a="old")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    put(new(tmp_path / "new", a="new"), tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert tree(tmp_path / "real") == {"a": "new"}


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EXDEV, errno.ENOSYS])
def test_where_folders_cannot_be_exchanged_files_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """`run.json` goes first and comes last, so that in between the folder is no run."""
    seen: list[set[str]] = []

    def refuse(one: Path, other: Path) -> None:
        raise OSError(number, os.strerror(number))

    def replace(source: Path, target: Path, move: object = os.replace) -> None:
        seen.append(set(os.listdir(target.parent)))
        move(source, target)  # type: ignore[operator]

    monkeypatch.setattr(place, "_exchange", refuse)
    monkeypatch.setattr(os, "replace", replace)
    new(tmp_path / "out", run_json="old", a="old")
    put(new(tmp_path / "new", run_json="new", a="new", z="new"), tmp_path / "out")
    assert tree(tmp_path / "out") == {"run.json": "new", "a": "new", "z": "new"}
    assert len(seen) == 3
    assert not any("run.json" in names for names in seen)


def test_another_error_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the old folder is untouched."""

    def refuse(one: Path, other: Path) -> None:
        raise OSError(errno.EIO, "bad disk")

    monkeypatch.setattr(place, "_exchange", refuse)
    new(tmp_path / "out", a="old")
    with pytest.raises(OSError, match="bad disk"):
        put(new(tmp_path / "new", a="new"), tmp_path / "out")
    assert tree(tmp_path / "out") == {"a": "old"}


def test_what_no_run_wrote_is_not_replaced(tmp_path: Path) -> None:
    """A folder that holds somebody's files is refused by the first of them; an earlier report is not."""
    check_replaceable(tmp_path / "nothing")
    check_replaceable(new(tmp_path / "first", run_json="{}", diff_csv=""))
    listed = '{"files": {"notes.md": "sha256:", "scripts/a.py": "sha256:"}}'
    (new(tmp_path / "later", run_json=listed, notes_md="") / "scripts").mkdir()
    check_replaceable(tmp_path / "later")
    for name, manifest in (("thesis_tex", "{}"), ("thesis_tex", '{"files": []}'), ("thesis_tex", "not JSON")):
        folder = new(tmp_path / f"mine{len(manifest)}", run_json=manifest, **{name: "precious"})
        with pytest.raises(ContractError, match=r"holds thesis\.tex, which no run wrote"):
            check_replaceable(folder)


def test_a_scratch_folder_is_removed(tmp_path: Path) -> None:
    """At its end, and when something is raised in it."""
    with scratch(tmp_path / "out") as work:
        (work / "a").write_text("a")
        assert [path.name[:5] for path in tmp_path.iterdir()] == [".out-"]
    with pytest.raises(RuntimeError), scratch(tmp_path / "out"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


HOLD = """
import sys, time
from pathlib import Path
from gradconform.contract.place import scratch
with scratch(Path(sys.argv[1])) as work:
    (work / "captures").mkdir()
    (work / "captures" / "a").write_text("a")
    print(work, flush=True)
    time.sleep(600)
"""


@pytest.mark.process
def test_what_a_killed_process_leaves_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """A scratch folder of a process that lives, of another report, or of somebody else stays."""
    out = tmp_path / "out"
    others = [new(tmp_path / name, a="precious") for name in (".out-abcdefgh", ".out-backup", ".outer-abcdefgh")]
    (tmp_path / ".out-linkdddd").symlink_to(others[0])
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        dead, living = [Path(process.stdout.readline().strip()).parent for process in processes if process.stdout]
        processes[0].kill()
        processes[0].wait()
        assert (dead / MARK).exists()
        with scratch(out):
            assert not dead.exists()
            assert (living / "work" / "captures" / "a").exists()
        for folder in others:
            assert tree(folder) == {"a": "precious"}
        with scratch(tmp_path / "other"):
            assert living.exists()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    with scratch(out):
        assert not living.exists()


def test_a_folder_that_its_owner_had_no_time_to_mark_is_removed(tmp_path: Path) -> None:
    """It is empty and nobody has its lock."""
    (tmp_path / ".out-abcdefgh").mkdir()
    with scratch(tmp_path / "out") as work:
        assert list(tmp_path.iterdir()) == [work.parent]


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that has none, whether the owner lives cannot be told."""
    left = new(tmp_path / ".out-abcdefgh", **{MARK: ""})

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(place.fcntl, "flock", refuse)
    with scratch(tmp_path / "out"):
        assert left.exists()


# Each child writes a night over an earlier report and into a history, and is killed at its n-th step on the file system
# (an audit event), so that every point between two steps is met. One process, since importing pandas takes a second.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from history_builder import manifest, rows
import json
from gradconform.contract.place import scratch
from gradconform.contract.run import RunInfo
from gradconform.history import keep
from gradconform.report import files
from gradconform.report.frame import frame_of

EVENTS = ("open", "os.", "shutil.", "tempfile.", "fcntl.", "ctypes.")
folder = Path(sys.argv[1])

def started(day):
    return f"2026-{1 + day // 28:02}-{1 + day % 28:02}T02:17:00+00:00"

def write(day, at=None):
    told = manifest() | {"started": started(day)}
    info, frame = RunInfo.from_json(json.dumps(told)), frame_of(rows())
    seen = 0
    def hook(event, arguments):
        nonlocal seen
        if event.startswith(EVENTS):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
    keeping = keep.Keeping(history=folder / "history")
    keeping.check(folder / "out")
    # What the night before left is removed here, so that every night takes the same steps.
    for place in (folder / "out", folder / "history" / "night"):
        with scratch(place):
            pass
    sys.addaudithook(hook)
    write_files = {
        files.PARQUET: lambda path: files.write_parquet(frame, path),
        "index.html": lambda path: path.write_text(f"page of {started(day)}"),
        "run.json": lambda path: path.write_text(info.to_json()),
    }
    write_night = lambda place: files.write_night(rows(), info, place)
    write_report = lambda changes: files.write_whole(folder / "out", write_files)
    keep.finish(info.started, folder / "out", keeping, write_night, write_report)
    return seen

def in_child(day, at=None):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, str(write(day, at)).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), os.read(reading, 100).decode()

in_child(1)
status, steps = in_child(2)
assert status == 0, status
# The last step may come before the last change; one beyond it ends as it should.
points = sorted({1 + i * int(steps) // 60 for i in range(61)} | set(range(int(steps) - 20, int(steps) + 1)))
for day, at in enumerate(points, 3):
    status, _ = in_child(day, at)
    print(day, at, status, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.process
def test_a_kill_inside_the_writing_leaves_no_half_run(tmp_path: Path) -> None:
    """At each of many steps: earlier nights stay readable, a night is there whole or not, the report is old or new."""
    builder = str(Path(__file__).parent)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(KILLED), str(tmp_path), builder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    nights, killed, kept, reported = 2, 0, 0, set()
    for line in process.stdout:
        day, _, status = map(int, line.split())
        runs, refused = runs_in(tmp_path / "history")
        assert not refused
        assert len(runs) - nights in (0, 1)
        report = open_run(tmp_path / "out")
        page = (tmp_path / "out" / "index.html").read_text()
        assert page == f"page of {report.started}"
        killed += status == -signal.SIGKILL
        kept += len(runs) - nights
        reported.add(report.started == f"2026-{1 + day // 28:02}-{1 + day % 28:02}T02:17:00+00:00")
        nights = len(runs)
        process.stdin.write("\n")
        process.stdin.flush()
    assert process.wait() == 0
    # Points before and after each of the two were met, and the processes really were killed.
    assert killed > 40
    assert 0 < kept < killed
    assert reported == {False, True}
    with scratch(tmp_path / "out"), scratch(tmp_path / "history" / "night"):
        left = [path.name for parent in (tmp_path, tmp_path / "history") for path in parent.glob(".*")]
        assert len(left) == 2
