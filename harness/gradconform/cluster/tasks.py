"""What is done on a worker: problems are drawn, captured and judged there, a chunk at a time."""

from __future__ import annotations

import functools
import os
import platform
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from gradconform.capture import adapters, worker
from gradconform.capture.machine import this_cpu
from gradconform.cluster.chunks import Piece
from gradconform.cluster.place import Place
from gradconform.contract.apart import FOLDER as FOLDER_APART
from gradconform.draw import directions
from gradconform.judge import refused
from gradconform.rows import Row
from gradconform.run import apart, processes, way

# What is ours is Python, and the threads of one process would only wait for each other.
_alone = threading.Lock()


@dataclass(frozen=True)
class Drawing:
    """How problems are drawn. seed: None for each spec's own; numeric, order, eps: as in `Capturing`."""

    seed: int | None = None
    numeric: bool = False
    eps: float | None = None
    order: int = 1


@dataclass(frozen=True)
class Asking:
    """How one framework is asked.

    adapter: its name, or its folder. way: the name of the captures. route: what the worker is told.
    """

    adapter: str
    way: str
    route: str
    threads: int
    limits: worker.Limits
    also: Sequence[str] = worker.ALSO


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with _alone, threadpool_limits(1):
        _set_up()
        yield


@functools.cache
def _set_up() -> bool:
    return processes.keep_freed_memory()


def draw(place: Place, pieces: Sequence[Piece], drawing: Drawing) -> list[str]:
    """Draw problems, and beside each what else is asked of it: their digests. Raises ClusterError, ContractError."""
    place.check(_here())
    found = []
    with _one_at_a_time():
        for piece in pieces:
            assert piece.variant is not None
            digest = way.draw_one(piece.variant, piece.problem, drawing.seed)
            if drawing.numeric:
                way.probe_one(piece.problem, drawing.eps)
            if drawing.order == 2:
                directions.prepare(piece.problem)
            found.append(digest)
    return found


def capture(place: Place, pieces: Sequence[Piece], asking: Asking) -> str:
    """Capture problems in one framework; the processor of this machine. Raises ClusterError, AdapterError.

    A capture appears whole: it is made in a folder of its own and moved to its place. So a task may be done twice, or
    be killed and done again, and what was captured before it was killed is kept.
    """
    place.check(_here())
    adapter, stop = adapters.find(asking.adapter), threading.Event()
    asked = [piece for piece in pieces if asking.way in piece.captures and not piece.lost]
    wanted = [piece for piece in asked if not (piece.captures[asking.way] / "capture.json").exists()]
    with _scratch(place.folder / "jobs" / asking.way) as work:
        tasks = [worker.Task(piece.problem, work / piece.problem.name, piece.digest) for piece in wanted]
        final = {task.capture: piece.captures[asking.way] for task, piece in zip(tasks, wanted, strict=True)}
        if asking.route == "primary":
            tasks += [more for task in tasks for more in worker.besides(task)]
        left = Counter(_made_in(task) for task in tasks)

        def finished(task: worker.Task) -> None:
            made = _made_in(task)
            left[made] -= 1
            if not left[made]:
                _put(made, final[made])
            if not place.mark.exists():
                stop.set()

        worker.capture(
            adapter,
            tasks,
            job_folder=work / "jobs",
            route=asking.route,
            threads=asking.threads,
            limits=asking.limits,
            finished=finished,
            stop=stop,
            also=asking.also,
        )
    return this_cpu()


def separate(place: Place, pieces: Sequence[Piece], joint: Sequence[Sequence[Row]], asking: Asking) -> str:
    """Capture problems once more, with an identity before each reader; the processor of this machine.

    joint: of each problem the rows in which several readers are blamed. Raises ClusterError, AdapterError.
    """
    place.check(_here())
    final: dict[Path, Path] = {}
    with _scratch(place.folder / "jobs" / f"{asking.way}-apart") as work:
        tasks = []
        for piece, rows in zip(pieces, joint, strict=True):
            first, at = piece.captures.get(asking.way), work / piece.problem.name
            if first is not None and (task := apart.task(piece.problem, first, rows, at)):
                tasks.append(task)
                final[at] = first / FOLDER_APART
        if tasks:
            worker.capture(
                adapters.find(asking.adapter),
                tasks,
                job_folder=work / "jobs",
                threads=asking.threads,
                limits=asking.limits,
                also=(),
                finished=lambda task: _put(task.capture, final[task.capture]),
            )
    return this_cpu()


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A folder of this task's own; the locks of `contract/place.py` may be unknown to another machine."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _made_in(task: worker.Task) -> Path:
    return task.capture if task.probes is None and task.second is None else task.capture.parent


def _put(made: Path, final: Path) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(made, final)
    except OSError:
        # Somebody who was thought dead came first.
        if not (final / "capture.json").exists():
            raise


def judge(places: Sequence[Place], pieces: Sequence[Piece]) -> list[list[Row]]:
    """The rows of each problem. Raises ClusterError."""
    for place in places:
        place.check(_here())
    with _one_at_a_time():
        return [judged(piece) for piece in pieces]


def judged(piece: Piece) -> list[Row]:
    """The rows of one problem; where it could not be drawn, rows that say so."""
    if piece.lost:
        return refused.rows(piece.problem, piece.captures, piece.lost)
    return way.judge_or_refuse(piece.problem, piece.captures)


def described(place: Place, adapter: str) -> dict[str, Any]:
    """What an adapter says of itself on the worker that has it. Raises ClusterError, AdapterError."""
    place.check(_here())
    return dict(adapters.describe(adapters.find(adapter)))


def _here() -> str:
    return f"the worker on {platform.node()}"
