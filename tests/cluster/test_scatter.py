"""Chunks on workers: how many are in hand, who is blamed for a dead worker, and what the waiting ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from gradconform.cluster.chunks import MOST, NUMBERS, Chunk, Piece
from gradconform.cluster.connect import NO_DASHBOARD, Cluster, connected
from gradconform.cluster.errors import ClusterError
from gradconform.cluster.scatter import Scatter

pytestmark = pytest.mark.process


@pytest.fixture
def cluster(address: str) -> Iterator[Cluster]:
    """The cluster of this folder, waited for only shortly."""
    with connected(address, 20.0) as found:
        found.await_workers(("left", "right"))
        yield found


def deadly() -> Callable[[Sequence[str]], list[str]]:
    """A function that travels whole: it echoes names, and kills its worker at one that says so."""

    def echo(names: Sequence[str]) -> list[str]:
        import os
        import signal
        import time

        time.sleep(0.02)
        if any("kills" in name for name in names):
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        return list(names)

    return echo


@dataclass
class Echo:
    """A stage that takes names back. took, gave_up: what became of each."""

    name: str = "echo"
    resource: str = "left"
    priority: int = 0
    shown: bool = True
    took: list[str] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)

    def wants(self, chunk: Chunk) -> bool:
        """Every chunk goes through it."""
        return True

    def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
        """Echo the part."""
        return deadly(), [piece.problem.name for piece in chunk.pieces[part]]

    def take(self, chunk: Chunk, part: slice, answer: list[str]) -> None:
        """answer: the names."""
        self.took += answer

    def give_up(self, chunk: Chunk, index: int) -> None:
        """Note it."""
        self.gave_up.append(chunk.pieces[index].problem.name)


def pieces(folder: Path, *names: str, numbers: int = 0) -> list[Piece]:
    """Pieces of these names. numbers: how large each looks."""
    for name in names:
        (folder / name).mkdir()
        with (folder / name / "problem.safetensors").open("wb") as file:
            file.truncate(4 * numbers)
    return [Piece(folder / name, {}) for name in names]


def test_only_the_problem_that_kills_is_given_up(cluster: Cluster, tmp_path: Path) -> None:
    """Its chunk is halved until it is alone; each of the others is done."""
    echo, told, finished = Echo(), [], []
    names = ["a", "kills"]
    scatter = Scatter(cluster, [[echo]], 2, lambda *each: told.append(each), finished.append)
    scatter.run(pieces(tmp_path, *names))
    assert echo.gave_up == ["kills"]
    assert sorted(set(echo.took)) == sorted(set(names) - {"kills"})
    assert [chunk.number for chunk in finished] == [0]
    assert told[-1] == ("echo", 2, 2)


def test_a_bystander_is_not_blamed(cluster: Cluster, tmp_path: Path) -> None:
    """Each is a chunk of its own, and all die together with the one that kills."""
    echo = Echo()
    names = ["a", "kills", "b"]
    Scatter(cluster, [[echo]], 3, lambda *_: None).run(pieces(tmp_path, *names, numbers=NUMBERS))
    assert echo.gave_up == ["kills"]
    assert sorted(set(echo.took)) == ["a", "b"]


def test_few_problems_are_in_hand_at_a_time(cluster: Cluster) -> None:
    """However many there are: they are taken from a stream, and let go when their chunk is done."""
    begun = done = most = 0

    def stream() -> Iterator[Piece]:
        nonlocal begun, most
        for number in range(60 * MOST):
            begun += 1
            most = max(most, begun - done)
            yield Piece(Path(f"/nowhere/{number}"), {})

    def finished(chunk: Chunk) -> None:
        nonlocal done
        done += len(chunk.pieces)

    Scatter(cluster, [[Echo()], [Echo(), Echo(resource="right")]], 60 * MOST, lambda *_: None, finished).run(stream())
    assert done == begun == 60 * MOST
    assert most <= (2 * cluster.width() + 2) * MOST < begun


def test_a_resource_that_is_gone_ends_the_waiting(cluster: Cluster, tmp_path: Path) -> None:
    """Dask would wait for ever."""
    with pytest.raises(ClusterError, match="no worker offers gone"):
        Scatter(replace(cluster, wait=0.5), [[Echo(resource="gone")]], 1, lambda *_: None).run(pieces(tmp_path, "a"))


def test_a_scheduler_that_is_gone_ends_it_too(tmp_path: Path) -> None:
    """What was under way is cancelled, and said so."""
    from distributed import LocalCluster

    class Ending(Echo):
        def call(self, chunk: Chunk, part: slice) -> tuple[Any, ...]:
            here.close()
            return super().call(chunk, part)

    options = {"n_workers": 1, "processes": False, "protocol": "tcp", "scheduler_kwargs": NO_DASHBOARD}
    with (
        LocalCluster(host="127.0.0.1", **options) as here,
        connected(here.scheduler_address, 2.0) as found,
        pytest.raises(ClusterError, match="the scheduler is gone"),
    ):
        Scatter(found, [[Ending(resource="")]], 1, lambda *_: None).run(pieces(tmp_path, "a"))
