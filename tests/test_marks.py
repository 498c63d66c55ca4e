"""A test that starts another process is marked; one that is not marked fails, whichever way it takes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

NOTHING = [sys.executable, "-c", ""]
SPAWN = multiprocessing.get_context("spawn")

WAYS: dict[str, Callable[[], object]] = {
    "run": lambda: subprocess.run(NOTHING, check=True),
    "Popen": lambda: subprocess.Popen(NOTHING).wait(),
    "system": lambda: os.system("true"),
    "fork": lambda: os.fork() or os._exit(0),
    "posix_spawn": lambda: os.waitpid(os.posix_spawn(sys.executable, NOTHING, {}), 0),
    "spawned": lambda: SPAWN.Process(target=print).start(),
    "pool": lambda: ProcessPoolExecutor(1, SPAWN).submit(abs, -1).result(),
}


@pytest.fixture
def ran() -> None:
    """Fixtures are held to it as well: this one is taken by a test that is marked."""
    subprocess.run(NOTHING, check=True)


@pytest.mark.parametrize("way", WAYS)
def test_an_unmarked_test_starts_no_process(way: str) -> None:
    """And is told which mark it lacks."""
    with pytest.raises(pytest.fail.Exception, match=r"pytest\.mark\.process"):
        WAYS[way]()


@pytest.mark.process
@pytest.mark.parametrize("way", [name for name in WAYS if name != "fork"])
def test_a_marked_test_may(ran: None, way: str) -> None:
    """The twin: the mark opens each of these ways."""
    WAYS[way]()
