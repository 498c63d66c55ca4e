"""Histories for a terminal, and what they share with comparisons."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.history.trend import Event, Night, Point, counted, folder_name
from harness.history.values import Address, EnvironmentChange

SHOWN = 20


def row_name(address: Address) -> str:
    """A row as `gradconform history --row` takes it, and what tells it from others of that name."""
    return f"{address.spec}/{address.tensor}/{address.framework}/{address.check}"


def short_digest(value: str) -> str:
    """A digest or a git revision by its first digits; any other text as it is."""
    plain = value.removeprefix("sha256:")
    hexadecimal = len(plain) >= 40 and all(c in "0123456789abcdef" for c in plain[:40])
    return plain[:12] + ("-dirty" if plain.endswith("-dirty") else "") if hexadecimal else value


def short(reason: str) -> str:
    """The beginning of a reason."""
    return (reason.strip().splitlines() or [""])[0][:100]


def table(names: Sequence[str], lines: Iterable[Sequence[str]], shown: int | None = SHOWN) -> Table:
    """A table without lines. shown: how many rows of it, None for all; the rest is counted."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(Text(name))
    listed = list(lines)
    # Text, never markup: a name with brackets in it must not change the output.
    for line in listed[:shown]:
        table.add_row(*map(Text, line))
    if shown is not None and len(listed) > shown:
        table.add_row(Text(f"{len(listed) - shown:,} more"))
    return table


def nights_table(nights: Sequence[Night]) -> RenderableType:
    """One line for each run: what it gave, what could not run, what was different from the run before."""
    verdicts = list(dict.fromkeys(verdict for night in nights for verdict in night.verdicts))
    lines = [
        [
            folder_name(night.run), *(f"{night.verdicts.get(verdict, 0):,}" for verdict in verdicts),
            ", ".join(night.could_not) or "-", _differences(night.environment),
        ]
        for night in nights
    ]  # fmt: skip
    return table(("run", *verdicts, "could not run", "different from the run before"), lines, None)


def _differences(found: Sequence[EnvironmentChange]) -> str:
    return "; ".join(f"{e.of} {e.what} {short_digest(e.before)} → {short_digest(e.after)}" for e in found)


def trend_table(points: Sequence[Point]) -> RenderableType:
    """A table for each dtype, route and adapter of a row; a run in which it could not run has no figure."""
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
