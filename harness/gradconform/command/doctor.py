"""`gradconform doctor`: which adapters, interpreters and versions there are."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.table import Table

from gradconform import paths
from gradconform.capture import adapters
from gradconform.command.console import wide_console
from gradconform.version import __version__


@click.command("doctor")
@click.option(
    "--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER", help="Only these; all that come along by default."
)
def command(adapter: Sequence[str]) -> None:
    """Say which adapters, interpreters and versions there are, and what to type when one is missing."""
    table = Table("adapter", "version", "Python", "NumPy", "interpreter", "dtypes", "operators")
    missing: list[str] = []
    for name in adapter or adapters.names():
        try:
            found = adapters.find(name)
            about = adapters.describe(found)
            dtypes = " ".join(d for d, reason in about["dtypes"].items() if reason is None)
            versions = (about["version"], about["python"], about["numpy"])
            composed = about.get("composed") or {}
            operators = str(len(about["operators"])) + (f", {len(composed)} composed" if composed else "")
            table.add_row(name, *map(str, versions), found.found, dtypes, operators)
        except adapters.AdapterError as error:
            table.add_row(name, "not ready", "", "", "", "", "")
            missing.append(str(error))
    console = wide_console(200)
    here = f"gradconform {__version__}, Python {sys.version.split()[0]}, adapters in {paths.adapters_folder()}"
    console.print(here, soft_wrap=True, markup=False)
    console.print(table)
    for message in missing:
        console.print(message, markup=False, soft_wrap=True)
    sys.exit(3 if missing else 0)
