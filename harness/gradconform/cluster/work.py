"""What `run`, `capture` and `judge` do on a cluster: which frameworks, which problems, which stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradconform import paths
from gradconform.capture import adapters, choice
from gradconform.capture.adapters import Adapter
from gradconform.capture.machine import write_machine
from gradconform.capture.together import Capturing, Progress
from gradconform.cluster import place, tasks
from gradconform.cluster.chunks import Chunk, Piece
from gradconform.cluster.connect import LOCAL, Cluster, connected
from gradconform.cluster.errors import ClusterError
from gradconform.cluster.place import Place
from gradconform.cluster.scatter import Scatter
from gradconform.cluster.stages import Capture, Draw, Judge, JudgeAgain, Separate, Stage
from gradconform.contract.folder import Folder
from gradconform.draw.variants import Variant
from gradconform.rows import Row

Sink = Callable[[int, Sequence[Row]], None]
"""Takes the number of a part and its rows; parts come in any order."""


@contextmanager
def chosen(name: str, wait: float, named: Sequence[str]) -> Iterator[tuple[Cluster, list[Adapter], dict[str, str]]]:
    """A cluster, the adapters that run there, and name -> why another cannot.

    named: the adapters that are asked for; all that come along by default. Raises ClusterError, AdapterError where one
    that was named, or every one, is offered by nobody.
    """
    if name == LOCAL:
        there, absent = choice.present(named)
        with connected(name, wait, [adapter.name for adapter in there]) as cluster:
            cluster.await_workers()
            yield cluster, there, absent
        return
    wanted = _adapters(named)
    with connected(name, wait) as cluster:
        missing = cluster.await_workers([adapter.name for adapter in wanted])
        absent = {name: cluster.not_offered(name) for name in missing}
        there = [adapter for adapter in wanted if adapter.name not in absent]
        if not there or (named and absent):
            raise ClusterError("\n".join(absent.values()))
        yield cluster, there, absent


def _adapters(named: Sequence[str]) -> list[Adapter]:
    """Adapters whose interpreters are elsewhere. Raises AdapterError."""
    found = [adapters.folder_of(given) for given in dict.fromkeys(named or adapters.names())]
    return [Adapter(name, folder.name, folder, Path(), "a worker of the cluster") for name, folder in found]


def given(adapter: Adapter) -> str:
    """What a worker finds the adapter by: its name, or the folder of one that does not come along."""
    along = adapter.folder.parent == paths.adapters_folder()
    return adapter.name if along else str(adapter.folder.resolve())


@dataclass(frozen=True)
class Site:
    """A cluster, and the folder to which problems and captures go. Made by `site`."""

    cluster: Cluster
    place: Place

    def describe(self, adapter: Adapter) -> Mapping[str, Any]:
        """What an adapter says of itself where it is. Raises ClusterError, AdapterError."""
        needs = {adapter.name: 1}
        asked = self.cluster.client.submit(tasks.described, self.place, given(adapter), pure=False, resources=needs)
        return dict(asked.result())

    def scatter(
        self,
        wanted: Iterable[Variant],
        total: int,
        chosen: Sequence[Adapter],
        how: Capturing,
        seed: int | None,
        progress: Progress,
        sink: Sink | None = None,
    ) -> None:
        """Draw and capture every variant, and where there is a sink for rows judge it, too.

        wanted: taken a few at a time. total: how many there are. Raises ClusterError, AdapterError, ContractError.
        """
        asked = [self._capture(a, way, route, how) for a in chosen for way, route in how.ways(a).items()]
        steps: list[Sequence[Stage]] = [[Draw(self.place, tasks.Drawing(seed, how.numeric, how.eps, how.order))], asked]
        if sink:
            apart = [Separate(self.place, stage.asking) for stage in asked if stage.asking.route == "primary"]
            steps += [[Judge([self.place])], apart, [JudgeAgain([self.place])]]
        pieces = (self._piece(variant, chosen, how) for variant in wanted)
        Scatter(self.cluster, steps, total, progress, _poured(sink)).run(pieces)
        for stage in asked:
            write_machine(self.place.folder / "captures" / stage.name, stage.cpus)

    def _capture(self, adapter: Adapter, way: str, route: str, how: Capturing) -> Capture:
        return Capture(self.place, tasks.Asking(given(adapter), way, route, how.threads, how.limits, tuple(how.also)))

    def _piece(self, variant: Variant, chosen: Sequence[Adapter], how: Capturing) -> Piece:
        folder = Folder(self.place.folder)
        ways = [way for adapter in chosen for way in how.ways(adapter, variant)]
        return Piece(folder.problem(variant.name), {w: folder.capture(w, variant.name) for w in ways}, variant)


@contextmanager
def site(cluster: Cluster, folder: Path) -> Iterator[Site]:
    """A folder that every worker of the cluster sees and writes to. Raises ClusterError, OSError."""
    with place.marked(folder) as marked:
        cluster.check([marked])
        yield Site(cluster, marked)


def judge_all(
    cluster: Cluster,
    folders: Sequence[Folder],
    jobs: Iterable[tuple[Path, Mapping[str, Path]]],
    total: int,
    progress: Progress,
    sink: Sink,
) -> None:
    """Judge problems that are captured already. Raises ClusterError.

    folders: those in which they lie, which every worker sees. total: how many jobs there are.
    """
    places = [place.found(folder.root) for folder in folders]
    cluster.check(places)
    pieces = (Piece(p.resolve(), {way: at.resolve() for way, at in captures.items()}) for p, captures in jobs)
    Scatter(cluster, [[Judge(places)]], total, progress, _poured(sink)).run(pieces)


def _poured(sink: Sink | None) -> Callable[[Chunk], None]:
    def pour(chunk: Chunk) -> None:
        if sink is not None:
            sink(chunk.number, chunk.in_order())

    return pour
