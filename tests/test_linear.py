"""No step takes more than linear work in the nodes: lines that are run are counted, so no clock and no load matters."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import safetensors
from gradconform import paths
from gradconform.contract import Tensors, files, read_problem
from gradconform.contract.run import NetworkInfo, RunInfo
from gradconform.judge import judge
from gradconform.report.consequence import Ends, consequence
from gradconform.report.junit import junit
from gradconform.report.matrix import networks_of
from gradconform.report.summary import Summary
from gradconform.rows import Row
from honest import computed, problem_of, write_capture

SIZE = 24
SQUARE = 2.5
"""Twice as many nodes again add twice the lines where these are linear in the nodes, and four times where square."""

_spec = importlib.util.spec_from_file_location("lineage", paths.adapters_folder() / "lineage.py")
assert _spec is not None
assert _spec.loader is not None
lineage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lineage)
OURS = (str(Path(files.__file__).parents[1]), str(paths.adapters_folder()), __file__)


def lines(work: Callable[[], object]) -> int:
    """How many lines of ours are run by a call."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename.startswith(OURS) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def growth(prepared: Callable[[int], Callable[[], object]]) -> float:
    """By what factor the lines grow that a doubling adds. prepared: nodes -> what is done with them."""
    prepared(SIZE)()  # what is only done once
    small, middle, large = (lines(prepared(size)) for size in (SIZE, 2 * SIZE, 4 * SIZE))
    return (large - middle) / (middle - small)


def chain(nodes: int) -> str:
    """The spec of a chain with a sum around every second node."""
    text = "about: A chain.\ninputs:\n  x: {shape: [2, 3], grad: true}\nnodes:\n"
    last, skipped = "x", "x"
    for i in range(nodes):
        text += f"  n{i}: {{op: {'add' if i % 2 else 'tanh'}, x: {last}{f', y: {skipped}' if i % 2 else ''}}}\n"
        last, skipped = f"n{i}", f"n{i}" if i % 2 else skipped
    return text


def explained(size: int, cut: Callable[[int], set[tuple[str, str]]], frozen: bool = False) -> Callable[[], object]:
    """Why gradients are missing in a chain of which some edges are cut, or that starts from a leaf without one."""
    names = ["x", *(f"n{i}" for i in range(size))]
    nodes = [
        {"name": name, "op": "some", "tensors": [["a", read], ["b", read]], "outputs": [{"name": name}]}
        for read, name in itertools.pairwise(names)
    ]
    leaf = {"name": "x", "grad": True, "dtype": "float32"}
    graph = lineage.Lineage({"nodes": nodes, "inputs": [leaf], "parameters": [], "output": names[-1]})
    edges, without = cut(size), set(names) if frozen else set()
    return partial(graph.explain, graph.wanted, lambda name: name not in without, lambda *edge: edge not in edges)


def every(folder: Path, size: int) -> tuple[Path, Path]:
    """A problem, and a capture in which every second output is wrong."""
    place = folder / str(size)
    if not (place / "capture").exists():
        problem = problem_of(place, chain(size))
        faults = {f"output/n{i}": lambda array: array * array.dtype.type(1.01) for i in range(0, size, 2)}
        write_capture(problem, place / "capture", computed(problem, faults))
    return next(place.glob("net.float32.*")), place / "capture"


def rows_of(folder: Path, size: int) -> tuple[list[Row], RunInfo]:
    """What the judge says of it, and the manifest."""
    place, capture = every(folder, size)
    problem = read_problem(place)
    edges = tuple((read, node.name) for node in problem.nodes for read in node.reads)
    network = NetworkInfo(problem.spec, nodes=tuple((n.name, n.op) for n in problem.nodes), edges=edges)
    return judge(place, {"honest": capture}), RunInfo(started="2026-01-01T00:00:00+00:00", networks=(network,))


@pytest.mark.parametrize(
    ("cut", "frozen"),
    [(lambda size: set(), False), (lambda size: {(f"n{size - 1}", f"n{size - 2}")}, False), (lambda size: set(), True)],
    ids=["whole", "cut at the end", "cut at the start"],
)
def test_the_reasons_of_missing_gradients(cut: Callable[[int], set[tuple[str, str]]], frozen: bool) -> None:
    """Wherever the graph is cut, all of its tensors are explained together."""
    assert growth(lambda size: explained(size, cut, frozen)) < SQUARE


def test_the_judge(tmp_path: Path) -> None:
    """Rows of a capture in which half of all nodes are wrong, and others are to be cleared of it."""
    verdicts = {str(row.verdict) for row in rows_of(tmp_path, SIZE)[0]}
    assert {"conforms", "diverges"} <= verdicts
    assert growth(lambda size: partial(judge, every(tmp_path, size)[0], {"honest": every(tmp_path, size)[1]})) < SQUARE


REPORTS: dict[str, Callable[[Summary], object]] = {
    "tables": networks_of,
    "junit": junit,
    "a consequence": lambda summary: consequence(summary.faults[-1], Ends.of(summary.rows, summary.run)),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_report(tmp_path: Path, report: Callable[[Summary], object]) -> None:
    """What is said of each node, and what one fault does to all the others."""
    assert growth(lambda size: partial(report, Summary.of(*rows_of(tmp_path, size)))) < SQUARE


def test_square_work_is_noticed() -> None:
    """The twin: a loop in a loop is, and a loop is not."""
    assert growth(lambda size: partial(_pairs, 1, size)) < SQUARE
    assert growth(lambda size: partial(_pairs, size, size)) > 1.4 * SQUARE


def _pairs(outer: int, inner: int) -> None:
    for _ in range(outer):
        for _ in range(inner):
            pass


def test_a_file_of_tensors_is_opened_by_its_package_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header names every tensor, so a look at it for each of them would be square."""
    opened: list[str] = []
    monkeypatch.setattr(files, "safe_open", lambda *a, **k: opened.append(a[0]) or safetensors.safe_open(*a, **k))
    tensors = Tensors(every(tmp_path, SIZE)[1] / "capture.safetensors")
    opened.clear()
    tensors = Tensors(tensors.path)
    assert len({name: tensors[name] for name in tensors if name in tensors}) >= 2 * SIZE - 1
    assert opened == [str(tensors.path)]
