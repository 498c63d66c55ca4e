"""A finished run into its places: compared with an earlier one, reported, kept among the runs of other nights."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.contract import ContractError
from harness.history.place import check_replaceable, put, scratch
from harness.history.runs import MANIFEST, Run, name_of, open_run, runs_in

if TYPE_CHECKING:
    from harness.report import RunInfo
    from harness.report.changes import Changes

NIGHT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True)
class Keeping:
    """Where a run is kept and what it is held against.

    history: a folder of runs. baseline: a run, or a folder of runs of which the newest is meant. subset: this run was
    asked for less than the baseline on purpose.
    """

    history: Path | None = None
    baseline: Path | None = None
    subset: bool = False

    def check(self, out: Path) -> None:
        """Find out before hours of work whether all of it can be done. Raises ContractError, OSError."""
        check_replaceable(out)
        if self.history is not None:
            self.history.mkdir(parents=True, exist_ok=True)
        self.before()

    def before(self) -> Run | None:
        """The run to compare with; None where none is asked for, or the history is empty. Raises ContractError."""
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
        """The runs that the spread of ratios is taken from."""
        return spread_of(self.history, self.before())


NOWHERE = Keeping()


def spread_of(history: Path | None, before: Run | None) -> Sequence[Run]:
    """The runs of a history; without one, those beside the earlier run where it is one of many nights."""
    if history is not None:
        return runs_in(history)[0]
    if before is not None and NIGHT.fullmatch(before.folder.resolve().name):
        return runs_in(before.folder.resolve().parent)[0]
    return ()


def finish(
    frame: Any, info: RunInfo, out: Path, keeping: Keeping, write: Callable[[Changes | None], None]
) -> Changes | None:
    """Write the report and, where asked for, keep the rows and the manifest as `<history>/<time>-<digest>/`.

    frame: the rows, as `harness.report` has them. write: writes the report, given what changed. Raises ContractError,
    OSError.
    """
    from harness.report import files

    # On the file system of the history, so that the run can be moved there whole.
    with scratch(keeping.history / "night" if keeping.history else out) as work:
        night = work / "night"
        files.write_files(night, {
            files.PARQUET: partial(files.write_parquet, frame),
            files.MANIFEST: lambda path: path.write_text(info.to_json(), encoding="utf-8"),
        })  # fmt: skip
        changes = None
        if (before := keeping.before()) is not None:
            changes = _compared(before, open_run(night), keeping, out)
        write(changes)
        if keeping.history is not None:
            place = keeping.history / name_of(info.started, night / files.PARQUET)
            if place.exists():
                raise ContractError(f"{place}: is there already; expected a run of its own time; nothing was replaced")
            put(night, place)
        return changes


def _compared(before: Run, after: Run, keeping: Keeping, out: Path) -> Changes:
    from harness.history.compare import changes

    found = changes(before, after, keeping.earlier(), subset=keeping.subset)
    return replace(found, after=replace(found.after, folder=str(out)))
