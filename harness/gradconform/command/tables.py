"""What the tables of runs on a terminal share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from gradconform.history.changes import Address

SHOWN = 20


def row_name(address: Address) -> str:
    """The name of a row, as `gradconform history --row` takes it."""
    return f"{address.spec}/{address.tensor}/{address.framework}/{address.check}"


def short_digest(value: str) -> str:
    """A digest or a git revision cut to its first digits; any other text as it is."""
    plain = value.removeprefix("sha256:")
    hexadecimal = len(plain) >= 40 and all(c in "0123456789abcdef" for c in plain[:40])
    return plain[:12] + ("-dirty" if plain.endswith("-dirty") else "") if hexadecimal else value


def short(reason: str) -> str:
    """A reason, cut after so many characters that it fits into a table."""
    return (reason.strip().splitlines() or [""])[0][:100]


def table(names: Sequence[str], lines: Iterable[Sequence[str]], shown: int | None = SHOWN) -> Table:
    """A table for a terminal, without lines between its rows.

    shown: how many rows it has, with a last row that counts those that are left off; None for all.
    """
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
