"""`gradconform judge`: judge what was captured before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gradconform.cluster import work
from gradconform.cluster.connect import connected
from gradconform.command.console import progress_bars
from gradconform.command.options import FOLDER, cluster_options, keeping_options, out_option
from gradconform.command.report import write_report
from gradconform.command.streamed import Ending
from gradconform.contract import ContractError
from gradconform.contract.folder import Folder, joined, numbers_in
from gradconform.contract.place import check_writable, scratch
from gradconform.history.keep import NOWHERE, Keeping
from gradconform.judge import conventions
from gradconform.judge.lists import shipped
from gradconform.report.parts import Parts
from gradconform.run import processes, way
from gradconform.run.manifest import Clock


@click.command("judge")
@click.argument("captures", nargs=-1, required=True, metavar="FOLDER ...", type=FOLDER)
@cluster_options
@out_option
@keeping_options
def command(
    captures: Sequence[Path],
    out: Path,
    history: Path | None,
    baseline: Path | None,
    subset: bool,
    cluster: str | None,
    cluster_wait: float,
) -> None:
    """Judge folders that `gradconform capture` wrote; needs no framework.

    A folder without captures is a framework that could not run: it is named, and the others are judged.
    """
    sys.exit(execute(captures, out, Keeping(history, baseline, subset), cluster, cluster_wait))


def execute(
    given: Sequence[Path], out: Path, keeping: Keeping = NOWHERE, cluster: str | None = None, wait: float = 30.0
) -> int:
    """Judge what was captured before, here or elsewhere, and return the exit status.

    Captures of one problem are joined by the problem's digest. cluster: the address of a Dask scheduler, or `local`;
    None for processes of this machine. wait: seconds for its workers to come.
    """
    clock = Clock()
    shipped()
    check_writable(out)
    keeping.check(out)
    folders, absent = _captured(given)
    if cluster is not None:
        ending = Ending(conventions.apply, out, clock, None, keeping)
        return _on_cluster(folders, absent, ending, cluster, wait)
    jobs = joined(folders)
    with progress_bars() as told, processes.crew([numbers_in(problem) for problem, _ in jobs]) as workers:
        rows = way.judge_all(workers, jobs, told)
    return write_report(list(conventions.apply(rows)), folders, out, clock, None, absent, keeping)


def _on_cluster(folders: Sequence[Folder], absent: dict[str, str], ending: Ending, name: str, wait: float) -> int:
    """The same on the workers of a cluster, which all see the folders."""
    # Of a single folder nothing has to be joined, so that its problems need not be held all at once.
    several = joined(folders) if len(folders) > 1 else None
    total = sum(1 for _ in folders[0].found()) if several is None else len(several)
    with connected(name, wait) as cluster, scratch(ending.out) as beside:
        cluster.await_workers()
        parts = Parts(beside / "parts")
        with progress_bars() as told:
            work.judge_all(cluster, folders, several or folders[0].found(), total, told, parts.add)
        return ending.write(parts, folders, absent)


def _captured(given: Sequence[Path]) -> tuple[list[Folder], dict[str, str]]:
    """The folders that hold captures; and for those that hold none, the framework's name -> why it gave nothing.

    Raises ContractError where no folder holds any.
    """
    folders: list[Folder] = []
    absent: dict[str, str] = {}
    for place in given:
        try:
            next(Folder(place).found())
            folders.append(Folder(place))
        except ContractError as error:
            absent[place.resolve().name] = str(error)
    if not folders:
        raise ContractError("\n".join(absent.values()))
    return folders, absent
