"""By day a few cases of each operator are tested and no long tests; by night, and where they are selected, all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from selection import leave_to_the_night, whole


def config(*args: str, keyword: str = "", nightly: bool = False) -> Any:
    """What pytest was told, as far as the selection asks."""
    told = {"keyword": keyword, "nightly": nightly}
    heard: list[Any] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: heard.extend(items))
    return SimpleNamespace(getoption=told.__getitem__, args=list(args), hook=hook, heard=heard)


def item(name: str, *marks: str) -> Any:
    """A test with these marks."""
    return SimpleNamespace(name=name, get_closest_marker=lambda mark: mark if mark in marks else None)


WHOLE = {
    "by night": config("tests", nightly=True),
    "some by a word": config("tests", keyword="softsign"),
    "one by its name": config("tests/test_x.py::test_y"),
}


@pytest.mark.parametrize("how", WHOLE)
def test_all_is_run(how: str) -> None:
    """A long test stays, and nobody is told that it was left off."""
    items = [item("short"), item("long", "nightly")]
    leave_to_the_night(WHOLE[how], items)
    assert whole(WHOLE[how])
    assert [each.name for each in items] == ["short", "long"]
    assert not WHOLE[how].heard


def test_by_day_long_tests_are_left_off_and_counted() -> None:
    """The twin: pytest hears of each that it is not run."""
    day, items = config("tests"), [item("short"), item("long", "nightly"), item("starts", "process")]
    leave_to_the_night(day, items)
    assert not whole(day)
    assert [each.name for each in items] == ["short", "starts"]
    assert [each.name for each in day.heard] == ["long"]
