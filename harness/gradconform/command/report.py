"""What a run ends with: its report, its place in the history, and the summary on the terminal."""


from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from gradconform import report
from gradconform.command.compare import comparison
from gradconform.command.console import wide_console
from gradconform.command.exits import DIVERGES, status_of
from gradconform.contract.folder import Folder
from gradconform.evidence import witness
from gradconform.history.keep import Keeping, finish
from gradconform.report import files
from gradconform.rows import Row
from gradconform.run.manifest import Clock, manifest


def write_report(
    rows: list[Row], folders: Sequence[Folder], out: Path, clock: Clock, seed: int | None, absent: dict[str, str],
    keeping: Keeping,
) -> int:  # fmt: skip
    info = manifest(folders, clock, seed, tuple(absent.items()))
    frame = report.frame_of(rows)
    shown = witness.gather([fault.worst for fault in report.summary_of(frame, info).faults], folders)
    changes = finish(
        info.started, out, keeping, partial(files.write_night, frame, info),
        lambda changes: report.write_frame(frame, info, out, changes, shown),
    )  # fmt: skip
    console = Console()
    console.print(report.terminal_summary(frame, info))
    if changes is not None:
        wide_console().print(comparison(changes))
    elif keeping.baseline is not None:
        console.print(f"{keeping.baseline}: holds no earlier run to compare with", markup=False, soft_wrap=True)
    for message in absent.values():
        console.print(f"not run: {message}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"report: {out / 'index.html'}", highlight=False, soft_wrap=True)
    status = status_of(rows, bool(absent))
    return DIVERGES if changes is not None and changes.regressions else status
