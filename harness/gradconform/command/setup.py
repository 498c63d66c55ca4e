"""`gradconform setup`: the frameworks' environments, made from the locks that come along."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from gradconform.capture import adapters, environments
from gradconform.command.console import wide_console
from gradconform.command.exits import CANNOT_RUN
from gradconform.errors import GradconformError


@click.command("setup")
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--list", "only_list", is_flag=True, help="Say which environments there are and where, and make none.")
def command(names: Sequence[str], only_list: bool) -> None:
    """Make the environments of frameworks, with uv where it is there, else with venv and pip.

    NAME: torch, chainer, nnabla, or an older version such as chainer-6.3; by default one for each framework. They go to
    this user's cache folder (GRADCONFORM_HOME names another), where every other command finds them.
    """
    sys.exit(show(names) if only_list else execute(names))


def execute(names: Sequence[str]) -> int:
    """Make the environments; the exit status is 3 where one could not be made, and the others are made all the same."""
    recipes = [environments.recipe(name) for name in names or adapters.names()]
    console = wide_console()
    failed = False
    for recipe in recipes:
        if (there := recipe.interpreter) is not None:
            console.print(f"{recipe.name}: is there: {there}", markup=False, soft_wrap=True)
            continue
        log = environments.home() / f"{recipe.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        console.print(f"{recipe.name}: Python {recipe.python} and {recipe.count} packages ...", markup=False)
        try:
            made = environments.make(recipe, log)
            # The one that was made, whatever else is set or lies nearer.
            version = adapters.describe(replace(adapters.find(recipe.name), interpreter=made))["version"]
            console.print(f"{recipe.name}: {version} in {made}", markup=False, soft_wrap=True)
        except GradconformError as error:
            failed = True
            console.print(str(error), markup=False, soft_wrap=True)
    return CANNOT_RUN if failed else 0


def show(names: Sequence[str]) -> int:
    """Print each environment and where it is."""
    console = wide_console()
    for name in names or environments.recipes():
        recipe = environments.recipe(name)
        there = recipe.interpreter
        said = there if there is not None else f"not made; type `gradconform setup {name}`"
        console.print(f"{name}: Python {recipe.python}: {said}", markup=False, soft_wrap=True)
    return 0
