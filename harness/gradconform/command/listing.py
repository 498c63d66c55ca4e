"""`gradconform list`: networks, with what each is there for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from gradconform.command.console import wide_console
from gradconform.command.options import specs_argument
from gradconform.spec.files import networks


@click.command("list")
@specs_argument
def command(specs: Sequence[Path]) -> None:
    """List networks, with what each is there for."""
    table = Table("network", "nodes", "parameters", "dtypes", "values", "about")
    for network in networks(specs):
        count = sum(math.prod(t.shape) for t in network.parameters)
        told = (str(len(network.nodes)), f"{count:,}", " ".join(network.dtypes), " ".join(network.values))
        table.add_row(network.name, *told, escape(network.about))
    wide_console(200).print(table)
