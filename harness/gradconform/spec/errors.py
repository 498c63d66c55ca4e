"""Mistakes of a spec: each has an address, and all of them are shown at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradconform.errors import LONGEST_SHOWN, GradconformError
from gradconform.spec.model import Where

MOST_MISTAKES = 100
LONGEST_TEXT = 400


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a spec.

    where: file and line.
    message: what came and what was expected.
    hint: what to do next; empty where nobody knows.
    """

    where: Where
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class SpecError(GradconformError):
    """A spec cannot be used. `mistakes` holds every reason, and the message shows all of them."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


class Mistakes:
    """The mistakes of one file, found so far.

    A mistake inside a block would come again with every use, so the same text at the same line is kept once.

    found: those that were kept.
    noted: how often one was noted, those included that were kept before; it grows with every use of a bad block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_line: int | None = None
        self.found: list[Mistake] = []
        self.noted = 0
        self._seen: set[tuple[int, str]] = set()

    def add(self, line: int, message: str, hint: str = "", node: str = "") -> None:
        """Note a mistake. Raises SpecError when there are so many that it does not help to read on."""
        self.noted += 1
        if self.last_line is not None:
            # A parser that misses something at the end may point behind it.
            line = min(line, self.last_line)
        if (line, message) in self._seen:
            return
        self._seen.add((line, message))
        text = f"node {node}: {message}" if node else message
        self.found.append(Mistake(Where(self.path, line), _printable(text), _printable(hint)))
        if self.full:
            self.stop()

    @property
    def full(self) -> bool:
        """Whether so many mistakes were found that it does not help to read on."""
        return len(self.found) >= MOST_MISTAKES

    def extend(self, mistakes: Iterable[Mistake]) -> None:
        """Note every one of some mistakes, such as those that a rule yields."""
        for mistake in mistakes:
            self.add(mistake.where.line, mistake.message, mistake.hint)

    def stop(self) -> None:
        """Raise SpecError if any mistake was noted."""
        if not self.found:
            return
        mistakes = sorted(self.found, key=lambda mistake: mistake.where.line)
        if self.full:
            mistakes.append(Mistake(mistakes[-1].where, f"stopped reading after {MOST_MISTAKES} mistakes"))
        raise SpecError(mistakes)


def _printable(text: str) -> str:
    """The text, shortened and without control characters, so that a file can neither steer a terminal nor fill it."""
    text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def show(value: Any) -> str:
    """A value as a message shows it: as it is written in YAML, and never long."""
    words = {True: "true", False: "false", None: "empty"}
    text = words[value] if value is None or isinstance(value, bool) else _short_repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _short_repr(value: Any) -> str:
    if isinstance(value, str):
        return ascii(value[:LONGEST_SHOWN])
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "[" + ", ".join(show(v) for v in value[:10]) + (", ...]" if len(value) > 10 else "]")
    return str(value)


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 element`, `3 elements`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
