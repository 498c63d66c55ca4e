"""`gradconform defaults`: what each framework does of itself where an attribute is not given, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from gradconform.capture.choice import choices
from gradconform.command.console import wide_console
from gradconform.command.operators import Framework, asked
from gradconform.errors import UsageError, nearest
from gradconform.reference import OPERATORS

NOT_THERE, NO_ARGUMENT = "-", "no argument of its own"
_NO_DEFAULT = (NOT_THERE, NO_ARGUMENT, "must be given", "its signature cannot be read")


@click.command("defaults")
@click.argument("name", nargs=-1)
@click.option(
    "--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER", help="Only these; all that come along by default."
)
@click.option("--differing", is_flag=True, help="Only attributes whose defaults differ.")
def command(name: Sequence[str], adapter: Sequence[str], differing: bool) -> None:
    """List the default of every attribute in every framework, as their signatures have it.

    NAME: operators; all by default. A specification has no defaults, because these differ: who ports a network by
    writing the same call gets another function where a line is marked with a star.
    """
    for each in name:
        if each not in OPERATORS:
            hint = nearest(each, OPERATORS) or "`gradconform operators` lists them"
            raise UsageError(f"{each}: there is no such operator; {hint}")
    frameworks = asked(choices(adapter))
    console = wide_console(320)
    console.print(table(frameworks, name or sorted(OPERATORS), differing=differing))
    for framework in frameworks:
        if framework.absent:
            console.print(f"not asked: {framework.absent}", markup=False, soft_wrap=True)


def table(frameworks: Sequence[Framework], names: Sequence[str], *, differing: bool) -> Table:
    """A line for each attribute of each operator that some framework has an argument for."""
    shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("", "operator", "attribute", *(framework.name for framework in frameworks)):
        shown.add_column(Text(head), no_wrap=True)
    for op in names:
        for attribute, told in lines(op, frameworks):
            star = "*" if differ([default for default, _ in told]) else ""
            if star or not differing:
                shown.add_row(star, op, attribute, *(Text(default).append(call, "dim") for default, call in told))
    return shown


def lines(op: str, frameworks: Sequence[Framework]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(attribute, what each framework says of it: its default, and of which argument) of one operator."""
    operator = OPERATORS[op]
    for attribute in {**operator.sizes, **operator.attributes}:
        told = [_told(framework, op, attribute) for framework in frameworks]
        if any(call for _, call in told):
            yield attribute, told


def differ(defaults: Sequence[str]) -> bool:
    """Whether what is known of some defaults is not one and the same."""
    return len({default for default in defaults if default not in _NO_DEFAULT}) > 1


def _told(framework: Framework, op: str, attribute: str) -> tuple[str, str]:
    about: Mapping[str, Any] = framework.about or {}
    if op not in about.get("operators", ()):
        return NOT_THERE, ""
    found = (about.get("defaults") or {}).get(op, {}).get(attribute, [])
    if not found:
        return NO_ARGUMENT, ""
    # The call that a person would write comes first, where an adapter has several.
    first = found[0]
    default, through = str(first["default"]), first.get("through")
    if through == f"1 - {attribute}":
        # As the specification counts it: a decay of 0.9 is a momentum of 0.1.
        with suppress(ValueError):
            default = repr(round(1.0 - float(default), 12))
    return default, f"  {first['call']}" + (f", of {through}" if through else "")
