"""What a capture of VGG16 costs over a plain script that computes the same gradients and keeps nothing."""

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

from gradconform.capture import adapters
from measure import ROOT, Cost, Place, alternated, process, ratios, spread, table

TARGET = 1.3
PARTS = ("import", "read", "build", "run", "write")
# A second plain script, in the layout that the spec's weights have.
VARIANTS = {"nnabla": {"plain, weights [out, in]": ["--transposed"]}}
ABOUT = f"""\
`worker.py` on specs/networks/vgg16.yaml (float32, image gradient included) against
`benchmarks/plain_<framework>.py`: import, build with random weights, forward, backward. Same interpreter,
same flags, same environment variables, run in turn. Wall and CPU (user + system) are of the whole process,
seen from outside; the other columns are seconds that the process itself says. The plain script draws 0.55 GB
of weights and keeps nothing; the worker maps them from a file (so their reading counts as run or build,
where they are first touched) and writes every tensor and its digest. Target: worker / plain at most
{TARGET}.
"""
AGAINST = """\
Ratios of the same, each of two processes of one round. `without files` leaves out what the worker reads and
writes; `without drawing` leaves out what the plain script takes to build, nearly all of it drawing weights,
while all of the worker stays in; `run` is forward and backward alone, in the worker with the gathering of
the tensors.
"""


def section(place: Place) -> str:
    """Markdown: the costs, and the ratios with the target."""
    costs, against = [], []
    for name in adapters.names():
        measured = _measure(place, adapters.find(name))
        worker = measured.pop("worker")
        costs.append(_costs(name, "worker", worker))
        for script, plain in measured.items():
            costs.append(_costs(name, script, plain))
            against.append(_against(name, script, worker, plain))
    about = ("framework", "process", "wall s", "CPU s", "peak GB", *(f"{part} s" for part in PARTS))
    parts = ("wall", "CPU", "peak", "without files", "without drawing", "run")
    compared = table(("framework", "worker against", *parts, "target"), against)
    return f"{ABOUT}\n{table(about, costs)}\n{AGAINST}\n{compared}"


def _measure(place: Place, adapter: adapters.Adapter) -> dict[str, list[Cost]]:
    problem = place.problem("vgg16", "float32")
    script = [adapter.interpreter, "-I", ROOT / "benchmarks" / f"plain_{adapter.framework}.py"]
    runs: dict[str, Callable[[], Cost]] = {
        "worker": partial(place.capture, problem, adapter),
        "plain": partial(process, script),
    }
    for name, arguments in VARIANTS.get(adapter.framework, {}).items():
        runs[name] = partial(process, [*script, *arguments])
    return alternated(runs, place.repeat)


def _part(cost: Cost, part: str) -> float:
    # A capture.json has its seconds in a mapping of their own.
    return float(cost.said.get("seconds", cost.said).get(part, 0.0))


def _costs(framework: str, process: str, costs: Sequence[Cost]) -> list[str]:
    parts = [spread(_part(cost, part) for cost in costs) for part in PARTS]
    peak = spread((cost.peak / 1e9 for cost in costs), ".2f")
    return [framework, process, spread(c.wall for c in costs), spread(c.cpu for c in costs), peak, *parts]


def _against(framework: str, script: str, worker: Sequence[Cost], plain: Sequence[Cost]) -> list[str]:
    files = [cost.wall - _part(cost, "read") - _part(cost, "write") for cost in worker]
    wall = [a.wall / b.wall for a, b in zip(worker, plain, strict=True)]
    return [
        framework,
        script,
        spread(wall),
        ratios((c.cpu for c in worker), (c.cpu for c in plain)),
        ratios((c.peak for c in worker), (c.peak for c in plain)),
        ratios(files, (c.wall for c in plain)),
        ratios((c.wall for c in worker), (c.wall - _part(c, "build") for c in plain)),
        ratios((_part(c, "run") for c in worker), (_part(c, "run") for c in plain)),
        "met" if median(wall) <= TARGET else "missed",
    ]
