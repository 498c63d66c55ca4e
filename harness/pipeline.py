"""The way through: specs to problems, problems to captures, captures to rows."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from harness import problem as problems
from harness import running
from harness.adapters import Adapter
from harness.contract import ContractError, read_document, read_problem
from harness.judge import ROUTE, judge, refused
from harness.judge.rows import Row
from harness.machine import write_machine
from harness.memory import keep_freed_memory
from harness.numeric import FOLDER, plan
from harness.spec.model import Network

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Told (stage, done, total): the stages are `draw`, `judge` and the adapters' names."""


@dataclass(frozen=True)
class Variant:
    """One problem to be: a network in a dtype, with drawn or exact values."""

    network: Network
    dtype: str
    values: str

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.network.name}.{self.dtype}.{self.values}"


@dataclass
class Folder:
    """Problems and captures on disk: `problems/<variant>/` and `captures/<adapter>/<variant>/`."""

    root: Path
    digests: dict[str, str] = field(default_factory=dict)

    def problem(self, variant: str) -> Path:
        """The folder of a problem."""
        return self.root / "problems" / variant

    def capture(self, adapter: str, variant: str) -> Path:
        """The folder of a capture."""
        return self.root / "captures" / adapter / variant

    def found(self) -> Iterator[tuple[Path, dict[str, Path]]]:
        """(problem, adapter -> capture) for every problem that is here.

        An adapter that has captured any of them is expected to have captured them all: a capture that is not there is
        somebody's loss, and the judge says so; so is a problem without its `problem.json`, or a capture without its
        problem. Raises ContractError where there are no problems or no captures.
        """
        adapters = sorted(p.name for p in (self.root / "captures").glob("*/") if p.is_dir())
        here = {path.name: path for path in sorted((self.root / "problems").glob("*/")) if path.is_dir()}
        for what, found in (("problems", here), ("captures", adapters)):
            if not found:
                raise ContractError(
                    f"{self.root}: holds no {what}; expected a folder that `gradconform capture` wrote"
                )
        for name, problem in here.items():
            yield problem, {adapter: self.capture(adapter, name) for adapter in adapters}
        alone: dict[str, dict[str, Path]] = {}
        for path in sorted((self.root / "captures").glob("*/*/")):
            if path.is_dir() and path.name not in here:
                alone.setdefault(path.name, {})[path.parent.name] = path
        for name, captures in alone.items():
            yield self.problem(name), captures


def variants(networks: Iterable[Network], dtype: str | None) -> list[Variant]:
    """Every problem that the specs ask for."""
    return [Variant(n, d, v) for n in networks for d, v in problems.variants(n, dtype)]


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Pool(ProcessPoolExecutor):
    """Ctrl-C reaches every process of a terminal; it is the parent that answers it."""

    def submit(self, function: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:
        """As ever; a process that is started for it inherits that the signal is blocked, from its first moment."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(function, *args, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that share the cores among themselves; spawned, so that they hold no memory of ours."""
    share = max(1, cores() // workers)
    others = set(multiprocessing.active_children())
    executor = _Pool(workers, multiprocessing.get_context("spawn"), initializer=_set_up, initargs=(share,))
    try:
        yield executor
    except BaseException:
        # Nobody waits for their results any more, and some take minutes.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _set_up(threads: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(threads)
    keep_freed_memory()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def draw(
    folder: Folder, wanted: Sequence[Variant], seed: int | None, progress: Progress, workers: ProcessPoolExecutor
) -> None:
    """Write every problem. Raises ContractError (NoExactProblem among them)."""
    futures = {workers.submit(_draw, v, folder.problem(v.name), seed): v for v in wanted}
    for done, future in enumerate(as_completed(futures), 1):
        folder.digests[futures[future].name] = future.result()
        progress("draw", done, len(wanted))


def _draw(variant: Variant, folder: Path, seed: int | None) -> str:
    written = problems.write(variant.network, folder, dtype=variant.dtype, values=variant.values, seed=seed)
    return written.digest


@dataclass(frozen=True)
class Capturing:
    """How captures are made. routes: adapter -> routes beside the primary one.

    numeric: whether each framework's forward is also differenced; eps: with this step and no other, or None.
    """

    routes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    threads: int = 1
    limits: running.Limits = running.Limits()
    numeric: bool = False
    eps: float | None = None

    def ways(self, adapter: Adapter, variant: Variant | None = None) -> dict[str, str]:
        """Name of the capture -> route, the primary one first; of one problem, those that it is captured by.

        A script says itself how gradients are asked for: there is one way to run it.
        """
        scripted = variant is not None and variant.network.script
        routes = () if scripted else self.routes.get(adapter.name, ())
        return {adapter.name: "primary", **{f"{adapter.name}{ROUTE}{route}": route for route in routes}}


def capture(
    folder: Folder, wanted: Sequence[Variant], adapters: Sequence[Adapter], how: Capturing, progress: Progress,
    complete: Callable[[Variant], None] = lambda variant: None,
) -> None:  # fmt: skip
    """Capture every problem in every framework, all frameworks at once.

    complete: told of each problem that all of them have done.
    """
    write_machine(folder.root)
    lock, stop = threading.Lock(), threading.Event()
    probed = {v.name for v in wanted if how.numeric and (folder.problem(v.name) / FOLDER).is_dir()}
    left = {v.name: sum(len(how.ways(a, v)) + (v.name in probed) for a in adapters) for v in wanted}

    def run(adapter: Adapter, way: str, route: str) -> None:
        by_folder = {folder.capture(way, v.name): v for v in wanted if way in how.ways(adapter, v)}
        tasks = [running.Task(folder.problem(v.name), at, folder.digests[v.name]) for at, v in by_folder.items()]
        if route == "primary":
            tasks += [_numeric(task) for task in tasks if by_folder[task.capture].name in probed]
            by_folder |= {at / FOLDER: v for at, v in by_folder.items()}
        count = 0

        def finished(task: running.Task) -> None:
            nonlocal count
            count += 1
            progress(way, count, len(tasks))
            variant = by_folder[task.capture]
            with lock:
                left[variant.name] -= 1
                if left[variant.name] == 0:
                    complete(variant)

        running.capture(
            adapter, tasks, job_folder=folder.root / "jobs" / way, route=route, threads=how.threads, limits=how.limits,
            finished=finished, stop=stop,
        )  # fmt: skip

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


def _numeric(task: running.Task) -> running.Task:
    """The forward alone, beside the capture whose gradients it is held against."""
    return replace(task, capture=task.capture / FOLDER, probes=task.problem / FOLDER)


def probe(
    folder: Folder, wanted: Sequence[Variant], eps: float | None, progress: Progress, workers: ProcessPoolExecutor
) -> None:
    """Choose where each network is evaluated for numerical derivatives; exact problems and scripts have none."""
    futures = [workers.submit(_probe, folder.problem(v.name), eps) for v in wanted]
    for done, future in enumerate(as_completed(futures), 1):
        future.result()
        progress("probe", done, len(wanted))


def _probe(folder: Path, eps: float | None) -> None:
    problem = read_problem(folder)
    if not problem.exact and not problem.script:
        plan.prepare(problem, folder / FOLDER, eps)


def judge_or_refuse(problem: Path, captures: Mapping[str, Path]) -> list[Row]:
    """The rows of one problem; of one that cannot be used, rows that say so, since the others can still be judged."""
    try:
        return judge(problem, captures)
    except ContractError as error:
        return refused.rows(problem, captures, str(error))


def judge_all(
    workers: ProcessPoolExecutor, jobs: Iterable[tuple[Path, Mapping[str, Path]]], progress: Progress
) -> list[Row]:
    """The rows of problems that are captured already."""
    futures = [workers.submit(judge_or_refuse, problem, captures) for problem, captures in jobs]
    return collect(futures, progress)


def collect(futures: Sequence[Future[list[Row]]], progress: Progress) -> list[Row]:
    """The rows of all futures, in their order."""
    for done, _ in enumerate(as_completed(futures), 1):
        progress("judge", done, len(futures))
    return [row for future in futures for row in future.result()]


def capture_and_judge(
    folder: Folder, wanted: Sequence[Variant], adapters: Sequence[Adapter], how: Capturing, progress: Progress,
    workers: ProcessPoolExecutor,
) -> list[Row]:  # fmt: skip
    """Capture everything, and judge each problem as soon as all frameworks have done it."""
    futures: dict[str, Future[list[Row]]] = {}

    def complete(variant: Variant) -> None:
        captures = {way: folder.capture(way, variant.name) for a in adapters for way in how.ways(a, variant)}
        futures[variant.name] = workers.submit(judge_or_refuse, folder.problem(variant.name), captures)

    capture(folder, wanted, adapters, how, progress, complete)
    return collect([futures[v.name] for v in wanted], progress)


def capture_documents(folder: Folder) -> Iterator[tuple[Path, dict[str, object]]]:
    """(file, document) of every capture that can be read; the judge speaks of the others."""
    for path in sorted((folder.root / "captures").glob("*/*/capture.json")):
        with suppress(ContractError):
            yield path, read_document(path)


def framework_documents(folder: Folder) -> dict[str, dict[str, object]]:
    """adapter -> what its first usable capture says of the framework and its interpreter."""
    documents: dict[str, dict[str, object]] = {}
    for path, document in capture_documents(folder):
        name = path.parent.parent.name
        if name not in documents or (document.get("version") and not documents[name].get("version")):
            documents[name] = document
    return documents


def joined(folders: Sequence[Folder]) -> list[tuple[Path, dict[str, Path]]]:
    """Problems of several folders with all their captures.

    A problem captured in two places, told by its digest, is judged once, from a copy that is not damaged; a second
    capture of torch is `torch#2`. A problem that cannot be read is a job of its own, which will be refused.
    """
    found: dict[str, tuple[list[Path], dict[str, Path]]] = {}
    for root in {folder.root.resolve(): folder.root for folder in folders}.values():
        for problem, captures in Folder(root).found():
            try:
                key = read_problem(problem).digest
            except ContractError:
                key = str(problem)
            copies, place = found.setdefault(key, ([], {}))
            copies.append(problem)
            for name, capture_folder in captures.items():
                same = sum(other.partition("#")[0] == name for other in place)
                place[f"{name}#{same + 1}" if same else name] = capture_folder
    return [(_whole_copy(copies), place) for copies, place in found.values()]


def _whole_copy(copies: Sequence[Path]) -> Path:
    for copy in copies[:-1]:
        with suppress(ContractError):
            return read_problem(copy, verify=True).folder
    return copies[-1]
