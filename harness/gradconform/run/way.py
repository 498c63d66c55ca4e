"""The way through: specs to problems, problems to captures, captures to rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path

from gradconform.capture.adapters import Adapter
from gradconform.capture.together import Capturing, Progress, capture
from gradconform.contract import ContractError, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw import directions
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.judge import judge, refused
from gradconform.judge.known import Known
from gradconform.numeric import FOLDER, plan
from gradconform.rows import Row
from gradconform.run import apart


def draw(folder: Folder, wanted: Sequence[Variant], seed: int | None, progress: Progress, workers: Executor) -> None:
    """Write the problem of every variant. Raises ContractError (NoExactProblemError among them)."""
    futures = {workers.submit(draw_one, v, folder.problem(v.name), seed): v for v in wanted}
    for done, future in enumerate(as_completed(futures), 1):
        folder.digests[futures[future].name] = future.result()
        progress("draw", done, len(wanted))


def draw_one(variant: Variant, folder: Path, seed: int | None) -> str:
    """Write one problem; its digest. Raises ContractError (NoExactProblemError among them)."""
    written = draw_problem(variant.network, folder, dtype=variant.dtype, values=variant.values, seed=seed)
    return written.digest


def probe(folder: Folder, wanted: Sequence[Variant], eps: float | None, progress: Progress, workers: Executor) -> None:
    """Choose where each network is evaluated for numerical derivatives; exact problems and behaviours have none."""
    futures = [workers.submit(probe_one, folder.problem(v.name), eps) for v in wanted]
    for done, future in enumerate(as_completed(futures), 1):
        future.result()
        progress("probe", done, len(wanted))


def probe_one(folder: Path, eps: float | None) -> None:
    """Write the probes of one problem beside it, where it has any."""
    problem = read_problem(folder)
    if not problem.exact and not problem.script:
        plan.prepare(problem, folder / FOLDER, eps)


def direct(folder: Folder, wanted: Sequence[Variant], workers: Executor) -> None:
    """Draw the directions along which each problem is differentiated twice; exact problems and behaviours have none."""
    for future in [workers.submit(directions.prepare, folder.problem(v.name)) for v in wanted]:
        future.result()


def judge_or_refuse(problem: Path, captures: Mapping[str, Path], entries: Sequence[Known] | None = None) -> list[Row]:
    """The rows of one problem; where it cannot be used, rows that say so, so that the others are still judged.

    entries: as in `judge`.
    """
    try:
        return judge(problem, captures, entries)
    except ContractError as error:
        return refused.rows(problem, captures, str(error))


def judge_all(workers: Executor, jobs: Iterable[tuple[Path, Mapping[str, Path]]], progress: Progress) -> list[Row]:
    """The rows of problems that were captured before. jobs: each problem with its captures, by name."""
    futures = [workers.submit(judge_or_refuse, problem, captures) for problem, captures in jobs]
    return collect(futures, progress)


def collect(futures: Sequence[Future[list[Row]]], progress: Progress) -> list[Row]:
    """The rows that some judges give, in the order in which these were started."""
    for done, _ in enumerate(as_completed(futures), 1):
        progress("judge", done, len(futures))
    return [row for future in futures for row in future.result()]


def capture_and_judge(
    folder: Folder,
    wanted: Sequence[Variant],
    adapters: Sequence[Adapter],
    how: Capturing,
    progress: Progress,
    workers: Executor,
    entries: Sequence[Known] | None = None,
) -> list[Row]:
    """The rows of problems that are captured now; each is judged as soon as all frameworks are done with it.

    Where several readers of a tensor are blamed together, the problem is captured and judged once more.
    entries: as in `judge`.
    """
    futures: dict[str, Future[list[Row]]] = {}

    def complete(variant: Variant) -> None:
        captures = {way: folder.capture(way, variant.name) for a in adapters for way in how.ways(a, variant)}
        futures[variant.name] = workers.submit(judge_or_refuse, folder.problem(variant.name), captures, entries)

    capture(folder, wanted, adapters, how, progress, complete)
    collect([futures[v.name] for v in wanted], progress)
    again = set(apart.capture(folder, {name: f.result() for name, f in futures.items()}, adapters, how, progress))
    for variant in wanted:
        if variant.name in again:
            complete(variant)
    return [row for v in wanted for row in futures[v.name].result()]
