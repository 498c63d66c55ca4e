"""Running an adapter's worker over many problems, and surviving whatever it does.

One process serves many problems, since importing a framework costs seconds. When it dies, hangs or fills the disk
with its log, the problem it was at is recorded as crashed, and a new process takes the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gradconform.capture.adapters import Adapter, worker
from gradconform.contract import FORMAT, write_whole
from gradconform.contract.second import FOLDER as SECOND
from gradconform.numeric import FOLDER

ALSO = ("unchanged",)
"""What a worker looks at besides, unless it is told otherwise: what costs less than a tenth of a run."""
POLL = 0.02
LOG_LIMIT = 64 << 20
# How much of a log that was too long is kept.
LOG_KEPT = 1 << 20
LAST_LINES = 10
# How long a worker that has done everything may take to end.
GRACE = 5.0

# What the framework's interpreter is started by, and replaced with: its memory is limited, and when we are killed it is
# killed too (PR_SET_PDEATHSIG; where there is no such thing it ends when its tasks do).
LAUNCH = """
import os, sys
parent, memory, *command = sys.argv[1:]
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
except (AttributeError, ImportError, OSError):
    pass
if os.getppid() != int(parent):
    sys.exit("whoever started this is gone")
if int(memory):
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
try:
    os.execv(command[0], command)
except OSError as error:
    sys.exit(f"{command[0]} cannot be run: {error.strerror}")
"""


@dataclass(frozen=True)
class Task:
    """One problem to capture.

    problem: the folder of the problem.
    capture: the folder that is made; it must not exist yet.
    digest: the digest of the problem.
    probes: a folder of points at which only the forward is run, for a numerical derivative; None for a usual capture.
    apart: a folder with a problem.json that takes the place of the problem's own; None for a usual capture.
    second: a folder of directions, for a capture of second order; None for a usual capture.
    """

    problem: Path
    capture: Path
    digest: str
    probes: Path | None = None
    apart: Path | None = None
    second: Path | None = None

    @property
    def document(self) -> dict[str, str]:
        """The task as it stands in the job that the worker reads."""
        beside = {"probes": self.probes, "apart": self.apart, "second": self.second}
        given = {name: str(folder) for name, folder in beside.items() if folder is not None}
        return {"problem": str(self.problem), "capture": str(self.capture), **given}


def numeric(task: Task) -> Task:
    """The task that runs the forward alone, for a numerical derivative, into a folder beside the capture."""
    return replace(task, capture=task.capture / FOLDER, probes=task.problem / FOLDER)


def second_order(task: Task) -> Task:
    """The task that differentiates twice, into a folder beside the capture."""
    return replace(task, capture=task.capture / SECOND, second=task.problem / SECOND)


def besides_of(problem: Path) -> list[Callable[[Task], Task]]:
    """What is captured besides, into folders below a capture: what something lies beside the problem to ask for."""
    makers = {FOLDER: numeric, SECOND: second_order}
    return [make for folder, make in makers.items() if (problem / folder).is_dir()]


def besides(task: Task) -> list[Task]:
    """The tasks that are done besides a usual one."""
    return [make(task) for make in besides_of(task.problem)]


@dataclass(frozen=True)
class Limits:
    """What a worker may take.

    seconds: time for one problem, from its start.
    start: seconds until the interpreter and the framework have come up.
    memory: bytes of address space; None for no limit.
    """

    seconds: float = 600.0
    start: float = 180.0
    memory: int | None = None


def capture(
    adapter: Adapter,
    tasks: Sequence[Task],
    *,
    job_folder: Path,
    route: str = "primary",
    threads: int = 1,
    limits: Limits | None = None,
    finished: Callable[[Task], None] = lambda task: None,
    stop: threading.Event | None = None,
    also: Sequence[str] = ALSO,
) -> None:
    """Run all tasks; afterwards each has a `capture.json`, if only one that says `crashed` and why.

    finished: called with each task when it is done.
    stop: once it is set, the worker is killed and the remaining tasks are left undone.
    also: what the worker looks at besides: `unchanged`, `repeat`.
    No process is left behind, whatever is raised.
    """
    left = list(tasks)
    attempt = 0
    job_folder.mkdir(parents=True, exist_ok=True)
    while left and not (stop and stop.is_set()):
        attempt += 1
        stem = str(job_folder / f"{adapter.name}-{attempt}")
        with contextlib.closing(_Run(adapter, left, stem, route, threads, limits or Limits(), finished, also)) as run:
            cause = run.wait(stop)
        if stop and stop.is_set():
            return
        # Whatever went wrong costs the problem it was at. If nothing had begun, the framework does not come up at all.
        lost, rest = run.passed, run.left
        if rest and run.began(rest[0]):
            lost, rest = [*lost, rest[0]], rest[1:]
        elif len(rest) == len(left):
            lost, rest = rest, []
        reason = run.why(cause) if lost else ""
        for task in lost:
            write_crash(adapter.framework, task, route, reason)
            finished(task)
        left = rest


class _Run:
    """One process of the worker.

    left: the tasks that have no result yet.
    passed: the tasks that the process is through with, without having been able to write a result.
    """

    def __init__(
        self,
        adapter: Adapter,
        tasks: Sequence[Task],
        stem: str,
        route: str,
        threads: int,
        limits: Limits,
        finished: Callable[[Task], None],
        also: Sequence[str],
    ) -> None:
        self.left = list(tasks)
        self.passed: list[Task] = []
        self.limits = limits
        self.finished = finished
        job = {
            "adapter": str(adapter.folder),
            "route": route,
            "threads": threads,
            "also": list(also),
            "tasks": [task.document for task in tasks],
        }
        # Not with_suffix: a name like `chainer-6.3` has a point in it.
        place, self.log = Path(stem + ".json"), Path(stem + ".log")
        write_whole(place, json.dumps(job, indent=1))
        launch = [sys.executable, "-I", "-S", "-c", LAUNCH, str(os.getpid()), str(limits.memory or 0)]
        # -u: what a process that is killed wrote last must be in the log.
        command = [str(adapter.interpreter), "-I", "-u", str(worker()), str(place)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                launch + command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=environment(threads),
            )

    def wait(self, stop: threading.Event | None) -> str | None:
        """Wait until the process ends or has to be killed. Returns why it was killed; None where it ended by itself."""
        since = time.monotonic()
        at: Path | None = None
        while True:
            ended = self.process.poll() is not None
            self._collect()
            if ended:
                return None
            if stop and stop.is_set():
                return self._end("stopped")
            now = self.left[0].capture if self.left and self.began(self.left[0]) else None
            if now != at:
                at, since = now, time.monotonic()
            allowed = GRACE if not self.left else self.limits.start if at is None else self.limits.seconds
            if time.monotonic() - since > allowed:
                return self._end(f"no result within {allowed:g} s")
            if self.log.stat().st_size > LOG_LIMIT:
                return self._end(f"wrote more than {LOG_LIMIT >> 20} MiB to its output")
            time.sleep(POLL)

    def _collect(self) -> None:
        while self.left:
            first = self.left[0]
            # Looked at first: the worker may write this capture and begin the next between the two looks.
            next_began = len(self.left) > 1 and self.began(self.left[1])
            if (first.capture / "capture.json").exists():
                self.finished(self.left.pop(0))
            elif next_began:
                self.passed.append(self.left.pop(0))
            else:
                return

    def began(self, task: Task) -> bool:
        """Whether the worker had begun a task before it ended."""
        return (task.capture / "started").exists()

    def _end(self, cause: str) -> str:
        self.close()
        self._collect()
        return cause

    def close(self) -> None:
        """End the process, and whatever processes it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def why(self, cause: str | None) -> str:
        """How the process ended and the last lines that it wrote, for the reader of a report."""
        if cause is None:
            cause = _ending(self.process.returncode)
        lines = last_lines(self.log)
        if self.log.stat().st_size > LOG_LIMIT:
            os.truncate(self.log, LOG_KEPT)
        return cause + (f"; last lines: {lines}" if lines else "; it wrote nothing")


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def last_lines(log: Path) -> str:
    """The end of a log as one line of printable text."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        text = file.read().decode("utf-8", "replace")
    lines = ["".join(c if c.isprintable() else "?" for c in line.strip()) for line in text.splitlines()]
    return " | ".join([line[:300] for line in lines if line][-LAST_LINES:])


def environment(threads: int) -> dict[str, str]:
    """The environment variables of a worker: ours, with the variables that set the threads of numeric libraries."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}


def write_crash(framework: str, task: Task, route: str, reason: str) -> None:
    """Write the capture of a problem at which the process died: a `capture.json` that says `crashed` and why."""
    task.capture.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT,
        "status": "crashed",
        "reason": reason,
        "framework": framework,
        "version": "",
        "route": route,
        "problem": task.digest,
        "missing": {},
    }
    write_whole(task.capture / "capture.json", json.dumps(document, indent=1))
