"""The command `gradconform`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from harness import __version__, adapters, commands, paths
from harness.contract import ContractError
from harness.judge.known import KnownError
from harness.spec import SpecError

USAGE = 2
Command = TypeVar("Command", bound=Callable[..., Any])
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Failing(click.Group):
    """Turns what a user can mend into its message and exit code 2, at the door and nowhere else."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SpecError, ContractError, adapters.AdapterError, KnownError) as error:
            errors.print(str(error), markup=False)
        except OSError as error:
            errors.print(f"{error.filename or 'input or output'}: {error.strerror or error}", markup=False)
        except KeyboardInterrupt:
            errors.print("interrupted; earlier results are untouched", markup=False)
            ctx.exit(130)
        ctx.exit(USAGE)


def _specs(function: Command) -> Command:
    return click.argument("specs", nargs=-1, metavar="[SPEC ...]", type=click.Path(path_type=Path))(function)


def _capturing(function: Command) -> Command:
    for option in reversed((
        click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
                     help="An adapter's name (torch, chainer-6.3) or folder; all that come along by default."),
        click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Only this dtype; the spec's by default."),
        click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of each framework."),
        click.option("--time-limit", type=click.FloatRange(0.1), default=600.0, show_default=True, metavar="SECONDS",
                     help="For one problem in one framework."),
        click.option("--memory-limit", type=click.FloatRange(0.1), metavar="GIB", help="Address space of each framework's process."),
    )):  # fmt: skip
        function = option(function)
    return function


@click.group(cls=Failing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradconform")
def main() -> None:
    """Judge the gradients of PyTorch, Chainer and NNabla, layer by layer, against a float64 reference.

    Exit status: 0 everything conforms or is known; 1 something diverges; 2 bad usage or a bad spec; 3 a framework could not be run.
    """


@main.command()
@_specs
@_capturing
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/latest"), show_default=True,
              help="Where the report goes.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep problems and captures in this folder.")
def run(specs: Sequence[Path], out: Path, keep: Path | None, **options: Any) -> None:
    """Draw, capture, judge and report. SPEC: files or folders; specs/networks by default."""
    sys.exit(commands.run(specs, commands.Options(**options), out, keep))


@main.command()
@_specs
@_capturing
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder for problems and captures.")
def capture(specs: Sequence[Path], out: Path, **options: Any) -> None:
    """Draw and capture only; `gradconform judge` does the rest, on this machine or another."""
    sys.exit(commands.capture(specs, commands.Options(**options), out))


@main.command()
@click.argument("captures", nargs=-1, required=True, metavar="FOLDER ...", type=click.Path(path_type=Path, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/latest"), show_default=True,
              help="Where the report goes.")
def judge(captures: Sequence[Path], out: Path) -> None:
    """Judge folders that `gradconform capture` wrote; needs no framework."""
    sys.exit(commands.judge(captures, out))


@main.command()
@_specs
def check(specs: Sequence[Path]) -> None:
    """Load specs and say everything that is wrong with them."""
    networks = commands.networks(specs)
    Console(soft_wrap=True).print(f"{len(networks)} networks, all well formed")


@main.command("list")
@_specs
def list_specs(specs: Sequence[Path]) -> None:
    """List networks, with what each is there for."""
    table = Table("network", "nodes", "parameters", "dtypes", "values", "about")
    for network in commands.networks(specs):
        count = sum(_size(t.shape) for t in network.parameters)
        table.add_row(network.name, str(len(network.nodes)), f"{count:,}", " ".join(network.dtypes), " ".join(network.values), network.about)
    Console().print(table)


def _size(shape: Sequence[int]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


@main.command()
@click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER", help="Only these; all that come along by default.")
def doctor(adapter: Sequence[str]) -> None:
    """Say which adapters, interpreters and versions there are, and what to type when one is missing."""
    table = Table("adapter", "version", "Python", "NumPy", "interpreter", "dtypes", "operators")
    missing: list[str] = []
    for name in adapter or adapters.names():
        try:
            found = adapters.find(name)
            about = adapters.describe(found)
            dtypes = " ".join(d for d, reason in about["dtypes"].items() if reason is None)
            table.add_row(name, about["version"], about["python"], about["numpy"], found.found, dtypes, str(len(about["operators"])))
        except adapters.AdapterError as error:
            table.add_row(name, "not ready", "", "", "", "", "")
            missing.append(str(error))
    console = Console()
    console.print(f"gradconform {__version__}, Python {sys.version.split()[0]}, adapters in {paths.adapters_folder()}", highlight=False)
    console.print(table)
    for message in missing:
        console.print(message, markup=False, highlight=False, soft_wrap=True)
    sys.exit(3 if missing else 0)


if __name__ == "__main__":
    main()
