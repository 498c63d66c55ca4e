"""`gradconform history`: what the runs of a folder say, together."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console, Group, RenderableType
from rich.text import Text

from gradconform.command.console import wide_console
from gradconform.command.exits import CANNOT_RUN
from gradconform.command.options import FOLDER
from gradconform.command.tables import row_name, short, short_digest, table
from gradconform.contract import ContractError
from gradconform.history import trend
from gradconform.history.changes import EnvironmentChange
from gradconform.history.runs import runs_in
from gradconform.history.trend import Event, Night, Point, counted, folder_name


@click.command("history")
@click.argument("folder", type=FOLDER)
@click.option("--row", metavar="SPEC/TENSOR/FRAMEWORK/CHECK", help="The trend of one row.")
@click.option("--changes", is_flag=True, help="What changed when.")
def command(folder: Path, row: str | None, changes: bool) -> None:
    """List the runs of a folder that `gradconform run --history` writes to, or ask all of them together."""
    sys.exit(execute(folder, row, changes=changes))


def execute(folder: Path, row: str | None, *, changes: bool) -> int:
    """Print what all runs of a folder give together: their list, the trend of one row, or what changed when.

    Returns the exit status.
    """
    runs, refused = runs_in(folder)
    for message in refused:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"not read: {message}")
    if not runs:
        raise ContractError(f"{folder}: holds no run that can be read; `gradconform run --history {folder}` adds one")
    if row is not None:
        wide_console().print(trend_table(trend.trend(runs, row)))
    elif changes:
        wide_console().print(events_table(trend.nights(runs), trend.events(runs)))
    else:
        wide_console().print(nights_table(trend.nights(runs)))
    return CANNOT_RUN if refused else 0


def nights_table(nights: Sequence[Night]) -> RenderableType:
    """A line for each run: what it gave, what could not run, and what was different from the run before."""
    verdicts = list(dict.fromkeys(verdict for night in nights for verdict in night.verdicts))
    lines = [
        [
            folder_name(night.run),
            *(f"{night.verdicts.get(verdict, 0):,}" for verdict in verdicts),
            ", ".join(night.could_not) or "-",
            _differences(night.environment),
        ]
        for night in nights
    ]
    return table(("run", *verdicts, "could not run", "different from the run before"), lines, None)


def _differences(found: Sequence[EnvironmentChange]) -> str:
    return "; ".join(f"{e.of} {e.what} {short_digest(e.before)} → {short_digest(e.after)}" for e in found)


def trend_table(points: Sequence[Point]) -> RenderableType:
    """The trend of a row: a table for each dtype, route and adapter; a run in which it could not run has no figure."""
    parts: list[RenderableType] = []
    for address, of in itertools.groupby(points, key=lambda point: point.address):
        listed = list(of)
        told = [point.ratio for point in listed if not math.isnan(point.ratio)]
        span = f"ratio {min(told):.3g} to {max(told):.3g} in {len(told)} runs" if told else "no ratio"
        title = f"\n{row_name(address)}, {address.adapter}, {address.dtype}, {address.route}: {span}"
        lines = [
            [
                folder_name(p.run),
                p.version,
                f"{p.ratio:.3g}" if p.verdict else "",
                p.verdict or _absent(p),
                _differences(p.environment),
            ]
            for p in listed
        ]
        parts += [
            Text(title, "bold"),
            table(("run", "version", "ratio", "verdict", "different from the run before"), lines, None),
        ]
    return Group(*parts)


def _absent(point: Point) -> str:
    return f"could not run: {short(point.why)}" if point.why else "no such row"


def events_table(nights: Sequence[Night], events: Sequence[Event]) -> RenderableType:
    """For each run in which anything changed: the environment, what could not run, then the rows."""
    parts: list[RenderableType] = []
    by_run = {folder: list(of) for folder, of in itertools.groupby(events, key=lambda event: event.run.folder)}
    for night in nights:
        changed = by_run.get(night.run.folder, [])
        if not (changed or night.environment or night.could_not):
            continue
        parts.append(Text(f"\n{folder_name(night.run)}", "bold"))
        parts += [
            Text(f"  {e.of} {e.what}: {short_digest(e.before)} → {short_digest(e.after)}") for e in night.environment
        ]
        parts += [Text(f"  {name} could not run: {short(why)}", "yellow") for name, why in night.could_not.items()]
        parts += [
            Text(f"  {n:,} rows: {before or 'not there'} → {after or 'gone'}") for before, after, n in counted(changed)
        ]
        lines = [[f"  {row_name(e.address)}", e.address.dtype, e.before or "-", e.after or "-"] for e in changed]
        if lines:
            parts.append(table(("  row", "dtype", "before", "after"), lines))
    return Group(*parts) if parts else Text("nothing changed")
