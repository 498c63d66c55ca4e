"""A case with `each`: one case for each combination of the values that it lists."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gradconform.spec.errors import Mistakes, show
from gradconform.spec.form import FILE_NAME
from gradconform.spec.text import Item, plain

EACH = "each"
MOST_CASES = 1000
SCALAR = "0d"
"""What an empty list is called in the name of a case: as a shape it is that of a scalar."""
_LISTED = "a list of values, or a mapping of labels to what each sets"


class Choice(NamedTuple):
    """One of the values along an axis of a grid.

    name: what it is called in the names of cases.
    sets: where something is put, as `slope` or `x.shape`, and what.
    """

    name: str
    sets: Mapping[str, Item]


def cases_of(key: str, case: Item, mistakes: Mistakes) -> Iterator[tuple[str, Item]]:
    """The cases that one case stands for, by name: itself, or one for each combination of what is under `each`.

    Yields nothing where a mistake was noted.
    """
    each = case.get(EACH)
    if each is None:
        yield key, case
        return
    before = mistakes.noted
    axes = list(_axes(key, each, mistakes))
    many = math.prod(map(len, axes))
    if many > MOST_CASES:
        mistakes.add(each.key_line, f"{key}: {EACH} makes {many:,} cases; expected at most {MOST_CASES:,}")
    rest = {name: item for name, item in case.value.items() if name != EACH}
    _check_places(key, rest, axes, mistakes)
    if mistakes.noted > before:
        return
    for choices in itertools.product(*axes):
        made = case._replace(value=rest)
        for choice in choices:
            for place, item in choice.sets.items():
                made = _with(made, place.split("."), item)
        yield "-".join([key, *(choice.name for choice in choices)]), made


def _axes(key: str, each: Item, mistakes: Mistakes) -> Iterator[list[Choice]]:
    if not isinstance(each.value, dict) or not each.value:
        message = f"{key}: {EACH} is {show(plain(each))}; expected a mapping, such as `x.shape: [[1], [7]]`"
        mistakes.add(each.line, message)
        return
    for axis, item in each.value.items():
        choices = list(_choices(f"{key}: {axis}", axis, item, mistakes))
        names = [choice.name for choice in choices]
        for name in sorted({name for name in names if names.count(name) > 1}):
            mistakes.add(item.key_line, f"{key}: {axis} has two values called {show(name)}", "give them labels")
        yield choices


def _choices(what: str, axis: str, item: Item, mistakes: Mistakes) -> Iterator[Choice]:
    if not isinstance(item.value, list | dict) or not item.value:
        mistakes.add(item.line, f"{what} is {show(plain(item))}; expected {_LISTED}")
    elif isinstance(item.value, list):
        for value in item.value:
            name = name_of(value)
            if name is None:
                hint = f"write `{axis.split('.')[0]}s: {{a_label: {{{axis.split()[0]}: ...}}}}`"
                mistakes.add(value.line, f"{what} holds {show(plain(value))}, which names no case", hint)
            else:
                # dict.fromkeys has no type that mypy knows here.
                yield Choice(name, {place: value for place in axis.split()})  # noqa: C420
    else:
        for label, sets in item.value.items():
            if not re.fullmatch(FILE_NAME, label):
                hint = "use letters, digits, `_`, `.` and `-`"
                mistakes.add(sets.key_line, f"{what}: {show(label)} is not a label", hint)
            elif not isinstance(sets.value, dict):
                expected = "expected a mapping, such as `{slope: 0.1}`"
                mistakes.add(sets.line, f"{what}: {label} is {show(plain(sets))}; {expected}")
            else:
                parts = {place: inner for places, inner in sets.value.items() for place in places.split()}
                yield Choice(label, parts)


def name_of(item: Item) -> str | None:
    """What a value is called in the name of a case: `3x5` of [3, 5], `1x0_0x2` of [[1, 0], [0, 2]]; None for many."""
    value = item.value
    if isinstance(value, list):
        names = [name_of(inner) for inner in value]
        nested = any(isinstance(inner.value, list) for inner in value)
        return None if None in names else ("_" if nested else "x").join(map(str, names)) or SCALAR
    if isinstance(value, bool):
        return str(value).lower()
    name = None if value is None or isinstance(value, dict) else str(value)
    return name if name is not None and re.fullmatch(FILE_NAME, name) else None


def _check_places(key: str, rest: Mapping[str, Item], axes: list[list[Choice]], mistakes: Mistakes) -> None:
    """Note each place that something is put in twice, and each that cannot be there."""
    before: set[str] = set()
    for choices in axes:
        here = {place: item for choice in choices for place, item in choice.sets.items()}
        for place, item in here.items():
            slot, *inner = place.split(".")
            parts = _parts(rest[slot]) if slot in rest else []
            twice = any(inner[0] in part for part in parts if isinstance(part, dict)) if inner else slot in rest
            if twice or any(_overlap(place, other) for other in before):
                hint = f"write it in the case or under `{EACH}`, once"
                mistakes.add(item.key_line, f"{key}: {place} is given twice", hint)
            elif len(inner) > 1 or "" in (slot, *inner):
                mistakes.add(item.key_line, f"{key}: {show(place)} is no place", "expected `slope` or `x.shape`")
            elif inner and not all(isinstance(part, dict) for part in parts):
                came = f"{key}: {slot} is {show(plain(rest[slot]))}, so there is no {place}"
                mistakes.add(item.key_line, came, f"declare it, such as `{slot}: {{normal: [0, 2]}}`")
        before |= here.keys()


def _overlap(place: str, other: str) -> bool:
    return place == other or place.startswith(f"{other}.") or other.startswith(f"{place}.")


def _parts(written: Item) -> list[Any]:
    """The declarations that a slot holds: one, or a list of them."""
    return [inner.value for inner in written.value] if isinstance(written.value, list) else [written.value]


def _with(item: Item, path: list[str], new: Item) -> Item:
    """The mapping with something put at a path; in a list, into each of its mappings."""
    if not path:
        return new
    if isinstance(item.value, list):
        return item._replace(value=[_with(inner, path, new) for inner in item.value])
    inner = item.value.get(path[0], Item({}, new.line, new.key_line))
    return item._replace(value={**item.value, path[0]: _with(inner, path[1:], new)})
