"""The stages of a chunk: what a worker is asked, what becomes of its answer, and of a problem that kills workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gradconform.capture.worker import Task, write_crash
from gradconform.cluster import tasks
from gradconform.cluster.chunks import Chunk
from gradconform.cluster.place import Place
from gradconform.contract.names import CaptureName
from gradconform.judge import refused
from gradconform.reasons import Code, detailed
from gradconform.run import apart


class Stage(Protocol):
    """One stage.

    name: in the progress. resource: what a worker must offer; empty for any worker. priority: higher is done first.
    shown: whether every problem goes through it, so that its progress tells something.
    """

    @property
    def name(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def shown(self) -> bool: ...

    def wants(self, chunk: Chunk) -> bool:
        """Whether there is anything to do for a chunk."""

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """The function that a worker calls for a part of a chunk, and its arguments."""

    def take(self, chunk: Chunk, part: slice, answer: Any) -> None:
        """Put the answer into the chunk."""

    def give_up(self, chunk: Chunk, index: int) -> None:
        """Say of one piece that it kills workers."""


@dataclass(frozen=True)
class Draw:
    """Problems are written."""

    place: Place
    drawing: tasks.Drawing
    name: str = "draw"
    resource: str = ""
    priority: int = 0
    shown: bool = True

    def wants(self, chunk: Chunk) -> bool:
        """Every chunk goes through it."""
        return True

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Draw the part."""
        return tasks.draw, self.place, chunk.pieces[part], self.drawing

    def take(self, chunk: Chunk, part: slice, answer: Sequence[str]) -> None:
        """answer: digest of each problem."""
        chunk.pieces[part] = [piece.drawn(digest) for piece, digest in zip(chunk.pieces[part], answer, strict=True)]

    def give_up(self, chunk: Chunk, index: int) -> None:
        """Each of its captures says so."""
        piece, why = chunk.pieces[index], killed_while("drew")
        chunk.pieces[index] = replace(piece, variant=None, lost=why)
        for way, folder in piece.captures.items():
            name = CaptureName.read(way)
            write_crash(name.framework, Task(piece.problem, folder, ""), name.route or "primary", why)


@dataclass(frozen=True)
class Capture:
    """Problems are captured in one framework, by one route. cpus: takes the processors on which that is done."""

    place: Place
    asking: tasks.Asking
    cpus: set[str] = field(default_factory=set)
    priority: int = 1
    shown: bool = True

    def wants(self, chunk: Chunk) -> bool:
        """Every chunk goes through it."""
        return True

    @property
    def name(self) -> str:
        """That of the captures."""
        return self.asking.way

    @property
    def resource(self) -> str:
        """The adapter."""
        return CaptureName.read(self.asking.way).adapter

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Capture the part."""
        return tasks.capture, self.place, chunk.pieces[part], self.asking

    def take(self, chunk: Chunk, part: slice, answer: str) -> None:
        """answer: the processor."""
        self.cpus.add(answer)

    def give_up(self, chunk: Chunk, index: int) -> None:
        """The capture says that it crashed, as of a framework whose own process died."""
        piece, name = chunk.pieces[index], CaptureName.read(self.asking.way)
        task = Task(piece.problem, piece.captures[self.asking.way], piece.digest)
        write_crash(name.framework, task, self.asking.route, killed_while("captured"))


@dataclass(frozen=True)
class Judge:
    """Problems are judged. places: every folder in which problems or captures lie."""

    places: Sequence[Place]
    name: str = "judge"
    resource: str = ""
    priority: int = 2
    shown: bool = True

    def wants(self, chunk: Chunk) -> bool:
        """Every chunk goes through it."""
        return True

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Judge the part."""
        return tasks.judge, self.places, chunk.pieces[part]

    def take(self, chunk: Chunk, part: slice, answer: Sequence[list[Any]]) -> None:
        """answer: the rows of each problem."""
        chunk.rows.update(enumerate(answer, part.start))

    def give_up(self, chunk: Chunk, index: int) -> None:
        """A row `crashed` for each of its captures."""
        piece = chunk.pieces[index]
        chunk.rows[index] = refused.rows(piece.problem, piece.captures, killed_while("judged"))


@dataclass(frozen=True)
class Separate:
    """Where several readers of a tensor are blamed together, problems are captured once more, in one framework."""

    place: Place
    asking: tasks.Asking
    priority: int = 2
    shown: bool = False

    @property
    def name(self) -> str:
        """That of the captures, apart."""
        return f"{self.asking.way}-apart"

    @property
    def resource(self) -> str:
        """The adapter."""
        return self.asking.way

    def wants(self, chunk: Chunk) -> bool:
        """Those in which somebody is blamed with another."""
        return any(apart.joint(rows) for rows in chunk.rows.values())

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Capture those of the part that are in doubt."""
        joint = [apart.joint(chunk.rows.get(index, [])) for index in range(part.start, part.stop)]
        return tasks.separate, self.place, chunk.pieces[part], joint, self.asking

    def take(self, chunk: Chunk, part: slice, answer: str) -> None:
        """What was captured lies on disk."""

    def give_up(self, chunk: Chunk, index: int) -> None:
        """The readers stay blamed together."""


@dataclass(frozen=True)
class JudgeAgain:
    """Problems are judged with their second captures. places: as of `Judge`."""

    places: Sequence[Place]
    name: str = "judge-apart"
    resource: str = ""
    priority: int = 3
    shown: bool = False

    def wants(self, chunk: Chunk) -> bool:
        """Those that may have second captures."""
        return bool(self._doubtful(chunk, slice(0, len(chunk.pieces))))

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Judge those of the part that were in doubt."""
        return tasks.judge, self.places, [chunk.pieces[index] for index in self._doubtful(chunk, part)]

    def take(self, chunk: Chunk, part: slice, answer: Sequence[list[Any]]) -> None:
        """answer: the rows of each problem that was in doubt."""
        chunk.rows.update(zip(self._doubtful(chunk, part), answer, strict=True))

    def give_up(self, chunk: Chunk, index: int) -> None:
        """The rows stay those of the first captures."""

    def _doubtful(self, chunk: Chunk, part: slice) -> list[int]:
        return [index for index in range(part.start, part.stop) if apart.joint(chunk.rows.get(index, []))]


def killed_while(did: str) -> str:
    """The reason of a problem that kills workers. did: what they did to it."""
    return detailed(
        Code.KILLED_WORKER,
        f"every worker that {did} this problem was killed, with no other task beside it too; look into the workers' "
        "logs, or give them more memory",
    )
