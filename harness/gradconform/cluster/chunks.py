"""What is handed out at a time: about a hundred small problems, or one large network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from gradconform.contract.folder import numbers_in
from gradconform.draw.variants import Variant, numbers_of
from gradconform.rows import Row

T = TypeVar("T")

MOST = 100
"""Problems in one chunk."""
NUMBERS = 2_000_000
"""Numbers in the problems of one chunk, unless a single problem has more."""


@dataclass(frozen=True)
class Piece:
    """One problem on its way.

    problem: its folder. captures: name of a capture -> its folder. variant: what is drawn; None where it lies there
    already. digest: of the problem, once it is drawn. lost: why it cannot be drawn; empty where it can.
    """

    problem: Path
    captures: Mapping[str, Path]
    variant: Variant | None = None
    digest: str = ""
    lost: str = ""

    def drawn(self, digest: str) -> Piece:
        """The piece once its problem is on disk; what it was drawn from is let go."""
        return replace(self, variant=None, digest=digest)

    @property
    def numbers(self) -> int:
        """How many numbers its problem has, roughly: what drawing, capturing and judging it take time for."""
        return numbers_in(self.problem) if self.variant is None else numbers_of(self.variant)


def chunked(items: Iterable[T], numbers: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in their order, as many at a time as are worth one task; never an empty list."""
    chunk: list[T] = []
    full = 0
    for item in items:
        size = numbers(item)
        if chunk and (len(chunk) == MOST or full + size > NUMBERS):
            yield chunk
            chunk, full = [], 0
        chunk.append(item)
        full += size
    if chunk:
        yield chunk


@dataclass
class Chunk:
    """Problems that go through the stages together.

    number: its place among all chunks. pieces: its problems, in their order. step: the stage it is at. left: tasks of
    that stage that are not done. rows: of each piece by its index, once it is judged.
    """

    number: int
    pieces: list[Piece]
    step: int = -1
    left: int = 0
    rows: dict[int, list[Row]] = field(default_factory=dict)

    def in_order(self) -> list[Row]:
        """All rows, in the order of the pieces."""
        return [row for index in range(len(self.pieces)) for row in self.rows.get(index, ())]
