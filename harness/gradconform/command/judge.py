"""`gradconform judge`: judge what was captured before."""


from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gradconform.command.console import progress_bars
from gradconform.command.options import FOLDER, keeping_options, out_option
from gradconform.command.report import write_report
from gradconform.contract import ContractError
from gradconform.contract.folder import Folder, joined
from gradconform.contract.place import check_writable
from gradconform.history.keep import NOWHERE, Keeping
from gradconform.judge.marked import listed, marked
from gradconform.run import processes, way
from gradconform.run.manifest import Clock


@click.command("judge")
@click.argument("captures", nargs=-1, required=True, metavar="FOLDER ...", type=FOLDER)
@out_option
@keeping_options
def command(
    captures: Sequence[Path], out: Path, history: Path | None, baseline: Path | None, subset: bool
) -> None:
    """Judge folders that `gradconform capture` wrote; needs no framework.

    A folder without captures is a framework that could not run: it is named, and the others are judged.
    """
    sys.exit(execute(captures, out, Keeping(history, baseline, subset)))


def execute(given: Sequence[Path], out: Path, keeping: Keeping = NOWHERE) -> int:
    """Judge what was captured before, here or elsewhere, and return the exit status.

    Captures of one problem are joined by the problem's digest.
    """
    clock = Clock()
    entries = listed()
    check_writable(out)
    keeping.check(out)
    folders, absent = _captured(given)
    jobs = joined(folders)
    with progress_bars() as told, processes.pool(processes.cores()) as workers:
        rows = way.judge_all(workers, jobs, told)
    return write_report(marked(rows, entries), folders, out, clock, None, absent, keeping)


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
