"""Workers that really die, hang, fill the memory or the disk: each costs one problem, and says how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_adapter import fake, specs
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.capture.worker import Limits, Task, last_lines
from gradconform.command import run as command
from gradconform.command.options import Options
from gradconform.report.files import read
from gradconform.run import processes
from gradconform.run.processes import FEW, SMALL, crew, pool
from honest import problem_of

pytestmark = pytest.mark.process

RELU = "about: One node.\ninputs: {x: {shape: [3, 2], grad: true}}\nnodes: {y: {op: relu}}\n"


@pytest.fixture
def tasks(tmp_path: Path) -> list[Task]:
    """Three problems."""
    found = []
    for name in ("one", "two", "three"):
        problem = problem_of(tmp_path / "problems", RELU, name=name)
        found.append(Task(problem.folder, tmp_path / "captures" / name, problem.digest))
    return found


# In the second problem of three; the worker names the capture folder in its job alone, so count.
SECOND = "global calls\ncalls += 1\nif calls == 2:\n    {}"
COUNT = "calls = 0"


def run(tasks: list[Task], folder: Path, limits: Limits | None = None) -> list[dict[str, str]]:
    """Capture all; return what each capture.json says. Nobody is told twice, and in what order does not matter."""
    told: list[Task] = []
    adapter = adapters.find(str(folder))
    jobs = folder.parent / "jobs"
    running.capture(adapter, tasks, job_folder=jobs, limits=limits, finished=told.append)
    assert sorted(t.capture.name for t in told) == sorted(t.capture.name for t in tasks)
    return [json.loads((t.capture / "capture.json").read_text()) for t in tasks]


def statuses(documents: list[dict[str, str]]) -> list[str]:
    """The statuses alone."""
    return [d["status"] for d in documents]


def test_all_is_well(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of all that follows: one process, three captures."""
    assert statuses(run(tasks, fake(tmp_path, monkeypatch))) == ["ok"] * 3
    assert len(list((tmp_path / "jobs").glob("*.log"))) == 1


ENDS = [
    ("print('the last words')\n    os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL", "the last words"),
    ("print('here')\n    os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV", "in op_relu"),
    ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", f"killed by signal {signal.SIGRTMIN + 3}", "it wrote nothing"),
    ("os._exit(0)", "ended with exit status 0", "it wrote nothing"),
    ("os._exit(7)", "ended with exit status 7", "it wrote nothing"),
    ("print('waiting'); time.sleep(600)", "no result within 1.5 s", "waiting"),
    ("np.ones(2**30)", "MemoryError", "node 'y' (relu)"),
    ("raise OSError('no such device')", "OSError: no such device", "node 'y' (relu)"),
    ("raise SystemExit('leaving')", "leaving", ""),
    ("os.write(1, bytes(range(256)) * 5000); os._exit(3)", "ended with exit status 3", "last lines: "),
]


@pytest.mark.parametrize(("how", "cause", "words"), ENDS, ids=[e[1].replace(" ", "-")[:30] for e in ENDS])
def test_the_problem_it_died_in_is_lost_and_no_other(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, cause: str, words: str
) -> None:
    """In the second of three, whatever happens: the other two are captured, and the reason says how it ended."""
    folder = fake(tmp_path, monkeypatch, top=COUNT, op=SECOND.format(how))
    documents = run(tasks, folder, Limits(seconds=1.5, start=20, memory=4 << 30))
    assert statuses(documents) == ["ok", "crashed", "ok"]
    reason = documents[1]["reason"]
    assert cause in reason
    assert words in reason
    assert all(c.isprintable() or c == "\n" for c in reason)
    assert documents[1]["problem"] in (tasks[1].digest, None)


def test_a_worker_that_hangs_at_import(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ever begins: all are lost at once, and not one after the other."""
    folder = fake(tmp_path, monkeypatch, top="print('loading the driver'); time.sleep(600)")
    begin = time.monotonic()
    documents = run(tasks, folder, Limits(start=1.0))
    assert time.monotonic() - begin < 10
    assert statuses(documents) == ["crashed"] * 3
    assert documents[0]["reason"] == "no result within 1 s; last lines: loading the driver"


@pytest.mark.parametrize(
    ("top", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("os._exit(0)", "ended with exit status 0; it wrote nothing"),
        ("import no_such_framework", "No module named 'no_such_framework'"),
    ],
)
def test_a_worker_that_never_comes_up(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str, words: str
) -> None:
    """Killed, gone or without its framework before the first problem: one process is enough to know."""
    documents = run(tasks, fake(tmp_path, monkeypatch, top=top))
    assert statuses(documents) == ["crashed"] * 3
    assert all(words in d["reason"] for d in documents)
    assert len(list((tmp_path / "jobs").glob("*.log"))) == 1


def test_an_interpreter_that_is_none(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that can be run and is no program: the three are lost, with the interpreter's name."""
    folder = fake(tmp_path, monkeypatch)
    broken = tmp_path / "python"
    broken.write_bytes(b"\x00 nothing")
    broken.chmod(0o755)
    monkeypatch.setenv(adapters.variable("fake"), str(broken))
    documents = run(tasks, folder)
    assert statuses(documents) == ["crashed"] * 3
    assert f"{broken} cannot be run: " in documents[0]["reason"]


def test_a_worker_that_dies_between_two_problems(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a capture was written and before the next began: nothing is lost, a new process takes the rest."""
    # The worker collects garbage right after it has written capture.json.
    top = "import gc\ndef collect():\n    os.kill(os.getpid(), signal.SIGKILL)\ngc.collect = collect"
    assert statuses(run(tasks, fake(tmp_path, monkeypatch, top=top))) == ["ok"] * 3
    assert len(list((tmp_path / "jobs").glob("*.log"))) == 3


def test_a_worker_that_does_not_end(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is captured; the process is not waited for for ever."""
    monkeypatch.setattr(running, "GRACE", 0.5)
    top = COUNT + "\nimport gc\ndef collect():\n    calls == 3 and time.sleep(600)\ngc.collect = collect"
    begin = time.monotonic()
    folder = fake(tmp_path, monkeypatch, top=top, op="global calls\ncalls += 1")
    assert statuses(run(tasks, folder)) == ["ok"] * 3
    assert time.monotonic() - begin < 10


def test_a_problem_whose_result_cannot_be_written(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker goes on with the next, and so do we: what is behind it is neither lost nor run again."""
    op = SECOND.format("[os.mkdir(os.path.join(d, 'capture.json.part')) for d in captures[1:2]]")
    top = COUNT + f"\ncaptures = {[str(t.capture) for t in tasks]!r}"
    documents = run(tasks, fake(tmp_path, monkeypatch, top=top, op=op))
    assert statuses(documents) == ["ok", "crashed", "ok"]
    assert "no capture.json in" in documents[1]["reason"]
    assert len(list((tmp_path / "jobs").glob("*.log"))) == 1


def test_rubbish_without_end_is_stopped(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that fills the disk with its log is ended, and the log does not stay as it is."""
    monkeypatch.setattr(running, "LOG_LIMIT", 8 << 20)
    rubbish = SECOND.format("while 1: os.write(1, b'\\xff\\x00rubbish\\n' * 9999)")
    folder = fake(tmp_path, monkeypatch, top=COUNT, op=rubbish)
    documents = run(tasks, folder)
    assert statuses(documents) == ["ok", "crashed", "ok"]
    assert documents[1]["reason"].startswith("wrote more than 8 MiB to its output; last lines: ")
    assert sum(log.stat().st_size for log in (tmp_path / "jobs").glob("*.log")) <= running.LOG_KEPT + 4096


def test_environments_of_one_framework_do_not_share_their_jobs(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fake-1.2` and `fake-1.3` run at the same time: a point in the name is no suffix."""
    for name in ("fake-1.2", "fake-1.3"):
        monkeypatch.setenv(adapters.variable(name), sys.executable)
    folder = fake(tmp_path, monkeypatch)
    jobs = tmp_path / "jobs"
    for name in ("fake-1.2", "fake-1.3"):
        adapter = adapters.Adapter(name, "fake", folder, Path(sys.executable), "test")
        own = [Task(t.problem, t.capture.with_name(f"{t.capture.name}-{name}"), t.digest) for t in tasks]
        running.capture(adapter, own, job_folder=jobs)
        assert all((t.capture / "capture.json").exists() for t in own)
    assert sorted(p.name for p in jobs.glob("*.json")) == ["fake-1.2-1.json", "fake-1.3-1.json"]


def test_the_last_lines_are_printable_and_short(tmp_path: Path) -> None:
    """Whatever a log holds, its end is one line of text."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 10**6 + b"\n" + b"\x1b[31mred\x00\xff\r\n\n" * 3 + b"end")
    assert last_lines(log).endswith(" | end")
    assert all(c.isprintable() for c in last_lines(log))
    assert len(last_lines(log)) < 2000
    log.write_bytes(b"")
    assert last_lines(log) == ""


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    """Whether all processes end within a while."""
    until = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(alive, pids))


def waited_for(path: Path, seconds: float = 30.0) -> list[int]:
    """The numbers that somebody writes into a file."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ValueError):
            return [int(word) for word in path.read_text().split(";")]
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come")


# The worker starts a child of its own, and both hang.
HANG = """
import subprocess
child = subprocess.Popen(["sleep", "600"])
open({pids!r} + ".part", "w").write(f"{{os.getpid()}};{{child.pid}}")
os.replace({pids!r} + ".part", {pids!r})
time.sleep(600)
"""


def test_what_a_worker_started_ends_with_it(tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is for the whole family."""
    pids = tmp_path / "pids"
    folder = fake(tmp_path, monkeypatch, op=HANG.format(pids=str(pids)))
    assert statuses(run(tasks[:1], folder, Limits(seconds=1.0))) == ["crashed"]
    assert gone(waited_for(pids))


def test_a_capture_that_is_stopped_ends_its_worker(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after Ctrl-C: no process stays, and no capture is called crashed."""
    pids, stop = tmp_path / "pids", threading.Event()
    adapter = adapters.find(str(fake(tmp_path, monkeypatch, op=HANG.format(pids=str(pids)))))
    thread = threading.Thread(
        target=running.capture, args=(adapter, tasks), kwargs={"job_folder": tmp_path / "jobs", "stop": stop}
    )
    thread.start()
    running_pids = waited_for(pids)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert gone(running_pids)
    assert not list(tmp_path.glob("captures/*/capture.json"))


def test_an_error_of_our_own_ends_the_worker(
    tasks: list[Task], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is told of a capture and fails does not leave a process behind."""

    def fail(task: Task) -> None:
        raise RuntimeError("told")

    pids = tmp_path / "pids"
    hang = SECOND.format(HANG.format(pids=str(pids)).strip().replace("\n", "\n    "))
    adapter = adapters.find(str(fake(tmp_path, monkeypatch, top=COUNT, op=hang)))
    before = children()
    with pytest.raises(RuntimeError, match="told"):
        running.capture(adapter, tasks, job_folder=tmp_path / "jobs", finished=fail)
    assert gone(list(children() - before))


def children() -> set[int]:
    """The processes that this one started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.add(int(path.parent.name))
    return found


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """`gradconform run` whose worker hangs, and the processes of that worker."""
    pids = tmp_path / "pids"
    folder = fake(tmp_path, monkeypatch, op=HANG.format(pids=str(pids)))
    # So many that they are drawn and judged by processes of a pool.
    specs(tmp_path / "specs", *(f"net{number}" for number in range(FEW + 1)))
    command = [sys.executable, "-m", "gradconform", "run", str(tmp_path / "specs"), "--adapter", str(folder)]
    command += ["--out", str(tmp_path / "out" / "report")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    family: list[int] = []
    try:
        family = waited_for(pids)
        yield process, family
    finally:
        # The worker leads a group of its own, in which its child may be left.
        for leader in (process.pid, *family[:1]):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_leaves_nothing_behind(
    hanging: tuple[subprocess.Popen[str], list[int]], tmp_path: Path, number: int, status: int
) -> None:
    """Ctrl-C and kill: no worker, no child of it, no pool, no temporary folder, no traceback."""
    process, pids = hanging
    # As a terminal does it: the whole group.
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == status
    assert "interrupted; earlier results are untouched" in said
    assert "Traceback" not in said
    assert gone(pids[:1])
    assert gone(pids)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_is_killed_takes_its_worker_along(
    hanging: tuple[subprocess.Popen[str], list[int]],
) -> None:
    """SIGKILL leaves no time to tidy up; the kernel ends the worker, and the pool's processes end themselves."""
    process, pids = hanging
    pool = {
        int(p.parent.name) for p in Path("/proc").glob("[0-9]*/cmdline") if b"spawn_main" in content(p)
    } & descendants(process.pid)
    assert pool
    process.kill()
    process.wait()
    assert gone([pids[0], *pool])


def content(path: Path) -> bytes:
    """A file that may vanish."""
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def descendants(pid: int) -> set[int]:
    """The processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_a_run_reports_the_others_and_exits_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One adapter is killed in one problem of three: its other two and the whole of the other adapter are judged."""
    bad = fake(tmp_path, monkeypatch, name="bad", top=COUNT, op=SECOND.format("os.kill(os.getpid(), signal.SIGKILL)"))
    good = fake(tmp_path, monkeypatch, name="good")
    files = specs(tmp_path / "specs", "a", "b", "c")
    options = Options(adapter=(str(bad), str(good)))
    assert command.execute(files, options, tmp_path / "out", None) == 3
    frame = read(tmp_path / "out")
    judged = frame[frame["verdict"] != "measured"]
    lost = judged[judged["verdict"] == "crashed"]
    assert list(zip(lost["framework"], lost["spec"], lost["reason"], strict=True)) == [
        ("bad", "b", "killed by SIGKILL; it wrote nothing")
    ]
    assert set(judged[judged["verdict"] == "conforms"].groupby(["framework", "spec"]).groups) == {
        ("bad", "a"),
        ("bad", "c"),
        ("good", "a"),
        ("good", "b"),
        ("good", "c"),
    }


def test_a_truncated_capture_costs_its_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose files are not what it says: refused, with the file."""
    folder = fake(tmp_path, monkeypatch)
    routes = folder / "routes.py"
    cut = (
        "import atexit, json\ndef spoil(path, size=[0]):\n    os.truncate(path, os.path.getsize(path) - 4)\n"
        "real = os.replace\ndef replace(a, b):\n    real(a, b)\n    b.endswith('safetensors') and spoil(b)\n"
        "os.replace = replace\n"
    )
    routes.write_text(routes.read_text() + cut)
    options = Options(adapter=(str(folder),))
    assert command.execute(specs(tmp_path / "specs", "a"), options, tmp_path / "out", tmp_path / "keep") == 3
    (reason,) = read(tmp_path / "out")["reason"]
    assert "damaged or not whole" in reason


def limited(size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`gradconform` where no file may become larger than `size`: what a full disk looks like."""
    code = (
        "import resource, sys; from gradconform.command.main import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); main(sys.argv[1:])"
    )
    # The processes of the pool inherit the limit.
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("size", [100, 6000])
def test_a_full_disk_is_an_error_and_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Wherever it is hit, in drawing, capturing or reporting: a sentence, and the earlier report stays as it was."""
    folder = fake(tmp_path, monkeypatch)
    (path,) = specs(tmp_path / "specs", "a")
    out = tmp_path / "out" / "report"
    arguments = ["run", str(path), "--adapter", str(folder), "--out", str(out)]
    out.mkdir(parents=True)
    for name in ("index.html", "diff.csv", "diff.parquet", "run.json"):
        (out / name).write_text("of an earlier run")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    done = limited(size, *arguments)
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr
    assert "large" in done.stderr + done.stdout
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in out.parent.iterdir()] == ["report"]


def test_the_pool_is_not_waited_for_after_an_error() -> None:
    """Judging may take minutes; nobody wants its results any more."""
    begin = time.monotonic()
    with pytest.raises(RuntimeError, match="stop"), pool(1) as workers:
        workers.submit(time.sleep, 60)
        time.sleep(0.5)
        raise RuntimeError("stop")
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("numbers", "threads"),
    [([SMALL], True), ([SMALL // FEW] * FEW, True), ([SMALL + 1], False), ([1] * (FEW + 1), False)],
)
def test_few_small_problems_need_no_process(numbers: list[int], threads: bool) -> None:
    """They are done in a thread of this one; more of them, or larger ones, by processes of their own."""
    with crew(numbers) as workers:
        assert (workers.submit(os.getpid).result() == os.getpid()) == threads


def test_a_thread_gives_the_rows_that_processes_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte."""
    fake(tmp_path, monkeypatch, name="good", op="return np.maximum(x, 0)")
    specs(tmp_path / "specs", "a", "b", "c")
    found = []
    for few in (FEW, 0):
        monkeypatch.setattr(processes, "FEW", few)
        out = tmp_path / str(few)
        assert command.execute([tmp_path / "specs"], Options(adapter=(str(tmp_path / "good"),)), out, None) == 0
        found.append((out / "diff.csv").read_bytes())
    assert found[0] == found[1] != b""
