"""Gradients beside numerical derivatives, element by element, for a terminal: `gradconform numeric`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness import problem as problems
from harness import running
from harness.adapters import Adapter
from harness.contract import Capture, ContractError, Problem, read_capture
from harness.judge.rows import Verdict
from harness.numeric import FOLDER, plan
from harness.numeric.measure import Measure
from harness.numeric.rows import gradients, grouped, judged, measured_in
from harness.spec import Network
from harness.spec.errors import nearest

HEAD = ("element", "analytic", "numerical", "|difference|", "error bar", "verdict")


@dataclass(frozen=True)
class Asked:
    """One problem, drawn, with its probes beside it; leaves: those to show, all where none is named."""

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
    problem = problems.write(network, folder, dtype=chosen, values="drawn", seed=seed)
    plan.prepare(problem, folder / FOLDER, eps, leaves)
    return Asked(problem, leaves)


def captures(
    asked: Asked, chosen: Sequence[Adapter], threads: int, limits: running.Limits, root: Path
) -> dict[str, Capture]:
    """Adapter -> its capture, with what its forward gave beside it."""

    def run(adapter: Adapter) -> Capture:
        problem = asked.problem
        place = root / "captures" / adapter.name / problem.folder.name
        first = running.Task(problem.folder, place, problem.digest)
        second = running.Task(problem.folder, place / FOLDER, problem.digest, problem.folder / FOLDER)
        running.capture(
            adapter, [first, second], job_folder=root / "jobs" / adapter.name, threads=threads, limits=limits
        )
        return read_capture(place, problem)

    with ThreadPoolExecutor(len(chosen)) as pool:
        return dict(zip((a.name for a in chosen), pool.map(run, chosen), strict=True))


def tables(asked: Asked, name: str, capture: Capture) -> Iterator[tuple[Verdict, RenderableType]]:
    """A table for each leaf, with its verdict; a sentence where a framework gave nothing."""
    problem = asked.problem
    framework = f"{name} {capture.version}".strip()
    beside = read_capture(capture.folder / FOLDER, problem) if capture.status == "ok" else capture
    if beside.status != "ok":
        yield Verdict(beside.status), Text(f"{framework}: {beside.status}: {beside.reason}")
        return
    measured = measured_in(problem, capture, beside)
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
