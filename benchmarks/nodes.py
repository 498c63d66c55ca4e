"""How the time of each stage grows with the number of nodes: chains of 200 to 1,600 of them."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from gradconform.capture import adapters
from gradconform.contract.folder import Folder
from measure import ROOT, THREADS, BenchmarkError, Place, process, spread, table

SIZES = (200, 400, 800, 1600)
# What is left of a stage where there are hardly any nodes: taken off every figure.
START = 3
TARGET = 1.1
ABOUT = f"""\
Chains of nodes, a linear layer of four, a tanh and a sum with what the linear layer read in turn, on [3, 4] numbers in
float32: so many small nodes that what each costs is seen and its arithmetic is not. Seconds of one warm process for
each stage, less those of a chain of {START} nodes in the same process; capturing is by the primary route, from the
reading of the problem to the capture's last file, judging and the report are of all frameworks' captures together.
Exponent: of the time over the number of nodes, by least squares on logarithms; 1 is linear. Target: at most {TARGET}.
"""


def chain(nodes: int) -> str:
    """The spec of a chain of so many nodes."""
    lines = [f"name: chain{nodes}", f"about: A chain of {nodes} nodes.", "inputs:"]
    lines += ["  x: {shape: [3, 4], grad: true}", "nodes:"]
    skipped, last = "x", "x"
    for i in range(nodes):
        called = ("{op: linear, x: %s, out_features: 4}", "{op: tanh, x: %s}", "{op: add, x: %s, y: %s}")[i % 3]
        lines.append(f"  n{i}: " + called % ((last, skipped) if i % 3 == 2 else (last,)))
        last = f"n{i}"
        skipped = last if i % 3 == 2 else skipped
    return "\n".join(lines) + "\n"


def exponent(seconds: Mapping[int, float]) -> float:
    """The slope of log time over log nodes, by least squares. seconds: nodes -> seconds, all above 0."""
    nodes, taken = np.log(list(seconds)), np.log(list(seconds.values()))
    return float(np.polyfit(nodes, taken, 1)[0])


def section(place: Place) -> str:
    """Markdown: a line for each stage, with the seconds of each chain and the exponent."""
    rounds = [dict(_measured(place.root / f"nodes-{i}")) for i in range(place.repeat)]
    header = ("stage", *(f"{size:,} nodes s" for size in SIZES), "exponent", "target")
    return f"{ABOUT}\n{table(header, [_line(stage, [each[stage] for each in rounds]) for stage in rounds[0]])}"


def _line(stage: str, rounds: Sequence[Mapping[int, float]]) -> list[str]:
    found = exponent({size: median(each[size] for each in rounds) for size in SIZES})
    seconds = [spread(each[size] for each in rounds) for size in SIZES]
    return [stage, *seconds, f"{found:.2f}", "met" if found <= TARGET else "missed"]


def _measured(root: Path) -> Iterator[tuple[str, dict[int, float]]]:
    """Every stage, with seconds by nodes. Raises BenchmarkError."""
    specs = []
    # The first chain only warms the process up, the second is what is taken off.
    for name, size in (("warm", START), ("start", START), *((str(size), size) for size in SIZES)):
        specs.append(root / f"{name}.yaml")
        root.mkdir(parents=True, exist_ok=True)
        specs[-1].write_text(chain(size), encoding="utf-8")
    stages = ROOT / "benchmarks" / "node_stages.py"
    found = dict(process([sys.executable, stages, "draw", root, *specs]).said)
    for name in adapters.names():
        found[f"capture, {name}"] = _captured(root, adapters.find(name), [path.stem for path in specs])
    found.update(process([sys.executable, stages, "judge", root, *specs]).said)
    for stage, seconds in found.items():
        yield stage, {size: seconds[str(size)] - seconds["start"] for size in SIZES}


def _captured(root: Path, adapter: adapters.Adapter, names: Sequence[str]) -> dict[str, float]:
    """Seconds by chain, of one process of the worker. Raises BenchmarkError where a chain was not captured."""
    at = {name: Folder(root / name).capture(adapter.name, name) for name in names}
    problems = {name: str(Folder(root / name).problem(name)) for name in names}
    tasks = [{"problem": problems[name], "capture": str(at[name])} for name in names]
    job = root / f"{adapter.name}.json"
    what = {"adapter": str(adapter.folder), "route": "primary", "threads": THREADS, "tasks": tasks}
    job.write_text(json.dumps(what), encoding="utf-8")
    process([adapter.interpreter, "-I", adapters.worker(), job], said_in=at[names[-1]] / "capture.json")
    for name in names:
        said = json.loads((at[name] / "capture.json").read_text(encoding="utf-8"))
        if said["status"] != "ok":
            raise BenchmarkError(f"{adapter.name} on a chain of {name} nodes: {said['status']}: {said['reason']}")
    # The worker makes the one file when it begins a task and the other when it ends it.
    ends = {name: [(at[name] / file).stat().st_mtime for file in ("started", "capture.json")] for name in names}
    return {name: end - start for name, (start, end) in ends.items()}
