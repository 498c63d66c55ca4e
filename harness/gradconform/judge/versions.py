"""Versions of frameworks, and ranges of them as people write them."""

from __future__ import annotations

import re

_RANGE = re.compile(
    r"^(?:from (?P<first>\d[\w.]*)|up to (?P<last>\d[\w.]*)|(?P<only>\d[\w.]*)(?: to (?P<end>\d[\w.]*))?)$"
)
EXPECTED = "expected '1.39.0', '1.32 to 1.39', 'from 1.32' or 'up to 1.39'"


def checked(text: str) -> str:
    """The range that a text is. Raises ValueError where it is none."""
    if _RANGE.match(text) is None:
        raise ValueError(f"{text!r} is no range of versions; {EXPECTED}")
    return text


def within(version: str, text: str) -> bool:
    """Whether a version lies in a range, both ends included.

    `1.39` as an end means every 1.39.x; a build's own suffix (`+cpu`) is left aside. Raises ValueError where the text
    is no range.
    """
    found = _RANGE.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no range of versions; {EXPECTED}")
    first, last = found["first"] or found["only"], found["last"] or found["end"] or found["only"]
    return (first is None or _cut(version, first) >= _numbers(first)) and (
        last is None or _cut(version, last) <= _numbers(last)
    )


def _cut(version: str, end: str) -> tuple[int, ...]:
    """The numbers of a version, as many as an end of a range has."""
    return _numbers(version.partition("+")[0])[: len(_numbers(end))]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
