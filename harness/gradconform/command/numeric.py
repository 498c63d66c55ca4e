"""`gradconform numeric`: gradients beside numerical derivatives, element by element."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gradconform import dtypes
from gradconform.capture.choice import present
from gradconform.capture.together import capture_all
from gradconform.command.console import wide_console
from gradconform.command.exits import CANNOT_RUN, DIVERGES
from gradconform.command.options import Options, finite
from gradconform.contract import Capture, ContractError, Problem, read_capture
from gradconform.draw.problem import draw_problem
from gradconform.errors import nearest
from gradconform.numeric import FOLDER, plan
from gradconform.numeric.measure import Measure
from gradconform.numeric.rows import gradients, grouped, judged, measured_in
from gradconform.rows import Verdict
from gradconform.spec import Network
from gradconform.spec.files import networks

HEAD = ("element", "analytic", "numerical", "|difference|", "error bar", "verdict")


@click.command("numeric")
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("tensors", nargs=-1, metavar="[TENSOR ...]")
@click.option(
    "--adapter",
    "adapter",
    multiple=True,
    metavar="NAME_OR_FOLDER",
    help="An adapter's name or folder; all that come along by default.",
)
@click.option("--dtype", type=click.Choice(dtypes.NAMES), help="The spec's first by default.")
@click.option("--seed", type=click.IntRange(0, 2**63), help="Draw from this seed instead of the spec's.")
@click.option(
    "--eps",
    type=click.FloatRange(1e-300, 1e300),
    metavar="EPS",
    callback=finite,
    help="With --plain: this step for every element.",
)
@click.option("--plain", is_flag=True, help="With --eps: plain differences, one step.")
def command(spec: Path, tensors: Sequence[str], **options: Any) -> None:
    """Print gradients beside numerical derivatives with error bars, element by element.

    TENSOR: an input or a parameter, as `layer3.weight` or `grad/layer3.weight`; all by default, a large one along two
    directions.
    """
    sys.exit(execute(spec, tensors, Options(numeric=True, **options)))


def execute(spec: Path, tensors: Sequence[str], options: Options) -> int:
    """Print each framework's gradients beside numerical derivatives of its own forward."""
    chosen, absent = present(options.adapter)
    limits = options.capturing([]).limits
    verdicts: set[Verdict] = set()
    with tempfile.TemporaryDirectory(prefix="gradconform-numeric-") as folder:
        for network in networks([spec]):
            root = Path(folder) / network.name
            asked = ask(network, tensors, options.dtype, options.seed, options.eps, root)
            captures = capture_all([asked.problem], chosen, root, threads=options.threads, limits=limits)
            for name, (capture,) in captures.items():
                for verdict, shown in tables(asked, name, capture):
                    verdicts.add(verdict)
                    wide_console().print(shown)
    for message in absent.values():
        wide_console().print(f"not run: {message}", markup=False, soft_wrap=True)
    if Verdict.DIVERGES in verdicts:
        return DIVERGES
    return CANNOT_RUN if Verdict.CRASHED in verdicts or absent else 0


@dataclass(frozen=True)
class Asked:
    """One problem that is drawn, with its probes beside it.

    problem: the problem.
    leaves: the leaves to show; all of them where the user named none.
    """

    problem: Problem
    leaves: tuple[str, ...]


def ask(
    network: Network, tensors: Sequence[str], dtype: str | None, seed: int | None, eps: float | None, root: Path
) -> Asked:
    """Draw the problem of a network and choose where to evaluate it. Raises ContractError."""
    if network.script or "drawn" not in network.values:
        raise ContractError(f"{network.path}: expected a network of drawn values, to take derivatives of")
    known = [t.name for t in network.inputs + network.parameters if t.grad]
    leaves = tuple(dict.fromkeys(name.removeprefix("grad/") for name in tensors))
    for name in leaves:
        if name not in known:
            hint = nearest(name, known) or f"expected one of {', '.join(known)}"
            raise ContractError(f"{name}: no input or parameter of {network.name} with a gradient; {hint}")
    folder = root / "problems" / network.name
    chosen = dtype or network.dtypes[0]
    problem = draw_problem(network, folder, dtype=chosen, values="drawn", seed=seed)
    plan.prepare(problem, folder / FOLDER, eps, leaves)
    return Asked(problem, leaves)


def tables(asked: Asked, name: str, capture: Capture) -> Iterator[tuple[Verdict, RenderableType]]:
    """A table for each leaf, with its verdict; a sentence where a framework gave nothing."""
    problem = asked.problem
    framework = f"{name} {capture.version}".strip()
    beside = read_capture(capture.folder / FOLDER, problem) if capture.status == "ok" else capture
    if beside.status != "ok":
        yield Verdict(beside.status), Text(f"{framework}: {beside.status}: {beside.reason}")
        return
    measured = measured_in(problem, capture, beside, problem.folder)
    found = gradients(problem, capture)
    for leaves in grouped(problem, measured):
        place = " ".join(leaves)
        if place in measured:
            by = place if len(leaves) == 1 else f"all {len(leaves)} tensors"
            title = f"d {problem.output} / d {by}, {problem.dtype}, {framework}"
            yield _table(problem, title, measured[place], {leaf: found[leaf].shape for leaf in leaves})
        elif not asked.leaves or place in asked.leaves:
            said = capture.missing.get(f"grad/{place}", "another shape")
            yield Verdict.INCONCLUSIVE, Text(f"{framework}: no gradient of {place} to hold against: {said}")


def _table(
    problem: Problem, title: str, found: Sequence[Measure], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Verdict, Table]:
    finding = judged(found, problem.dtype)
    table = Table(*HEAD, title=title, title_justify="left", caption_justify="left")
    for column in table.columns[1:5]:
        column.justify = "right"
    for measure in found:
        value, off = measure.quotient.value, abs(measure.analytic - measure.quotient.value)
        figures = (f"{measure.analytic:.8g}", f"{value:.8g}", f"{off:.1e}", f"{measure.bar:.1e}")
        verdict = judged([measure], problem.dtype).verdict
        table.add_row(Text(_place(measure, shapes)), *figures, str(verdict))
    table.caption = Text(f"{finding.verdict}: {finding.reason}")
    return finding.verdict, table


def _place(measure: Measure, shapes: Mapping[str, tuple[int, ...]]) -> str:
    element = measure.direction.element
    if element is None:
        return "along its own direction" if measure.direction.kind == "aligned" else "along random signs"
    (shape,) = shapes.values()
    return str([int(i) for i in np.unravel_index(element, shape)])
