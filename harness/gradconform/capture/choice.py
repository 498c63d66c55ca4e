"""Which adapters a run is of: those that were named, or all whose framework is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradconform.capture import adapters
from gradconform.capture.adapters import Adapter, AdapterError


@dataclass(frozen=True)
class Choice:
    """An adapter that was asked for.

    name: what was asked for.
    adapter: None where there is no interpreter for it.
    absent: what to do then.
    """

    name: str
    adapter: Adapter | None
    absent: str = ""


def choices(named: Sequence[str]) -> list[Choice]:
    """The adapters of these names or folders, or all that come along. Raises AdapterError where two names are one."""
    chosen: dict[str, Choice] = {}
    folders: dict[str, Path | str] = {}
    for given in dict.fromkeys(named or adapters.names()):
        try:
            adapter = adapters.find(given)
            choice, folder = Choice(adapter.name, adapter), adapter.folder
        except AdapterError as error:
            choice, folder = Choice(Path(given).name, None, str(error)), Path(given)
        if choice.name in chosen:
            # Their captures would lie in one folder.
            raise AdapterError(
                f"adapters: {folders[choice.name]} and {folder} are both called {choice.name!r}; "
                "rename one of the folders, or run them one after the other"
            )
        chosen[choice.name], folders[choice.name] = choice, folder
    return list(chosen.values())


def present(named: Sequence[str]) -> tuple[list[Adapter], dict[str, str]]:
    """The adapters to run and, where none was named, name -> why others cannot.

    Raises AdapterError where one that was named, or every one, is not there.
    """
    every = choices(named)
    there = [choice.adapter for choice in every if choice.adapter is not None]
    absent = {choice.name: choice.absent for choice in every if choice.adapter is None}
    if not there or (named and absent):
        raise AdapterError("\n".join(absent.values()) or "no adapters found; expected a folder for each in adapters/")
    return there, absent
