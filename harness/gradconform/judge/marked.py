"""Rows as a run ends with them: what is listed or recorded is marked, and what changed since is loud."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gradconform import paths
from gradconform.judge import conventions, known
from gradconform.judge.conventions import Conventions
from gradconform.judge.known import Known
from gradconform.rows import Row


def listed(*folders: Path) -> list[Known]:
    """The listed divergences: those that come along with the package, and those of further folders.

    Raises KnownError.
    """
    places = (paths.specs_folder() / "known", *folders)
    return [entry for folder in places for entry in known.load(folder)]


def marked(rows: Iterable[Row], entries: Sequence[Known], recorded: Conventions | None = None) -> list[Row]:
    """The rows with known divergences and recorded conventions marked, and what changed since made to diverge.

    entries: the divergences that are listed.
    recorded: the conventions; those that come along where they are not given.
    """
    return list(marking(rows, entries, recorded))


def marking(rows: Iterable[Row], entries: Sequence[Known], recorded: Conventions | None = None) -> Iterator[Row]:
    """As `marked`, one row after the other; what is listed and did not happen comes last."""
    return known.apply(conventions.apply(rows, recorded), entries)
