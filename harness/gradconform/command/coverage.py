"""`gradconform coverage`: which operators a run judged, in which framework, dtype, memory layout and order."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console

from gradconform.command.console import wide_console
from gradconform.command.exits import DIVERGES
from gradconform.command.options import FOLDER
from gradconform.command.tables import short, table
from gradconform.contract import ContractError, write_whole
from gradconform.report.coverage import Asked, Found, covered, csv_lines, lines
from gradconform.report.files import read_run
from gradconform.report.ratios import LEAST, too_wide
from gradconform.words import figure


@click.command("coverage")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--csv",
    "into",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a line for each operator, framework, dtype, layout and order, too.",
)
@click.option(
    "--least",
    type=click.FloatRange(0, 4),
    metavar="RATIO",
    help=f"Fail where an operator that rounds has no ratio as large as this in any framework, such as {LEAST:g}.",
)
def command(runs: Sequence[Path], into: Path | None, least: float | None) -> None:
    """List what the rows of some runs cover, operator by operator.

    RUN: folders of finished runs, such as one of `gradconform run specs/operators --order 2 --layout all`. What has no
    row is `not run`; what a framework refused says why.
    """
    rows = []
    for folder in runs:
        try:
            rows += read_run(folder)[0]
        except (OSError, ValueError) as error:
            raise ContractError(f"{folder}: {error}") from error
    found = covered(rows)
    frameworks = sorted({asked.framework for asked in found})
    console = wide_console(320)
    console.print(table(["operator", *frameworks], shown_lines(found, frameworks), None))
    _summed(console, found, frameworks)
    if into is not None:
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(csv_lines(found))
        write_whole(into, text.getvalue())
    if least is not None:
        sys.exit(_told_of_wide_bounds(console, too_wide(rows, least), least))


def _told_of_wide_bounds(console: Console, wide: Mapping[str, float], least: float) -> int:
    """Name each operator whose bound is too wide. The exit status."""
    for op, ratio in wide.items():
        told = f"{op}: the largest |error| / bound is {figure(ratio)}; expected {least:g} or more"
        console.print(told, "in some framework, since the operator rounds: mend its formula, or add a case that rounds")
    if not wide:
        console.print(f"Every operator that rounds has a ratio of {least:g} or more in some framework.")
    return DIVERGES if wide else 0


def shown_lines(found: dict[Asked, Found], frameworks: Sequence[str]) -> list[list[str]]:
    """The lines of the table, reasons cut to fit."""
    return [[operator, *map(short, cells)] for operator, cells in lines(found, frameworks)]


def _summed(console: Console, found: dict[Asked, Found], frameworks: Sequence[str]) -> None:
    """How many operators are judged in how many frameworks."""
    judged = {(asked.operator, asked.framework) for asked, f in found.items() if f.state == "judged"}
    each = Counter(operator for operator, _ in judged)
    told = [f"{sum(n >= least for n in each.values())} in {least} or more" for least in range(1, len(frameworks) + 1)]
    console.print(f"{len(each)} operators judged: {', '.join(told)} of {len(frameworks)} frameworks.")
