"""What each way of asking for gradients costs beside the primary one of its framework."""

import json
from collections.abc import Mapping, Sequence
from statistics import median

from gradconform.capture import adapters
from measure import THREADS, Place, process, ratios, spread, table

NETWORK = "resnet18"
ABOUT = f"""\
One process for each route of each framework captures specs/networks/{NETWORK}.yaml (float32) {{tasks}} times, and
the first, which pays for what a framework sets up once, is left out. `run` is what the worker's capture.json says: the
route's own forward and backward with the gathering of its tensors, and the forward of a route that builds its graph
itself. `against the primary` is the ratio to the primary route's, process by process. A route beside the primary one
costs this and nothing more: no second capture of the primary is made for it. `compile` compiles in every task.
"""


def section(place: Place) -> str:
    """Markdown: seconds of each route, and their ratio to the primary route's."""
    tasks = place.repeat + 2
    lines = []
    for name in adapters.names():
        adapter = adapters.find(name)
        about = adapters.describe(adapter)
        names = [about["primary"], *(route for route in about["routes"] if route != about["primary"])]
        seconds: dict[str, list[float]] = {route: [] for route in names}
        said = {}
        for _ in range(place.repeat):
            for route in names:
                said[route] = _captured(place, adapter, route, tasks)
                seconds[route].append(median(float(each["seconds"]["run"]) for each in said[route][1:]))
        lines += [_line(name, route, said[route], seconds[route], seconds[names[0]]) for route in names]
    header = ("framework", "route", "run s", "against the primary", "tensors kept")
    return f"{ABOUT.format(tasks=tasks)}\n{table(header, lines)}"


def _line(
    name: str, route: str, said: Sequence[Mapping[str, object]], own: Sequence[float], primary: Sequence[float]
) -> list[str]:
    if said[-1]["status"] != "ok":
        return [name, route, str(said[-1]["status"]), str(said[-1]["reason"]).splitlines()[0], ""]
    missing = said[-1]["missing"]
    assert isinstance(missing, dict)
    kept = f"all but {len(missing)} ({', '.join(sorted(set(missing.values())))})" if missing else "all"
    return [name, route, spread(own, ".3f"), ratios(own, primary), kept]


def _captured(place: Place, adapter: adapters.Adapter, route: str, tasks: int) -> list[Mapping[str, object]]:
    """The capture.json of each task of one process."""
    problem = place.folder.problem(place.problem(NETWORK, "float32").name)
    targets = [place.root / "routes" / adapter.name / route / str(task) for task in range(tasks)]
    job = place.root / "job.json"
    told = [{"problem": str(problem), "capture": str(target)} for target in targets]
    what = {"adapter": str(adapter.folder), "route": route, "threads": THREADS, "tasks": told}
    job.write_text(json.dumps(what), encoding="utf-8")
    process([adapter.interpreter, "-I", adapters.worker(), job], said_in=targets[-1] / "capture.json")
    return [json.loads((target / "capture.json").read_text(encoding="utf-8")) for target in targets]
