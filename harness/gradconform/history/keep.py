"""Puts a finished run in its places: compared with an earlier run, reported, kept among the runs of other nights."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gradconform.contract import ContractError
from gradconform.contract.place import check_replaceable, put, scratch
from gradconform.contract.run import MANIFEST, ROWS
from gradconform.history.changes import Changes
from gradconform.history.compare import changes
from gradconform.history.runs import Run, name_of, open_run, runs_in

NIGHT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Keeping:
    """Where a run is kept and what it is held against.

    history: the folder of runs in which it is kept; None where it is not kept.
    baseline: the run that it is compared with, or a folder of runs, of which the newest is meant; None for none.
    subset: whether this run was asked for less than the baseline on purpose.
    """

    history: Path | None = None
    baseline: Path | None = None
    subset: bool = False

    def check(self, out: Path) -> None:
        """Find out, before hours of work, whether the run can be kept and compared. Raises ContractError, OSError."""
        check_replaceable(out)
        if self.history is not None:
            self.history.mkdir(parents=True, exist_ok=True)
        self.before()

    def before(self) -> Run | None:
        """The run to compare with; None where none is asked for, or where the history is empty.

        Raises ContractError.
        """
        if self.baseline is None:
            return None
        if (self.baseline / MANIFEST).exists():
            return open_run(self.baseline)
        runs, refused = runs_in(self.baseline)
        if not runs and (refused or self.baseline != self.history):
            why = f" ({refused[0]})" if refused else ""
            raise ContractError(f"--baseline {self.baseline}: holds no run; expected a run, or a folder of runs{why}")
        return runs[-1] if runs else None

    def earlier(self) -> Sequence[Run]:
        """The runs from which the spread of ratios is taken."""
        return spread_of(self.history, self.before())


NOWHERE = Keeping()


def spread_of(history: Path | None, before: Run | None) -> Sequence[Run]:
    """The runs from which the spread of ratios is taken: those of a history.

    Without a history, those in the folder of the earlier run, where that folder holds several.
    """
    if history is not None:
        return runs_in(history)[0]
    if before is not None and NIGHT.fullmatch(before.folder.resolve().name):
        return runs_in(before.folder.resolve().parent)[0]
    return ()


def finish(
    started: str,
    out: Path,
    keeping: Keeping,
    write_night: Callable[[Path], None],
    write_report: Callable[[Changes | None], None],
) -> Changes | None:
    """Write the report and, where asked for, keep the rows and the manifest as `<history>/<time>-<digest>/`.

    started: when the run began, ISO 8601.
    write_night: writes the rows and the manifest into a new folder.
    write_report: writes the report, given what changed since the baseline.
    Raises ContractError, OSError.
    """
    # On the file system of the history, so that the run can be moved there whole.
    with scratch(keeping.history / "night" if keeping.history else out) as work:
        night = work / "night"
        write_night(night)
        changed = None
        if (before := keeping.before()) is not None:
            changed = _compared(before, open_run(night), keeping, out)
        write_report(changed)
        if keeping.history is not None:
            place = keeping.history / name_of(started, night / ROWS)
            if place.exists():
                raise ContractError(f"{place}: is there already; expected a run of its own time; nothing was replaced")
            put(night, place)
        return changed


def _compared(before: Run, after: Run, keeping: Keeping, out: Path) -> Changes:
    found = changes(before, after, keeping.earlier(), subset=keeping.subset)
    return replace(found, after=replace(found.after, folder=str(out)))
