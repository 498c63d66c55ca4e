"""`gradconform table`: what a gradient means in each framework."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradconform.command.options import FOLDER
from gradconform.contract import ContractError, write_whole
from gradconform.report.behaviours import filled, markdown, table_of
from gradconform.report.files import read_run


@click.command("table")
@click.argument("folder", metavar="RUN", type=FOLDER)
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Put it between the two markers of this file instead of printing it.",
)
def command(folder: Path, into: Path | None) -> None:
    """Print what a gradient means in each framework as Markdown, from the folder of a run over specs/semantics."""
    sys.exit(execute(folder, into))


def execute(folder: Path, into: Path | None) -> int:
    """Print the table of behaviours of a run, or put it into a file. Raises ContractError."""
    try:
        table = table_of(*read_run(folder))
        if not table.behaviours:
            raise ValueError("a run without behaviours; expected one over specs/semantics")
        if into is None:
            click.echo(markdown(table))
        else:
            write_whole(into, filled(into.read_text(encoding="utf-8"), markdown(table)))
    except ValueError as error:
        raise ContractError(f"{into or folder}: {error}") from error
    return 0
