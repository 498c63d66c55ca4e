"""Chunks of problems through the stages draw, capture and judge, on whatever workers there are."""

from __future__ import annotations

import importlib
import itertools
import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from gradconform.capture.together import Progress
from gradconform.cluster.chunks import Chunk, Piece, chunked
from gradconform.cluster.connect import Cluster
from gradconform.cluster.errors import ClusterError
from gradconform.cluster.stages import Stage

POLL = 1.0


@dataclass(frozen=True)
class _Task:
    """A part of a chunk at one stage."""

    chunk: Chunk
    stage: Stage
    part: slice

    @property
    def pieces(self) -> int:
        return int(self.part.stop - self.part.start)

    def halves(self) -> tuple[_Task, _Task]:
        middle = (self.part.start + self.part.stop) // 2
        first, second = slice(self.part.start, middle), slice(middle, self.part.stop)
        return _Task(self.chunk, self.stage, first), _Task(self.chunk, self.stage, second)


class Scatter:
    """A run on a cluster.

    steps: the stages, those of one step beside one another. total: how many problems there are. finished: called with
    each chunk that has been through all steps, in any order.
    """

    def __init__(
        self,
        cluster: Cluster,
        steps: Sequence[Sequence[Stage]],
        total: int,
        progress: Progress,
        finished: Callable[[Chunk], None] = lambda chunk: None,
    ) -> None:
        self.cluster, self.steps, self.total = cluster, steps, total
        self.progress, self.finished = progress, finished
        # The tasks that a worker has or that wait for one, by Dask's key.
        self._flying: dict[str, tuple[Any, _Task]] = {}
        # Alone in their task when their worker was killed, which may have been another's doing.
        self._suspects: list[_Task] = []
        self._landed: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._done: Counter[str] = Counter()
        self._keys = (f"{secrets.token_hex(4)}-{number}" for number in itertools.count())
        self._killed = importlib.import_module("distributed").KilledWorker
        self._closed = importlib.import_module("distributed.comm").CommClosedError

    def run(self, pieces: Iterable[Piece]) -> None:
        """Take every problem through its stages.

        Few chunks are in hand at a time, whatever the number of problems. What a killed worker had is done again. A
        chunk that kills workers is halved until the problem that does it is found; that one is done once more with
        nothing beside it, and then given up. Raises ClusterError, AdapterError, ContractError.
        """
        try:
            self._run(enumerate(chunked(pieces, lambda piece: piece.numbers)))
        except (CancelledError, self._closed) as error:
            raise self.cluster.gone() from error
        finally:
            if self.cluster.client.status == "running":
                self.cluster.client.cancel([future for future, _ in self._flying.values()])

    def _run(self, chunks: Iterable[tuple[int, list[Piece]]]) -> None:
        chunks, width = iter(chunks), self.cluster.width()
        more = True
        while more or self._flying or self._suspects:
            while more and len(self._flying) < width:
                found = next(chunks, None)
                more = found is not None
                if found is not None:
                    self._advance(Chunk(*found))
            if self._flying:
                self._land(self._next())
            elif self._suspects:
                self._land_alone(self._suspects.pop())

    def _advance(self, chunk: Chunk) -> None:
        chunk.step += 1
        if chunk.step == len(self.steps):
            self.finished(chunk)
            return
        stages = [stage for stage in self.steps[chunk.step] if stage.wants(chunk)]
        if not stages:
            self._advance(chunk)
            return
        chunk.left = len(stages)
        for stage in stages:
            self._submit(_Task(chunk, stage, slice(0, len(chunk.pieces))))

    def _submit(self, task: _Task) -> None:
        options = {"resources": {task.stage.resource: 1}} if task.stage.resource else {}
        future = self.cluster.client.submit(
            *task.stage.call(task.chunk, task.part),
            key=f"{task.stage.name}-{next(self._keys)}",
            pure=False,
            priority=task.stage.priority,
            **options,
        )
        self._flying[future.key] = future, task
        future.add_done_callback(self._landed.put)

    def _next(self) -> Any:
        lacking = time.monotonic()
        while True:
            try:
                return self._landed.get(timeout=POLL)
            except queue.Empty:
                needed = dict.fromkeys(task.stage.resource for _, task in self._flying.values())
                trouble = self.cluster.trouble([name for name in needed if name])
                if not trouble:
                    lacking = time.monotonic()
                elif time.monotonic() - lacking > self.cluster.wait:
                    raise ClusterError(trouble) from None

    def _land(self, future: Any) -> None:
        _, task = self._flying.pop(future.key)
        if self._answered(future, task):
            self._leave(task)
        elif task.pieces == 1:
            self._suspects.append(task)
        else:
            task.chunk.left += 1
            for half in task.halves():
                self._submit(half)

    def _land_alone(self, task: _Task) -> None:
        self._submit(task)
        future = self._next()
        del self._flying[future.key]
        if not self._answered(future, task):
            task.stage.give_up(task.chunk, task.part.start)
        self._leave(task)

    def _answered(self, future: Any, task: _Task) -> bool:
        """Whether there is an answer, which the stage has then taken; otherwise its workers were killed."""
        try:
            answer = future.result()
        except self._killed:
            return False
        task.stage.take(task.chunk, task.part, answer)
        return True

    def _leave(self, task: _Task) -> None:
        name = task.stage.name
        if task.stage.shown:
            self._done[name] += task.pieces
            self.progress(name, self._done[name], self.total)
        task.chunk.left -= 1
        if task.chunk.left == 0:
            self._advance(task.chunk)
