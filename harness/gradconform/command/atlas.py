"""`gradconform atlas`: what the frameworks give at the edges of operators otherwise than the reference."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from gradconform import paths
from gradconform.atlas import conditions, differences, table
from gradconform.atlas.conditions import Condition
from gradconform.atlas.lines import program
from gradconform.atlas.measured import Measured, measure
from gradconform.atlas.page import markdown
from gradconform.atlas.table import Row, briefly
from gradconform.atlas.verdict import Outcome, outcome
from gradconform.capture.choice import present
from gradconform.command.console import wide_console
from gradconform.command.exits import CANNOT_RUN, DIVERGES
from gradconform.contract import write_whole
from gradconform.errors import UsageError, nearest
from gradconform.evidence.source import NoScript
from gradconform.words import counted

CSV, PAGE = "atlas.csv", "atlas.md"


@click.command("atlas")
@click.argument("name", nargs=-1)
@click.option(
    "--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER", help="Only these; all that come along by default."
)
@click.option("--script", is_flag=True, help="Print the few lines that show it and run nothing; NAME is one condition.")
@click.option("--recorded", is_flag=True, help="Run nothing: show what was measured when the table was written.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help=f"Write {CSV} and {PAGE} there; for the whole atlas alone.",
)
@click.option(
    "--specs",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Conditions and differences of one's own, as specs/atlas has them.",
)
def command(
    name: Sequence[str], adapter: Sequence[str], script: bool, recorded: bool, out: Path | None, specs: Path | None
) -> None:
    """Measure what frameworks give at kinks, bounds, infinities and large numbers otherwise than the reference.

    NAME: operators or conditions, such as gelu or gelu.tail; all by default. Exit status 1 where something differs that
    nobody has classified, or something that is known to differ no longer does.
    """
    every = conditions.load(specs)
    chosen = _chosen(every, name)
    if script:
        print_scripts(chosen, adapter)
    elif recorded:
        shown = wanted_rows(paths.atlas_table(), chosen, adapter)
        wide_console(320).print(listing(shown))
    else:
        if out is not None and (name or adapter):
            raise UsageError("--out is for the whole atlas; leave off names and --adapter")
        known = differences.load((each.name for each in every), specs and specs / differences.DIFFERENCES)
        sys.exit(execute(chosen, known, adapter, out))


def execute(
    chosen: Sequence[Condition],
    known: Sequence[differences.Difference],
    adapter: Sequence[str],
    out: Path | None,
) -> int:
    """Measure conditions, print the table and what is amiss, and return the exit status. Raises AdapterError."""
    there, absent = present(adapter)
    looked = {each.framework: measure(chosen, each)[1] for each in there}
    found = outcome(looked, known)
    rows = table.rows_of(found.shown)
    console = wide_console(320)
    if out is None:
        console.print(listing(rows))
    _tell(found, looked)
    if absent:
        for why in absent.values():
            console.print(f"not asked: {why}", markup=False, soft_wrap=True)
    if out is not None and (absent or not found.clean):
        console.print("nothing is written: the table is of all frameworks, and of what is classified", soft_wrap=True)
    elif out is not None:
        write_whole(out / CSV, table.to_csv(rows))
        write_whole(out / PAGE, markdown(rows))
    return DIVERGES if not found.clean else CANNOT_RUN if absent else 0


def print_scripts(chosen: Sequence[Condition], adapter: Sequence[str]) -> None:
    """Print the program of one condition in each framework that was asked for. Raises UsageError, AdapterError."""
    if len(chosen) != 1:
        raise UsageError(f"--script shows one condition and these are {len(chosen)}; name one, such as gelu.tail")
    shown = 0
    why = ""
    for each in present(adapter)[0]:
        try:
            text = program(chosen[0], each.framework, each.folder.parent)
        except NoScript as reason:
            why = str(reason)
            continue
        click.echo(("\n" if shown else "") + text, nl=False)
        shown += 1
    if not shown:
        raise UsageError(why)


def wanted_rows(path: Path, chosen: Sequence[Condition], adapter: Sequence[str]) -> list[Row]:
    """The rows of a file that are of these conditions and frameworks."""
    names = {each.name for each in chosen}
    rows = table.from_csv(path.read_text(encoding="utf-8"))
    return [row for row in rows if row.condition in names and (not adapter or row.framework in adapter)]


def listing(rows: Sequence[Row]) -> Table:
    """The rows for a terminal, a line for each tensor."""
    shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("condition", "framework", "tensor", "gives", "reference", "digits", "kind", "why"):
        shown.add_column(Text(head), no_wrap=head not in ("why", "gives", "reference"))
    for row in rows:
        gives, reference = briefly(row)
        cells = (row.condition, f"{row.framework} {row.version}", row.tensor, gives, reference, row.digits, row.kind)
        shown.add_row(*map(Text, (*cells, row.says)))
    return shown


def _chosen(every: Sequence[Condition], names: Sequence[str]) -> list[Condition]:
    """The conditions that these names are of. Raises UsageError."""
    known = {each.operator for each in every} | {each.name for each in every}
    for name in names:
        if name not in known:
            hint = nearest(name, known) or "`gradconform atlas --recorded` lists those that differ"
            raise UsageError(f"{name}: there is no such operator or condition in the atlas; {hint}")
    return [each for each in every if not names or each.operator in names or each.name in names]


def _tell(found: Outcome, looked: dict[str, dict[str, list[Measured]]]) -> None:
    console = wide_console(320)
    for each in found.new:
        what = table.described(each)
        console.print(
            f"new: {each.framework} {each.condition.name} {each.tensor}: {what}; classify it in "
            f"specs/atlas/differences/{each.framework}.yaml",
            markup=False,
            soft_wrap=True,
        )
    for framework, condition, tensor in found.vanished:
        console.print(f"vanished: {framework} {condition} {tensor} is as the reference has it", soft_wrap=True)
    pairs = sum(map(len, looked.values()))
    console.print(
        f"{counted(pairs, 'pair')} of a condition and a framework: {len(found.shown)} tensors differ as known, "
        f"{len(found.new)} new, {len(found.vanished)} vanished",
        soft_wrap=True,
    )
