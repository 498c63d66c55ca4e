"""Options that several commands share, and the adapters that are asked for."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from gradconform import dtypes
from gradconform.capture import adapters
from gradconform.capture.together import LAYOUTS, Capturing
from gradconform.capture.worker import Limits
from gradconform.contract import ContractError

FOLDER: click.Path[Path] = click.Path(path_type=Path, file_okay=False)

Describing = Callable[[adapters.Adapter], Mapping[str, Any]]

Command = TypeVar("Command", bound=Callable[..., Any])


def finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and value != value:
        raise click.BadParameter("expected a number")
    return value


def together(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several options as one decorator, in the order in which the help lists them."""

    def decorated(function: Command) -> Command:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


def specs_argument(function: Command) -> Command:
    return click.argument("specs", nargs=-1, metavar="[SPEC ...]", type=click.Path(path_type=Path))(function)


def out_option(function: Command) -> Command:
    option = click.option(
        "--out", type=FOLDER, default=Path("reports/latest"), show_default=True, help="Where the report goes."
    )
    return option(function)


keeping_options = together(
    click.option("--history", type=FOLDER, help="Keep the run in this folder of runs, too."),
    click.option(
        "--baseline",
        type=FOLDER,
        metavar="RUN",
        help="Say what changed since this run, or since the newest of a folder of runs; worse is 1.",
    ),
    click.option("--subset", is_flag=True, help="Less was asked for than in the baseline, on purpose."),
)


capture_options = together(
    click.option(
        "--adapter",
        "adapter",
        multiple=True,
        metavar="NAME_OR_FOLDER",
        help="An adapter's name (torch, chainer-6.3) or folder; all that come along by default.",
    ),
    click.option("--dtype", type=click.Choice(dtypes.NAMES), help="Only this dtype; the spec's by default."),
    click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's."),
    click.option(
        "--route",
        default="primary",
        show_default=True,
        metavar="all|primary|NAME",
        help="Other ways to the gradients, each held against the primary one.",
    ),
    click.option(
        "--layout",
        "layouts",
        type=click.Choice(["all", *LAYOUTS]),
        multiple=True,
        help="Other memory layouts besides, each held against the primary route; `expanded` has numbers of its own.",
    ),
    click.option(
        "--numeric", is_flag=True, help="Difference each framework's forward, too, against its own gradients."
    ),
    click.option(
        "--order",
        type=click.IntRange(1, 2),
        default=1,
        show_default=True,
        help="2: differentiate the gradients once more, and judge tangents and second-order gradients.",
    ),
    click.option(
        "--eps",
        type=click.FloatRange(1e-300, 1e300),
        metavar="EPS",
        callback=finite,
        help="With --numeric --plain: this step for every element.",
    ),
    click.option("--plain", is_flag=True, help="With --numeric --eps: plain differences, one step."),
    click.option(
        "--unchanged/--no-unchanged",
        default=True,
        show_default=True,
        help="See that inputs, parameters, buffers and the cotangent are not written into.",
    ),
    click.option(
        "--repeat/--no-repeat",
        default=False,
        show_default=True,
        help="Run each problem twice in one process, which must give the same bits.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1, 4096),
        default=1,
        show_default=True,
        help="Threads of each framework.",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(0.1, 1e9),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        callback=finite,
        help="For one problem in one framework.",
    ),
    click.option(
        "--memory-limit",
        type=click.FloatRange(0.1, 2.0**20),
        metavar="GIB",
        callback=finite,
        help="Address space of each framework's process.",
    ),
)


cluster_options = together(
    click.option(
        "--cluster",
        metavar="ADDRESS",
        help="Do it on the workers of a Dask scheduler, or of `local`: docs/cluster.md.",
    ),
    click.option(
        "--cluster-wait",
        type=click.FloatRange(0.1, 1e6),
        default=30.0,
        show_default=True,
        metavar="SECONDS",
        callback=finite,
        help="For workers that offer what is needed.",
    ),
)


@dataclass(frozen=True)
class Options:
    """The options that `run` and `capture` share, as the user gave them."""

    adapter: tuple[str, ...] = ()
    dtype: str | None = None
    seed: int | None = None
    threads: int = 1
    time_limit: float = 600.0
    memory_limit: float | None = None
    route: str = "primary"
    layouts: tuple[str, ...] = ()
    numeric: bool = False
    order: int = 1
    eps: float | None = None
    plain: bool = False
    unchanged: bool = True
    repeat: bool = False
    cluster: str | None = None
    cluster_wait: float = 30.0

    def __post_init__(self) -> None:
        """Raises ContractError where options that need each other do not come together."""
        if (self.eps is None) == self.plain or (self.plain and not self.numeric):
            given = [] if self.eps is None else [f"--eps {self.eps:g}"]
            came = " ".join([*given, *["--plain"] * self.plain])
            raise ContractError(f"{came}: --eps EPS and --plain need each other, and --numeric")

    def capturing(self, chosen: Sequence[adapters.Adapter], describe: Describing | None = None) -> Capturing:
        """How captures are made with these options.

        describe: asks an adapter for its routes; by default the interpreter that was found here. Raises AdapterError
        where no adapter has the route that is asked for.
        """
        memory = None if self.memory_limit is None else int(self.memory_limit * 2**30)
        limits = Limits(seconds=self.time_limit, memory=memory)
        routes = self._routes(chosen, describe or adapters.describe)
        also = ["unchanged"] * self.unchanged + ["repeat"] * self.repeat
        return Capturing(
            routes,
            self.threads,
            limits,
            layouts=LAYOUTS if "all" in self.layouts else tuple(dict.fromkeys(self.layouts)),
            numeric=self.numeric,
            order=self.order,
            eps=self.eps,
            also=tuple(also),
        )

    def _routes(self, chosen: Sequence[adapters.Adapter], describe: Describing) -> dict[str, list[str]]:
        if self.route == "primary":
            return {}
        found: dict[str, list[str]] = {}
        known: set[str] = set()
        for adapter in chosen:
            about = describe(adapter)
            others = [route for route in about["routes"] if route != about["primary"]]
            known.update(about["routes"])
            found[adapter.name] = [route for route in others if self.route in ("all", route)]
        if self.route != "all" and self.route not in known:
            close = difflib.get_close_matches(self.route, known, 1)
            hint = f"; did you mean {close[0]}?" if close else ""
            there = ", ".join(["all", "primary", *sorted(known)])
            raise adapters.AdapterError(f"--route {self.route}: no such route; there are {there}{hint}")
        return found
