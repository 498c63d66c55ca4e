"""Running an adapter's worker over many problems, and surviving whatever it does.

One process serves many problems, since importing a framework costs seconds. When it dies, hangs or fills the disk with its log, the
problem it was at is recorded as crashed, and a new process takes the rest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.adapters import Adapter, worker
from harness.contract import FORMAT, write_whole

POLL = 0.02
LOG_LIMIT = 64 << 20
LAST_LINES = 6


@dataclass(frozen=True)
class Task:
    """One problem to capture. problem, capture: folders; the second must not exist yet. digest: the problem's."""

    problem: Path
    capture: Path
    digest: str


@dataclass(frozen=True)
class Limits:
    """seconds: for one problem, from its start. start: for the interpreter and the framework to come up. memory: bytes of address space, or None."""

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
) -> None:
    """Run all tasks; afterwards each has a `capture.json`, if only one that says `crashed` and why."""
    limits = limits or Limits()
    left = list(tasks)
    attempt = 0
    job_folder.mkdir(parents=True, exist_ok=True)
    while left:
        attempt += 1
        stem = job_folder / f"{adapter.name}-{attempt}"
        run = _Run(adapter, left, stem, route, threads, limits, finished)
        cause = run.wait()
        left = run.left
        if left:
            # Whatever went wrong costs the problem it was at. If nothing had begun, the framework does not come up at all.
            lost = left[:1] if run.began(left[0]) else left
            for task in lost:
                _write_crash(adapter, task, route, run.why(cause))
                finished(task)
            left = left[len(lost) :]


class _Run:
    """One process of the worker."""

    def __init__(
        self, adapter: Adapter, tasks: Sequence[Task], stem: Path, route: str, threads: int, limits: Limits,
        finished: Callable[[Task], None],
    ) -> None:  # fmt: skip
        self.left = list(tasks)
        self.limits = limits
        self.finished = finished
        job = {
            "adapter": str(adapter.folder), "route": route, "threads": threads,
            "tasks": [{"problem": str(t.problem), "capture": str(t.capture)} for t in tasks],
        }  # fmt: skip
        write_whole(stem.with_suffix(".json"), json.dumps(job, indent=1))
        self.log = stem.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(adapter.interpreter), "-I", str(worker()), str(stem.with_suffix(".json"))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=environment(threads), preexec_fn=_memory_limit(limits.memory),
            )  # fmt: skip

    def wait(self) -> str | None:
        """Wait until the process ends or has to be ended; the cause, where we ended it."""
        since = time.monotonic()
        at: Path | None = None
        while True:
            ended = self.process.poll() is not None
            self._collect()
            if ended:
                return None
            now = self.left[0].capture if self.left and self.began(self.left[0]) else None
            if now != at:
                at, since = now, time.monotonic()
            allowed = self.limits.start if at is None else self.limits.seconds
            if self.left and time.monotonic() - since > allowed:
                return self._end(f"no result within {allowed:g} s")
            if self.log.stat().st_size > LOG_LIMIT:
                return self._end(f"wrote more than {LOG_LIMIT >> 20} MiB to its output")
            time.sleep(POLL)

    def _collect(self) -> None:
        while self.left and (self.left[0].capture / "capture.json").exists():
            self.finished(self.left.pop(0))

    def began(self, task: Task) -> bool:
        """Whether the worker had begun this task."""
        return (task.capture / "started").exists()

    def _end(self, cause: str) -> str:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._collect()
        return cause

    def why(self, cause: str | None) -> str:
        """What to tell the reader of a report: how it ended and the last lines it wrote."""
        code = self.process.returncode
        if cause is None:
            cause = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
        lines = last_lines(self.log)
        return cause + (f"; last lines: {lines}" if lines else "; it wrote nothing")


def last_lines(log: Path) -> str:
    """The end of a log as one line of printable text."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        text = file.read().decode("utf-8", "replace")
    lines = ["".join(c if c.isprintable() else "?" for c in line.strip()) for line in text.splitlines()]
    return " | ".join([line[:300] for line in lines if line][-LAST_LINES:])


def environment(threads: int) -> dict[str, str]:
    """The environment of a worker: ours, with the number of threads that every numeric library looks for."""
    names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
    return {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}, "PYTHONUNBUFFERED": "1"}


def _memory_limit(limit: int | None) -> Callable[[], None] | None:
    if limit is None:
        return None

    def apply() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return apply


def _write_crash(adapter: Adapter, task: Task, route: str, reason: str) -> None:
    task.capture.mkdir(parents=True, exist_ok=True)
    document = {
        "format": FORMAT, "status": "crashed", "reason": reason, "framework": adapter.framework, "version": "",
        "route": route, "problem": task.digest, "missing": {},
    }  # fmt: skip
    write_whole(task.capture / "capture.json", json.dumps(document, indent=1))
