"""The command `gradconform`."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import __version__, adapters, commands, paths
from harness.contract import ContractError
from harness.judge.known import KnownError
from harness.spec import SpecError

USAGE = 2
INTERRUPTED = 128
FOLDER: click.Path[Path] = click.Path(path_type=Path, file_okay=False)
Command = TypeVar("Command", bound=Callable[..., Any])
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Failing(click.Group):
    """Turns what a user can mend into its message and exit code 2, at the door and nowhere else."""

    def invoke(self, ctx: click.Context) -> Any:
        # As Ctrl-C: what was started is ended, and what lies about meanwhile is removed.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        try:
            return super().invoke(ctx)
        except (SpecError, ContractError, adapters.AdapterError, KnownError) as error:
            errors.print(str(error), markup=False)
        except BrokenProcessPool:
            errors.print("a process of gradconform itself was killed, most likely for want of memory; run fewer specs")
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            errors.print(f"{error.filename or 'input or output'}: {error.strerror or error}", markup=False)
        except KeyboardInterrupt as error:
            errors.print("interrupted; earlier results are untouched", markup=False)
            ctx.exit(INTERRUPTED + (error.args[0] if error.args else signal.SIGINT))
        ctx.exit(USAGE)


def _interrupt(number: int, _: object) -> NoReturn:
    raise KeyboardInterrupt(number)


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and value != value:
        raise click.BadParameter("expected a number")
    return value


def _specs(function: Command) -> Command:
    return click.argument("specs", nargs=-1, metavar="[SPEC ...]", type=click.Path(path_type=Path))(function)


def _out(function: Command) -> Command:
    option = click.option(
        "--out", type=FOLDER, default=Path("reports/latest"), show_default=True, help="Where the report goes."
    )
    return option(function)


def _capturing(function: Command) -> Command:
    for option in reversed((
        click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
                     help="An adapter's name (torch, chainer-6.3) or folder; all that come along by default."),
        click.option("--dtype", type=click.Choice(["float32", "float64"]),
                     help="Only this dtype; the spec's by default."),
        click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's."),
        click.option("--route", default="primary", show_default=True, metavar="all|primary|NAME",
                     help="Other ways to the gradients, each held against the primary one."),
        click.option("--threads", type=click.IntRange(1, 4096), default=1, show_default=True,
                     help="Threads of each framework."),
        click.option("--time-limit", type=click.FloatRange(0.1, 1e9), default=600.0, show_default=True,
                     metavar="SECONDS", callback=_finite, help="For one problem in one framework."),
        click.option("--memory-limit", type=click.FloatRange(0.1, 2.0**20), metavar="GIB", callback=_finite,
                     help="Address space of each framework's process."),
    )):  # fmt: skip
        function = option(function)
    return function


@click.group(cls=Failing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradconform")
def main() -> None:
    """Judge the gradients of PyTorch, Chainer and NNabla, layer by layer, against a float64 reference.

    Exit status: 0 everything conforms or is known; 1 something diverges; 2 bad usage or a bad spec; 3 a framework
    could not be run.
    """


@main.command()
@_specs
@_capturing
@_out
@click.option("--keep", type=FOLDER, help="Keep problems and captures in this folder.")
def run(specs: Sequence[Path], out: Path, keep: Path | None, **options: Any) -> None:
    """Draw, capture, judge and report. SPEC: files or folders; specs/networks by default."""
    sys.exit(commands.run(specs, commands.Options(**options), out, keep))


@main.command()
@_specs
@_capturing
@click.option("--out", type=FOLDER, required=True, help="A new folder for problems and captures.")
def capture(specs: Sequence[Path], out: Path, **options: Any) -> None:
    """Draw and capture only; `gradconform judge` does the rest, on this machine or another."""
    sys.exit(commands.capture(specs, commands.Options(**options), out))


@main.command()
@click.argument("captures", nargs=-1, required=True, metavar="FOLDER ...", type=FOLDER)
@_out
def judge(captures: Sequence[Path], out: Path) -> None:
    """Judge folders that `gradconform capture` wrote; needs no framework."""
    sys.exit(commands.judge(captures, out))


@main.command()
@_specs
def check(specs: Sequence[Path]) -> None:
    """Load specs and say everything that is wrong with them."""
    networks = commands.networks(specs)
    count = "1 network" if len(networks) == 1 else f"{len(networks)} networks, all"
    Console(soft_wrap=True, highlight=False).print(f"{count} well formed")


@main.command("list")
@_specs
def list_specs(specs: Sequence[Path]) -> None:
    """List networks, with what each is there for."""
    table = Table("network", "nodes", "parameters", "dtypes", "values", "about")
    for network in commands.networks(specs):
        count = sum(_size(t.shape) for t in network.parameters)
        told = (str(len(network.nodes)), f"{count:,}", " ".join(network.dtypes), " ".join(network.values))
        table.add_row(network.name, *told, escape(network.about))
    _console().print(table)


def _console() -> Console:
    """As wide as the terminal, or wide enough that a table in a file or a pipe is not cut."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=200)


def _size(shape: Sequence[int]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


@main.command()
@click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
              help="Only these; all that come along by default.")  # fmt: skip
def doctor(adapter: Sequence[str]) -> None:
    """Say which adapters, interpreters and versions there are, and what to type when one is missing."""
    table = Table("adapter", "version", "Python", "NumPy", "interpreter", "dtypes", "operators")
    missing: list[str] = []
    for name in adapter or adapters.names():
        try:
            found = adapters.find(name)
            about = adapters.describe(found)
            dtypes = " ".join(d for d, reason in about["dtypes"].items() if reason is None)
            versions = (about["version"], about["python"], about["numpy"])
            table.add_row(name, *map(str, versions), found.found, dtypes, str(len(about["operators"])))
        except adapters.AdapterError as error:
            table.add_row(name, "not ready", "", "", "", "", "")
            missing.append(str(error))
    console = _console()
    here = f"gradconform {__version__}, Python {sys.version.split()[0]}, adapters in {paths.adapters_folder()}"
    console.print(here, soft_wrap=True, markup=False)
    console.print(table)
    for message in missing:
        console.print(message, markup=False, soft_wrap=True)
    sys.exit(3 if missing else 0)


if __name__ == "__main__":
    main()
