"""One cluster for all tests of this folder: two workers in processes of their own, each with another framework."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from gradconform.capture.adapters import variable
from gradconform.cluster.connect import LOCAL_SETTINGS, NO_DASHBOARD, connected

NAMES = ("left", "right")
"""What the workers offer: the first and the second, each its own."""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of the scheduler. A worker that is killed is started again."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    environment = {variable(name): sys.executable for name in NAMES}
    workers = {
        name: {
            "cls": Nanny,
            "options": {
                "nthreads": 2,
                "resources": {name: 1},
                "env": environment,
                "host": "127.0.0.1",
                "dashboard": False,
                "memory_limit": None,
            },
        }
        for name in NAMES
    }
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", **NO_DASHBOARD}}
    with dask.config.set(LOCAL_SETTINGS), SpecCluster(workers, scheduler, silence_logs=50) as here:
        yield here.scheduler_address


@pytest.fixture(autouse=True)
def everybody(request: pytest.FixtureRequest) -> None:
    """Both workers are there before a test begins: one that the test before it killed takes a moment to come back."""
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    if "address" in request.fixturenames and "address" not in parameters:
        with connected(request.getfixturevalue("address"), 60.0) as cluster:
            assert cluster.await_workers(NAMES) == []
