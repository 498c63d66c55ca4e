"""Captures for a test run: a framework's start is shared, however many test processes share the run.

Tests ask for one capture at a time, and a framework takes seconds to import. So the first that asks has all problems of
every framework captured, in the background, into one folder, and each test waits for its own alone. Where several
processes share the folder (pytest-xdist), one of them leads each framework. That is whoever holds its lock; when the
leader dies or ends, the lock is free, and another takes what is left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gradconform.capture import worker
from gradconform.capture.adapters import Adapter
from gradconform.contract import ContractError, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.judge import judge
from gradconform.judge.known import Known
from gradconform.rows import Row
from gradconform.run import apart

POLL = 0.02


class Stopped(Exception):  # noqa: N818 - the end of a run, as KeyboardInterrupt is
    """The run ended while a test still waited for a capture or a lock."""


class Batches:
    """Problems and captures of one run, below a folder that other processes may share.

    wanted: every problem that may be asked for, for each adapter, in the order of the tests.
    """

    def __init__(self, root: Path, wanted: Mapping[Adapter, Sequence[Variant]], seed: int | None = None) -> None:
        self.folder = Folder(root)
        self.wanted = wanted
        self.seed = seed
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(max(1, len(wanted)), "gradconform")
        self._leaders: dict[str, Future[None]] = {}

    def rows(self, adapter: Adapter, variant: Variant, entries: Sequence[Known] | None = None) -> list[Row]:
        """What the judge says of one problem in one framework. entries: as in `judge`.

        Raises ContractError where the problem cannot be drawn.
        """
        self._draw(variant)
        capture = self._captured(adapter, variant)
        # Test processes share the cores already.
        with threadpool_limits(1):
            rows = judge(self.folder.problem(variant.name), {adapter.name: capture}, entries)
            if again := apart.task(self.folder.problem(variant.name), capture, rows):
                # Nobody else asks for this one: each test is run by one process.
                jobs = self.folder.root / "jobs" / f"{adapter.name}-{os.getpid()}-apart" / variant.name
                worker.capture(adapter, [again], job_folder=jobs, stop=self._stop, also=())
                rows = judge(self.folder.problem(variant.name), {adapter.name: capture}, entries)
            return rows

    def close(self) -> None:
        """End the frameworks' processes that were started here."""
        self._stop.set()
        self._threads.shutdown(cancel_futures=True)

    def _captured(self, adapter: Adapter, variant: Variant) -> Path:
        """The folder of a capture, as soon as it is whole. Raises Stopped."""
        capture = self.folder.capture(adapter.name, variant.name)
        while not (capture / "capture.json").exists():
            if self._stop.is_set():
                raise Stopped(f"{variant.name} in {adapter.name}: the run ended before it was captured")
            for other in self.wanted:
                if other.name not in self._leaders:
                    self._leaders[other.name] = self._threads.submit(self._lead, other)
            if self._leaders[adapter.name].done():
                self._leaders.pop(adapter.name).result()
            time.sleep(POLL)
        return capture

    def _lead(self, adapter: Adapter) -> None:
        """Capture what no process has captured yet, as soon as no other process leads this framework."""
        with self._locked(f"captures-{adapter.name}"):
            tasks = list(self._tasks(adapter))
            if tasks:
                jobs = self.folder.root / "jobs" / f"{adapter.name}-{os.getpid()}"
                worker.capture(adapter, tasks, job_folder=jobs, stop=self._stop)

    def _tasks(self, adapter: Adapter) -> Iterator[worker.Task]:
        for variant in self.wanted[adapter]:
            capture = self.folder.capture(adapter.name, variant.name)
            if self._stop.is_set() or (capture / "capture.json").exists():
                continue
            # Whoever led before died in the middle of it.
            shutil.rmtree(capture, ignore_errors=True)
            try:
                digest = self._draw(variant)
            except ContractError:
                # The test of this problem draws it too, and says so.
                continue
            yield worker.Task(self.folder.problem(variant.name), capture, digest)

    def _draw(self, variant: Variant) -> str:
        """The digest of a problem, which is drawn where no process has done so. Raises ContractError."""
        place, part = self.folder.problem(variant.name), self.folder.root / "drawing" / variant.name
        if not place.exists():
            with self._locked(f"problem-{variant.name}"):
                if not place.exists():
                    # What a process that was killed left there may lack its proof of exactness.
                    shutil.rmtree(part, ignore_errors=True)
                    draw_problem(variant.network, part, dtype=variant.dtype, values=variant.values, seed=self.seed)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    part.rename(place)
        return read_problem(place).digest

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Hold a lock that the system takes back when this process dies. Raises Stopped."""
        path = self.folder.root / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            while not _taken(file.fileno()):
                if self._stop.wait(POLL):
                    raise Stopped(f"the run ended before the lock {name} was free")
            yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
