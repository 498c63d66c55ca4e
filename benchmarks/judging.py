"""What the judge takes: VGG16 in three frameworks, the CNN in each, and gradcheck on the same CNN."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from gradconform.capture import adapters
from gradconform.contract import Problem, read_capture, read_problem
from gradconform.draw.variants import Variant
from measure import ROOT, BenchmarkError, Cost, Place, alternated, process, spread, table

TARGET_WALL, TARGET_PEAK, TARGET_CALL = 60.0, 6e9, 0.5
CALLS = 10
ABOUT = f"""\
Each row is a process of its own that is given captures made before. VGG16: the whole process, seen from
outside, judges the captures of every framework, each against the reference and against each other; target at
most {TARGET_WALL:g} s and {TARGET_PEAK / 1e9:g} GB. CNN: one call of the judge in a process that has
imported it and has judged the same once before, the median of {CALLS} such calls; `first` is the call before
them; target at most {TARGET_CALL:g} s.
"""
BESIDE = """\
The judge and `torch.autograd.gradcheck` on the CNN in float64, with the same numbers, run in turn, one
thread each. The judge's figure is the judgement of PyTorch's capture, every output and every gradient,
without making the capture (`capture` is what the worker's read, build, run and write took together, once).
Slow mode was timed on {part:,} of the {whole:,} elements (`gradcheck.PART`: conv1.weight and all biases) and
scaled by their number, since each element costs two forward passes of the whole network; fast mode, which
looks at one random projection of each tensor, was run in full.
"""


def section(place: Place) -> str:
    """Markdown: wall, CPU and memory of judging VGG16, and the time of one judgement of the CNN."""
    problem = place.problem("vgg16", "float32")
    captures = place.captures(problem)
    measured = alternated({"vgg16": partial(_judge, place, problem, captures, 1)}, place.repeat)["vgg16"]
    met = median(c.wall for c in measured) <= TARGET_WALL and median(c.peak for c in measured) <= TARGET_PEAK
    whole = [
        "vgg16",
        "float32",
        ", ".join(captures),
        measured[0].said["rows"],
        _verdicts(measured),
        spread(c.wall for c in measured),
        spread(c.cpu for c in measured),
        spread(c.peak / 1e9 for c in measured),
        _met(met),
    ]
    header = ("spec", "dtype", "captures", "rows", "verdicts", "wall s", "CPU s", "peak GB", "target")
    calls = [row for dtype in ("float32", "float64") for row in _calls(place, dtype)]
    cnn = ("spec", "dtype", "capture", "rows", "verdicts", "call s", "first s", "process s", "target")
    return f"{ABOUT}\n{table(header, [whole])}\n{table(cnn, calls)}"


def gradcheck(place: Place) -> str:
    """Markdown: judge and gradcheck in one table, with their ratio."""
    problem = place.problem("cnn", "float64")
    drawn = read_problem(place.folder.problem(problem.name))
    numbers = _numbers(drawn, place.root / "cnn.npz")
    torch = adapters.find("torch")
    captures = {"torch": place.captures(problem)["torch"]}
    script = ROOT / "benchmarks" / "gradcheck.py"
    measured = alternated(
        {
            "judge": partial(_judge, place, problem, captures, CALLS + 1),
            "gradcheck": partial(process, [torch.interpreter, "-I", script, numbers]),
        },
        place.repeat,
    )
    said: list[Any] = [cost.said for cost in measured["gradcheck"]]
    _same_loss(said[0]["fast"]["loss"], drawn, captures["torch"])
    part, whole = said[0]["slow"]["elements"], said[0]["fast"]["elements"]
    judge = [_call(cost) for cost in measured["judge"]]
    slow = [s["slow"]["seconds"] * whole / part for s in said]
    fast = [s["fast"]["seconds"] for s in said]
    seconds = json.loads((captures["torch"] / "capture.json").read_text(encoding="utf-8"))["seconds"]
    rows = [
        ("judge", spread(judge, ".4f"), "", _verdicts(measured["judge"])),
        ("capture", f"{sum(seconds[p] for p in ('read', 'build', 'run', 'write')):.4f}", "", ""),
        ("gradcheck, slow (extrapolated)", spread(slow, ".1f"), _small(judge, slow), _passed(said, "slow")),
        ("gradcheck, fast", spread(fast, ".4f"), _small(judge, fast), _passed(said, "fast")),
    ]
    return f"{BESIDE.format(part=part, whole=whole)}\n{table(('', 'seconds', 'judge / this', 'said'), rows)}"


def _judge(place: Place, problem: Variant, captures: dict[str, Path], calls: int) -> Cost:
    given = [f"{name}={folder}" for name, folder in captures.items()]
    script = ROOT / "benchmarks" / "judge_captures.py"
    return process([sys.executable, script, str(calls), place.folder.problem(problem.name), *given])


def _calls(place: Place, dtype: str) -> list[list[object]]:
    problem = place.problem("cnn", dtype)
    runs = {
        name: partial(_judge, place, problem, {name: folder}, CALLS + 1)
        for name, folder in place.captures(problem).items()
    }
    return [
        [
            "cnn",
            dtype,
            name,
            costs[0].said["rows"],
            _verdicts(costs),
            spread(map(_call, costs), ".3f"),
            spread((c.said["seconds"][0] for c in costs), ".3f"),
            spread(c.wall for c in costs),
            _met(median(map(_call, costs)) <= TARGET_CALL),
        ]
        for name, costs in alternated(runs, place.repeat).items()
    ]


def _call(cost: Cost) -> float:
    return median(cost.said["seconds"][1:])


def _numbers(problem: Problem, path: Path) -> Path:
    numbers = {name: problem.value(name) for name in problem.graph.leaves}
    np.savez(path, cotangent=problem.cotangent, **numbers)
    return path


def _same_loss(loss: float, problem: Problem, capture: Path) -> None:
    """Raise BenchmarkError unless gradcheck's network is the one that was judged."""
    output = read_capture(capture, problem).tensors[f"output/{problem.output}"]
    captured = float(output) * float(problem.cotangent)
    if not np.isclose(loss, captured, rtol=1e-12, atol=0):
        hint = "write the spec's network there"
        raise BenchmarkError(f"gradcheck.py: loss is {loss!r}; expected {captured!r}; {hint}")


def _small(above: Sequence[float], below: Sequence[float]) -> str:
    return spread((a / b for a, b in zip(above, below, strict=True)), ".5f")


def _passed(said: Sequence[Any], mode: str) -> str:
    return "passes" if all(s[mode]["passed"] for s in said) else "fails"


def _verdicts(costs: Sequence[Cost]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in sorted(costs[0].said["verdicts"].items()))


def _met(met: bool) -> str:
    return "met" if met else "missed"
