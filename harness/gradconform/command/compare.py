"""`gradconform compare`: what changed from one run to another."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Group, RenderableType
from rich.text import Text

from gradconform.command.console import wide_console
from gradconform.command.exits import CANNOT_RUN, DIVERGES
from gradconform.command.options import FOLDER
from gradconform.command.tables import row_name, short, short_digest, table
from gradconform.history.changes import Address, Changes, EnvironmentChange, RatioGrowth
from gradconform.history.compare import changes
from gradconform.history.keep import spread_of
from gradconform.history.runs import open_run
from gradconform.words import figure


@click.command("compare")
@click.argument("before", metavar="RUN_A", type=FOLDER)
@click.argument("after", metavar="RUN_B", type=FOLDER)
@click.option(
    "--history",
    type=FOLDER,
    help="Runs that the spread of honest ratios is taken from; those beside RUN_A where it is one of many nights.",
)
@click.option("--subset", is_flag=True, help="Less was asked for in RUN_B, on purpose.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, all of it.")
def command(before: Path, after: Path, history: Path | None, subset: bool, as_json: bool) -> None:
    """Say what changed from one run to another: environments, verdicts, rows, ratios.

    Exit status: 1 where something is worse; 3 where a framework could not run in RUN_B.
    """
    sys.exit(execute(before, after, history, subset=subset, as_json=as_json))


def execute(before: Path, after: Path, history: Path | None, *, subset: bool, as_json: bool) -> int:
    """Print what changed from one run to another, and return the exit status."""
    earlier = open_run(before)
    differences = changes(earlier, open_run(after), spread_of(history, earlier), subset=subset)
    if as_json:
        click.echo(json.dumps(asdict(differences) | {"regressions": differences.regressions}, indent=1))
    else:
        wide_console().print(comparison(differences))
    if differences.regressions:
        return DIVERGES
    return CANNOT_RUN if any(entry.after for entry in differences.not_run) else 0


def comparison(differences: Changes) -> RenderableType:
    """The changes as tables for a terminal: environments first, since they usually explain the rest."""
    worse = differences.regressions
    parts: list[RenderableType] = [
        Text(f"before {differences.before.folder} ({differences.before.started})"),
        Text(f"after  {differences.after.folder} ({differences.after.started})"),
        Text(_headline(differences), "bold red" if worse else "bold yellow" if differences.not_run else "bold green"),
    ]
    parts += _environment(differences.environment)
    tables = (
        (
            "could not run; nothing is known of its numbers",
            ("run", "adapter", "network", "dtype", "check", "reason"),
            [
                [
                    ("before", "after")[n.after],
                    n.adapter,
                    n.spec or "all",
                    n.dtype or "all",
                    n.check or "all",
                    short(n.reason),
                ]
                for n in differences.not_run
            ],
        ),
        (
            "verdicts",
            ("row", "adapter", "dtype", "route", "before", "after", "ratio", "reason"),
            [
                [
                    *_where(v.address),
                    v.before,
                    v.after,
                    f"{figure(v.ratio_before)} → {figure(v.ratio_after)}",
                    short(v.reason),
                ]
                for v in differences.verdicts
            ],
        ),
        (
            "rows that vanished",
            ("row", "adapter", "dtype", "route", "was", "instead"),
            [[*_where(v.address), v.verdict, short(v.instead)] for v in differences.vanished_rows],
        ),
        (
            "listed divergences that vanished",
            ("row", "adapter", "dtype", "route", "still listed"),
            [[*_where(v.address), "yes" if v.still_listed else "no"] for v in differences.vanished_divergences],
        ),
        (
            "new rows",
            ("row", "adapter", "dtype", "route", "verdict", "reason"),
            [[*_where(n.address), n.verdict, short(n.reason)] for n in differences.new_rows],
        ),
        (
            "ratios that grew",
            ("row", "adapter", "dtype", "before", "after", "expected below", "earlier runs"),
            [
                [row_name(g.address), g.address.adapter, g.address.dtype, figure(g.before), figure(g.after), *_limit(g)]
                for g in differences.ratios
            ],
        ),
    )
    for title, names, lines in tables:
        if lines:
            parts += [Text(f"\n{title}: {len(lines):,}", "bold"), table(names, lines)]
    return Group(*parts)


def _headline(differences: Changes) -> str:
    grown = [growth for growth in differences.ratios if growth.regression]
    counts = (
        (sum(v.regression for v in differences.verdicts), "verdict for the worse", "verdicts for the worse"),
        (len(differences.vanished_rows), "row vanished", "rows vanished"),
        (sum(n.regression for n in differences.new_rows), "new row fails", "new rows fail"),
        (len(grown), "ratio grew beyond its spread", "ratios grew beyond their spread"),
        (
            sum(v.still_listed for v in differences.vanished_divergences),
            "listed divergence vanished",
            "listed divergences vanished",
        ),
    )
    parts = [f"{n:,} {words[n > 1]}" for n, *words in counts if n]
    if not parts:
        parts = ["nothing is worse"]
    if not differences.compared:
        parts = ["the runs have no row in common", *parts]
    if any(entry.after for entry in differences.not_run):
        parts.append("not everything could be run")
    return f"{'; '.join(parts)} ({differences.compared:,} rows compared)"


def _where(address: Address) -> list[str]:
    return [row_name(address), address.adapter, address.dtype, address.route]


def _limit(growth: RatioGrowth) -> list[str]:
    if growth.basis == "measured":
        return ["measured", "too few"]
    return [figure(growth.limit), f"{growth.earlier} {growth.basis}"]


def _environment(found: Sequence[EnvironmentChange]) -> list[RenderableType]:
    if not found:
        return [Text("environments: the same")]
    lines = [[e.of, e.what, short_digest(e.before), short_digest(e.after)] for e in found]
    return [
        Text(f"\nenvironments differ: {len(lines):,}", "bold"),
        table(("of", "what", "before", "after"), lines),
    ]
