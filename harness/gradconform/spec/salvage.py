"""Reading a form so that one bad part does not hide what is wrong with the others."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from gradconform.spec.errors import Mistakes
from gradconform.spec.form import Form
from gradconform.spec.text import Item, plain
from gradconform.spec.wording import adapter, faults_of, note

F = TypeVar("F", bound=Form)
_BY_NAME = ("inputs", "nodes", "blocks", "parameters", "cases", "behaviours")
_STAND_INS: dict[str, Any] = {"about": "-", "inputs": {}}


def read_form(kind: type[F], item: Item, mistakes: Mistakes) -> tuple[F, set[tuple[str, ...]]]:
    """The form of a file without its bad parts, and the places where those stood. Notes what is wrong with them.

    Raises SpecError where nothing can be left out.
    """
    data = plain(item)
    dropped: set[tuple[str, ...]] = set()
    for _ in range(3):
        try:
            form = kind.model_validate(data)
            if not dropped.isdisjoint({("inputs",), ("blocks",)}):
                # Every name in them would seem to be missing.
                mistakes.stop()
            return form, dropped
        except ValidationError as error:
            faults = faults_of(error)
            if not dropped:
                note(faults, adapter(kind), item, "", mistakes)
            dropped.update(_drop(data, tuple(map(str, loc))) for _, loc in faults)
    mistakes.stop()
    raise AssertionError("the form has faults, and none was noted")


def _drop(data: dict[str, Any], loc: tuple[str, ...]) -> tuple[str, ...]:
    """Take a faulty part out of what was read; where a part is missing, put a stand-in in its place."""
    if len(loc) > 1 and loc[0] in _BY_NAME and isinstance(data.get(loc[0]), dict):
        data[loc[0]].pop(loc[1], None)
        return loc[:2]
    data.pop(loc[0], None)
    if loc[0] in _STAND_INS:
        data[loc[0]] = _STAND_INS[loc[0]]
    return loc[:1]
