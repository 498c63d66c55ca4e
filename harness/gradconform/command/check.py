"""`gradconform check`: everything that is wrong with specs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from gradconform.command.options import specs_argument
from gradconform.judge import conventions
from gradconform.spec import files


@click.command("check")
@specs_argument
def command(specs: Sequence[Path]) -> None:
    """Load specs and say everything that is wrong with them."""
    networks = files.networks(specs)
    conventions.beside(networks)
    count = "1 network" if len(networks) == 1 else f"{len(networks)} networks, all"
    Console(soft_wrap=True, highlight=False).print(f"{count} well formed")
