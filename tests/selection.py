"""What is run of the tests that are too many, or too long, for every change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def whole(config: pytest.Config) -> bool:
    """Whether all is run that is selected: by night, and where somebody selects tests by a word or one by its name."""
    chosen = config.getoption("keyword") or any("::" in each for each in config.args)
    return bool(config.getoption("nightly") or chosen)


def leave_to_the_night(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out what is marked `nightly`, and say so, where not all is run."""
    late = [item for item in items if item.get_closest_marker("nightly") is not None]
    if late and not whole(config):
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


def every_third(values: Iterable[Any]) -> list[Any]:
    """Parameters of a test of which two in three are left to the night."""
    night = pytest.mark.nightly
    return [pytest.param(value, marks=[] if i % 3 == 0 else [night]) for i, value in enumerate(values)]
