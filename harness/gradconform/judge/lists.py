"""Lists of known divergences, as files: those that come along with the package, and those of others."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gradconform import paths
from gradconform.contract import explained
from gradconform.judge.known import Known, KnownError


def load(folder: Path) -> tuple[Known, ...]:
    """Every listed divergence in the `*.yaml` files of a folder. Raises KnownError."""
    entries: list[Known] = []
    for path in sorted(folder.glob("*.yaml")):
        written = listed(path, "divergences")
        for i, entry in enumerate(written):
            try:
                entry = Known.model_validate(entry)
                shows = entry.shows.model_copy(update={"file": (folder / entry.shows.file).resolve()})
                shows.network()
            except ValidationError as error:
                raise KnownError(f"{path}:{_line(path, i)}: entry {i + 1}: {explained(error)}") from error
            except KnownError as error:
                raise KnownError(f"{path}:{_line(path, i)}: entry {i + 1}: shows: {error}") from error
            entries.append(entry.model_copy(update={"shows": shows}))
    return tuple(entries)


@cache
def shipped() -> tuple[Known, ...]:
    """The divergences that come along with the package, read once. Raises KnownError."""
    return load(paths.specs_folder() / "known")


def listed(path: Path, what: str) -> list[Any]:
    """The list that a YAML file holds; its entries are not looked at. Raises KnownError.

    what: what the entries are, for the message.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Not every scalar that looks like a date is one (ValueError).
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise KnownError(f"{path}: {error}") from error
    if not isinstance(entries, list):
        raise KnownError(f"{path}: holds a {type(entries).__name__}; expected a list of {what}")
    return entries


def _line(path: Path, index: int) -> int:
    """The line on which an entry of a list begins, counted from 1."""
    root = yaml.compose(path.read_text(encoding="utf-8"))
    assert isinstance(root, yaml.SequenceNode)
    return int(root.value[index].start_mark.line) + 1
