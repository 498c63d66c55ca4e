"""Every problem in every framework: all frameworks at once, each problem reported when all of them have done it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from gradconform.capture import worker
from gradconform.capture.adapters import Adapter
from gradconform.capture.machine import write_machine
from gradconform.contract import Capture, Problem, read_capture
from gradconform.contract.folder import Folder
from gradconform.contract.names import CaptureName
from gradconform.draw.variants import Variant
from gradconform.reference import OPERATORS

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total): the stages are `draw`, `judge` and the adapters' names."""


LAYOUTS = ("channels_last", "expanded", "strided", "transposed")
"""The memory layouts that `adapters/arrays.py` can give the tensors of a problem."""


@dataclass(frozen=True)
class Capturing:
    """How captures are made.

    routes: adapter -> the routes that are run beside the primary one.
    threads: how many threads a framework may use.
    limits: what a worker may take.
    numeric: whether each framework's forward is differenced as well.
    layouts: in which memory layouts the tensors of a problem come besides, each by the primary route.
    order: 2 where gradients are differentiated once more.
    eps: the one step of the differences; None where each direction has steps of its own.
    also: what is looked at besides: `unchanged`, `repeat`.
    """

    routes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threads: int = 1
    limits: worker.Limits = worker.Limits()
    numeric: bool = False
    layouts: Sequence[str] = ()
    order: int = 1
    eps: float | None = None
    also: Sequence[str] = worker.ALSO

    def ways(self, adapter: Adapter, variant: Variant | None = None) -> dict[str, str]:
        """Name of the capture -> route as the worker is told, the primary one first.

        variant: where it is given, only the captures of that problem. A behaviour has one: its script says itself how
        gradients are asked for, so there are no other routes through it.
        """
        scripted = variant is not None and variant.network.script
        routes = {} if scripted else {route: route for route in self.routes.get(adapter.name, ())}
        # A layout is asked of the primary route, and is one more way beside it.
        layouts = [] if scripted else [layout for layout in self.layouts if not _spoils(layout, variant)]
        routes |= {f"layout-{layout}": f"primary/{layout}" for layout in layouts}
        return {adapter.name: "primary", **{str(CaptureName(adapter.name, n)): route for n, route in routes.items()}}


def _spoils(layout: str, variant: Variant | None) -> bool:
    """Whether a layout would leave a node of the problem nothing to compute: of equal rows no matrix has an inverse."""
    nodes = variant.network.nodes if variant is not None else ()
    return layout == "expanded" and any(OPERATORS[node.op].regular for node in nodes)


def capture(
    folder: Folder,
    wanted: Sequence[Variant],
    adapters: Sequence[Adapter],
    how: Capturing,
    progress: Progress,
    complete: Callable[[Variant], None] = lambda variant: None,
) -> None:
    """Capture every problem in every framework, all frameworks at once.

    complete: called with each variant that all frameworks are done with.
    """
    write_machine(folder.root)
    lock, stop = threading.Lock(), threading.Event()
    more = {v.name: len(worker.besides_of(folder.problem(v.name))) for v in wanted}
    left = {v.name: sum(len(how.ways(a, v)) + more[v.name] for a in adapters) for v in wanted}

    def run(adapter: Adapter, way: str, route: str) -> None:
        by_folder = {folder.capture(way, v.name): v for v in wanted if way in how.ways(adapter, v)}
        tasks = [worker.Task(folder.problem(v.name), at, folder.digests[v.name]) for at, v in by_folder.items()]
        if route == "primary":
            besides = [(worker.besides(task), by_folder[task.capture]) for task in tasks]
            by_folder |= {task.capture: variant for made, variant in besides for task in made}
            tasks += [task for made, _ in besides for task in made]
        count = 0

        def finished(task: worker.Task) -> None:
            nonlocal count
            count += 1
            progress(way, count, len(tasks))
            variant = by_folder[task.capture]
            with lock:
                left[variant.name] -= 1
                if left[variant.name] == 0:
                    complete(variant)

        worker.capture(
            adapter,
            tasks,
            job_folder=folder.root / "jobs" / way,
            route=route,
            threads=how.threads,
            limits=how.limits,
            finished=finished,
            stop=stop,
            also=how.also,
        )

    def run_all(adapter: Adapter) -> None:
        for way, route in how.ways(adapter).items():
            if not stop.is_set() and any(way in how.ways(adapter, v) for v in wanted):
                run(adapter, way, route)

    with ThreadPoolExecutor(len(adapters)) as threads:
        try:
            for future in as_completed([threads.submit(run_all, adapter) for adapter in adapters]):
                future.result()
        finally:
            # After Ctrl-C or a full disk the other frameworks' workers must not go on for hours.
            stop.set()


def capture_all(
    problems: Sequence[Problem],
    adapters: Sequence[Adapter],
    root: Path,
    *,
    route: str = "primary",
    threads: int = 1,
    limits: worker.Limits | None = None,
) -> dict[str, list[Capture]]:
    """Capture a few problems into `root` and open the captures: adapter -> its capture of each problem, in their order.

    Where probes lie beside a problem its forward is differenced too. The adapters run beside one another, each in one
    process. Raises ContractError where a capture cannot be used.
    """

    def run(adapter: Adapter) -> list[Capture]:
        folders = [root / "captures" / adapter.name / problem.folder.name for problem in problems]
        tasks = []
        for problem, folder in zip(problems, folders, strict=True):
            task = worker.Task(problem.folder, folder, problem.digest)
            tasks += [task, *worker.besides(task)]
        jobs = root / "jobs" / adapter.name
        worker.capture(adapter, tasks, job_folder=jobs, route=route, threads=threads, limits=limits)
        return [read_capture(folder, problem) for folder, problem in zip(folders, problems, strict=True)]

    with ThreadPoolExecutor(len(adapters)) as pool:
        return dict(zip((adapter.name for adapter in adapters), pool.map(run, adapters), strict=True))
