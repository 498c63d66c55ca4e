"""What a run ends with: its report, its place in the history, and the summary on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from gradconform.command.compare import comparison
from gradconform.command.console import wide_console
from gradconform.command.exits import DIVERGES, status_of
from gradconform.contract.folder import Folder
from gradconform.evidence import witness
from gradconform.history.keep import Keeping, finish
from gradconform.report.files import write_night
from gradconform.report.summary import Summary
from gradconform.report.terminal import terminal_summary
from gradconform.report.write import write
from gradconform.rows import Row
from gradconform.run.manifest import Clock, manifest


def write_report(
    rows: list[Row],
    folders: Sequence[Folder],
    out: Path,
    clock: Clock,
    seed: int | None,
    absent: dict[str, str],
    keeping: Keeping,
) -> int:
    """Write the report of these rows, keep it where that is asked for, and print the summary. Returns the exit status.

    folders: where the problems and captures lie that the rows are of.
    absent: adapter -> why it could not run.
    """
    summary = Summary.of(rows, manifest(folders, clock, seed, tuple(absent.items())))
    evidence = witness.gather([finding.worst for finding in summary.findings], folders)
    changes = finish(
        summary.run.started,
        out,
        keeping,
        partial(write_night, rows, summary.run),
        lambda changes: write(summary, out, changes, evidence),
    )
    console = Console()
    console.print(terminal_summary(summary))
    if changes is not None:
        wide_console().print(comparison(changes))
    elif keeping.baseline is not None:
        console.print(f"{keeping.baseline}: holds no earlier run to compare with", markup=False, soft_wrap=True)
    for message in absent.values():
        console.print(f"not run: {message}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {out / 'index.html'}", highlight=False, soft_wrap=True)
    status = status_of(rows, bool(absent))
    return DIVERGES if changes is not None and changes.regressions else status
