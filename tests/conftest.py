"""Makes the helpers beside this file importable from the folders below, with any selection of tests.

Holds the mark that `make check` goes by: a test that starts another process is marked `process`, or fails.
"""

from __future__ import annotations

import multiprocessing.process
import os
import signal
import subprocess
from collections.abc import Callable, Generator
from typing import Any

import pytest
from selection import leave_to_the_night

# Whatever Python offers, each by the name under which others find it: a framework, a browser, a command, a pool.
STARTERS: list[tuple[Any, str]] = [
    (subprocess.Popen, "__init__"),
    (multiprocessing.process.BaseProcess, "start"),
    *((os, name) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "execv", "execve")),
]
_allowed = True


def _guarded(what: str, start: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(*arguments: Any, **named: Any) -> Any:
        # A process that was forked may do as it likes.
        if not _allowed and os.getpid() == _HERE:
            pytest.fail(
                f"{what} starts another process, and this test is not marked for it: add @pytest.mark.process, or "
                "`pytestmark = pytest.mark.process` to its file"
            )
        return start(*arguments, **named)

    return guarded


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a night asks for."""
    said = "every case of every operator, not a few of each, and the tests marked `nightly`"
    parser.addoption("--nightly", action="store_true", help=said)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that start processes come first: they take longest, and at the end the others fill what a core has left."""
    leave_to_the_night(config, items)
    heavy = {item.path for item in items if item.get_closest_marker("process") is not None}
    items.sort(key=lambda item: item.path not in heavy)


_HERE = os.getpid()
# A shell lets what it starts in the background ignore Ctrl-C, and so would each process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _owner, _name in STARTERS:
    setattr(_owner, _name, _guarded(f"{getattr(_owner, '__name__', _owner)}.{_name}", getattr(_owner, _name)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around setup, call and teardown, so that fixtures are held to it too."""
    global _allowed
    before, _allowed = _allowed, item.get_closest_marker("process") is not None
    try:
        return (yield)
    finally:
        _allowed = before
