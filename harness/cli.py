"""The command `gradconform`."""

from __future__ import annotations

import errno
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
from harness.history.keep import Keeping
from harness.judge import conventions
from harness.judge.known import KnownError
from harness.spec import SpecError
from harness.why import WhyError

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
        except (SpecError, ContractError, adapters.AdapterError, KnownError, WhyError) as error:
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


def _keeping(function: Command) -> Command:
    for option in reversed((
        click.option("--history", type=FOLDER, help="Keep the run in this folder of runs, too."),
        click.option("--baseline", type=FOLDER, metavar="RUN",
                     help="Say what changed since this run, or since the newest of a folder of runs; worse is 1."),
        click.option("--subset", is_flag=True, help="Less was asked for than in the baseline, on purpose."),
    )):  # fmt: skip
        function = option(function)
    return function


def _capturing(function: Command) -> Command:
    for option in reversed((
        click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
                     help="An adapter's name (torch, chainer-6.3) or folder; all that come along by default."),
        click.option("--dtype", type=click.Choice(["float32", "float64"]),
                     help="Only this dtype; the spec's by default."),
        click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's."),
        click.option("--route", default="primary", show_default=True, metavar="all|primary|NAME",
                     help="Other ways to the gradients, each held against the primary one."),
        click.option("--numeric", is_flag=True,
                     help="Difference each framework's forward, too, against its own gradients."),
        click.option("--eps", type=click.FloatRange(1e-300, 1e300), metavar="EPS", callback=_finite,
                     help="With --numeric --plain: this step for every element."),
        click.option("--plain", is_flag=True, help="With --numeric --eps: plain differences, one step."),
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
@_keeping
@click.option("--keep", type=FOLDER, help="Keep problems and captures in this folder.")
def run(
    specs: Sequence[Path], out: Path, keep: Path | None, history: Path | None, baseline: Path | None, subset: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Draw, capture, judge and report. SPEC: files or folders; specs/networks and specs/semantics by default."""
    sys.exit(commands.run(specs, commands.Options(**options), out, keep, Keeping(history, baseline, subset)))


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
@_keeping
def judge(
    captures: Sequence[Path], out: Path, history: Path | None, baseline: Path | None, subset: bool
) -> None:
    """Judge folders that `gradconform capture` wrote; needs no framework.

    A folder without captures is a framework that could not run: it is named, and the others are judged.
    """
    sys.exit(commands.judge(captures, out, Keeping(history, baseline, subset)))


@main.command()
@click.argument("before", metavar="RUN_A", type=FOLDER)
@click.argument("after", metavar="RUN_B", type=FOLDER)
@click.option("--history", type=FOLDER, help="Runs that the spread of honest ratios is taken from; those beside RUN_A "
              "where it is one of many nights.")  # fmt: skip
@click.option("--subset", is_flag=True, help="Less was asked for in RUN_B, on purpose.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, all of it.")
def compare(before: Path, after: Path, history: Path | None, subset: bool, as_json: bool) -> None:
    """Say what changed from one run to another: environments, verdicts, rows, ratios.

    Exit status: 1 where something is worse; 3 where a framework could not run in RUN_B.
    """
    sys.exit(commands.compare(before, after, history, subset=subset, as_json=as_json))


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--row", metavar="SPEC/TENSOR/FRAMEWORK/CHECK", help="The trend of one row.")
@click.option("--changes", is_flag=True, help="What changed when.")
def history(folder: Path, row: str | None, changes: bool) -> None:
    """List the runs of a folder that `gradconform run --history` writes to, or ask all of them together."""
    sys.exit(commands.history(folder, row, changes=changes))


@main.command()
@click.argument("folder", metavar="RUN", type=FOLDER)
@click.option("--into", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Put it between the two markers of this file instead of printing it.")  # fmt: skip
def table(folder: Path, into: Path | None) -> None:
    """Print what a gradient means in each framework as Markdown, from the folder of a run over specs/semantics."""
    sys.exit(commands.table(folder, into))


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("tensor")
@click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
              help="An adapter's name or folder; all that come along by default.")
@click.option("--network", "only", metavar="NAME", help="Only this network of SPEC; all that have TENSOR by default.")
@click.option("--route", default="primary", show_default=True, metavar="primary|NAME", help="The way to the gradient.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="The spec's first by default.")
def why(spec: Path, tensor: str, only: str | None, **options: Any) -> None:
    """Say whether each framework gives the gradient of TENSOR, why not, and the line of code that would give it.

    TENSOR: an input, a parameter or a node, as `x`, `conv1.weight` or `grad/relu1`; of a behaviour, an ask. Exit
    status: 0 where a framework answered, whatever it said; 3 where none could be run.
    """
    sys.exit(commands.why(spec, tensor, only, commands.Options(**options)))


@main.command()
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("tensors", nargs=-1, metavar="[TENSOR ...]")
@click.option("--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER",
              help="An adapter's name or folder; all that come along by default.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="The spec's first by default.")
@click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's.")
@click.option("--eps", type=click.FloatRange(1e-300, 1e300), metavar="EPS", callback=_finite,
              help="With --plain: this step for every element.")
@click.option("--plain", is_flag=True, help="With --eps: plain differences, one step.")
def numeric(spec: Path, tensors: Sequence[str], **options: Any) -> None:
    """Print gradients beside numerical derivatives with error bars, element by element.

    TENSOR: an input or a parameter, as `layer3.weight` or `grad/layer3.weight`; all by default, a large one along two
    directions.
    """
    sys.exit(commands.numeric(spec, tensors, commands.Options(numeric=True, **options)))


@main.command()
@_specs
def check(specs: Sequence[Path]) -> None:
    """Load specs and say everything that is wrong with them."""
    networks = commands.networks(specs)
    conventions.beside(networks)
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
    commands.wide_console(200).print(table)


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
    console = commands.wide_console(200)
    here = f"gradconform {__version__}, Python {sys.version.split()[0]}, adapters in {paths.adapters_folder()}"
    console.print(here, soft_wrap=True, markup=False)
    console.print(table)
    for message in missing:
        console.print(message, markup=False, soft_wrap=True)
    sys.exit(3 if missing else 0)


if __name__ == "__main__":
    main()
