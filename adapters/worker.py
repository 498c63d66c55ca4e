"""Run problems in one framework and write down what it did.

Started by path, in the framework's own interpreter::

    python -I adapters/worker.py JOB.json
    python -I adapters/worker.py --describe ADAPTER_FOLDER

``docs/contract.md`` is the interface. What lies beside this file
(arrays.py, defaults.py, lineage.py, scripts.py, probes.py, steady.py) is loaded by its place. Only the standard
library and NumPy are imported, and all must stay valid Python 3.8: these are the files every interpreter shares.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import importlib
import importlib.util
import json
import os
import platform
import sys
import time
import traceback
import types
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

FORMAT = 1
# An adapter's three files become submodules of a package that exists only in memory, so they import one
# another with `from . import adapter`, and the folder cannot hide a framework of the same name.
PACKAGE = "gradconform_adapter"
MODULES = ("adapter", "network", "routes")
# What advice to give on a missing gradient, how to differentiate twice, and which sums are wider than their dtype; an
# adapter without them does not.
OPTIONAL = ("reasons", "second", "sums")
REASONS = {
    "not_requested",
    "not_on_path",
    "graph_cut",
    "not_retained",
    "buffer_reused",
    "not_differentiable",
    "uninitialised",
}
# The worker's own word; a route that says nothing of a tensor gives no reason.
UNEXPLAINED = "unexplained"
TRACEBACK_LINES = 12


# The worker's own files are submodules of a package that exists only in memory, too: ``-I`` keeps their folder off the
# path, where it would hide frameworks. The folder is taken now, since a framework may hide ``__file__`` later.
OWN = types.ModuleType("gradconform_worker")
OWN.__path__ = [str(Path(__file__).resolve().parent)]
sys.modules[OWN.__name__] = OWN


def beside(name: str) -> Any:
    """A file of the worker's own folder, imported when it is first asked for."""
    return importlib.import_module(OWN.__name__ + "." + name)


arrays = beside("arrays")


# What a task may be besides a usual capture, each with the folder that says what is asked.
TASKS = ("probes", "apart", "second")


class Fault(Exception):
    """A fault the worker found by itself; the text says all, so no traceback is shown."""


class Nodes:
    """The nodes of a problem, applied in order by a call; ``node`` is the one at work, so that an error can name it.

    operators: operator -> function, of all that the adapter has.
    identity: what stands between each result of a node and whoever reads it; None for nothing.
    ran: while nodes are applied, the outputs of those that ran, by name.
    """

    def __init__(
        self,
        problem: Mapping[str, Any],
        operators: Mapping[str, Callable[..., Any]],
        identity: Callable[[Any], Any] | None = None,
    ) -> None:
        self.problem, self.operators, self.identity = problem, operators, identity
        self.node: Mapping[str, Any] | None = None
        self.ran: dict[str, Any] = {}

    @functools.cached_property
    def lineage(self) -> Any:
        """Which tensors lead to the output (adapters/lineage.py): why a gradient is missing is seen there."""
        return beside("lineage").Lineage(self.problem)

    def __call__(self, values: Mapping[str, Any], around: Callable[..., Any] | None = None) -> dict[str, Any]:
        """Return ``values`` with every node output added.

        values: framework tensors by name; it is not changed.
        around: called as ``around(node, apply, tensors)`` in place of ``apply(*tensors)``, which applies the node's
        operator with its attributes; it returns what the node gives.
        """
        values, self.ran = dict(values), {}
        for node in self.problem["nodes"]:
            self.node = node
            tensors = [self._tensor(values, name) for _, name in node["tensors"]]
            apply = functools.partial(self.operators[node["op"]], **node["attributes"])
            results = apply(*tensors) if around is None else around(node, apply, tensors)
            results = results if isinstance(results, tuple) else (results,)
            names = [output["name"] for output in node["outputs"]]
            if len(results) != len(names):
                expected = f"{len(names)}: {', '.join(names)}"
                raise Fault(f"op_{node['op']} gave {len(results)} tensors; expected {expected}")
            given = dict(zip(names, results))
            if self.identity is not None:
                given.update((name, self.identity(given[name])) for name in self.lineage.results(node))
            values.update(given)
            self.ran.update(given)
        self.node, self.ran = None, {}
        return values

    def _tensor(self, values: Mapping[str, Any], name: Any) -> Any:
        if isinstance(name, list):
            return [values[each] for each in name]
        return None if name is None else values[name]

    def where(self) -> str:
        """The node at work, as the start of a sentence; empty where none is."""
        return f"node '{self.node['name']}' ({self.node['op']}): " if self.node else ""


def load_adapter(folder: Path) -> types.SimpleNamespace:
    """Import an adapter's files from a folder anywhere on disk; return them by name."""
    absent = [name + ".py" for name in MODULES if not (folder / (name + ".py")).is_file()]
    if absent:
        files = "expected adapter.py, network.py and routes.py"
        raise Fault(f"adapter folder {folder} has no {', '.join(absent)}; {files}")
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    found: dict[str, Any] = {name: importlib.import_module(PACKAGE + "." + name) for name in MODULES}
    for name in OPTIONAL:
        there = (folder / (name + ".py")).is_file()
        found[name] = importlib.import_module(PACKAGE + "." + name) if there else None
    return types.SimpleNamespace(operators=load_operators(folder, found["adapter"]), **found)


def load_operators(folder: Path, adapter: types.ModuleType) -> dict[str, Callable[..., Any]]:
    """Operator -> function: every ``op_<name>`` of the files in ``operators/``, and of adapter.py where it has any."""
    families = [path.stem for path in sorted((folder / "operators").glob("*.py"))]
    modules = {"adapter.py": adapter}
    for family in families:
        modules["operators/%s.py" % family] = importlib.import_module("%s.operators.%s" % (PACKAGE, family))
    operators: dict[str, Callable[..., Any]] = {}
    places: dict[str, str] = {}
    for file, module in modules.items():
        for name, function in vars(module).items():
            home = str(getattr(function, "__module__", ""))
            # What another file of the adapter defines and this one imports is not defined twice.
            elsewhere = home.startswith(PACKAGE + ".") and home != module.__name__
            if not name.startswith("op_") or elsewhere:
                continue
            if name in places:
                raise Fault(f"{name} is defined in {places[name]} and in {file}; expected it once: remove one of them")
            operators[name[3:]], places[name] = function, file
    return operators


def load_problem(folder: Path) -> dict[str, Any]:
    """Read problem.json of a folder and check that it is of the format this worker speaks."""
    try:
        problem: dict[str, Any] = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Fault(f"{folder} has no problem.json that can be read: {error}; draw the problem again") from error
    if problem.get("format") != FORMAT:
        raise Fault(f"{folder} is of format {problem.get('format')!r}; this worker reads format {FORMAT}")
    return problem


def load_tensors(folder: Path, problem: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Read every number of a problem: arrays by tensor name, and the cotangent as ``cotangent/<output>``."""
    try:
        stored = arrays.read_arrays(folder / "problem.safetensors")
    except (OSError, ValueError, KeyError) as error:
        raise Fault(f"{folder} has a problem.safetensors that cannot be read: {error}; draw it again") from error
    tensors = {}
    for entry in problem["inputs"] + problem["parameters"] + problem["buffers"]:
        array = stored.get("value/" + entry["name"])
        found = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
        dtype = "uint16" if entry["dtype"] == arrays.BFLOAT16 else entry["dtype"]
        expected = f"{dtype} {entry['shape']}"
        if found != expected:
            where = f"problem.safetensors has {found} for value/{entry['name']}"
            raise Fault(f"{where}; problem.json says {expected}; draw the problem again")
        tensors[entry["name"]] = array
    seed = "cotangent/" + problem["output"]
    if seed not in stored:
        raise Fault(f"problem.safetensors has no {seed}; draw the problem again")
    tensors[seed] = stored[seed]
    return tensors


def with_identity(modules: types.SimpleNamespace, framework: str) -> types.SimpleNamespace:
    """The adapter with the identity that a second capture has between a tensor and each of its readers."""
    if not hasattr(modules.network, "identity"):
        raise NotImplementedError(
            f"the network.py of {framework} has no identity(x) to tell readers of one tensor apart"
        )
    operators = dict(modules.operators, identity=modules.network.identity)
    return types.SimpleNamespace(**{**vars(modules), "operators": operators})


def check_supported(problem: Mapping[str, Any], modules: types.SimpleNamespace, framework: str) -> None:
    """Raise NotImplementedError where the framework lacks the problem's dtype, or an operator, in it or at all."""
    dtype = problem["dtype"]
    reason = modules.adapter.DTYPES.get(dtype, "its adapter does not list it")
    if isinstance(reason, str):
        raise NotImplementedError(f"{framework} does not compute in {dtype} here: {reason}")
    for node in problem["nodes"]:
        if node["op"] not in modules.operators:
            lack = f"{framework} has no operator '{node['op']}' in its adapter"
            raise NotImplementedError(f"node '{node['name']}': {lack}")
        if reason and node["op"] in reason:
            lack = f"{framework} has no {node['op']} in {dtype}: {reason[node['op']]}"
            raise NotImplementedError(f"node '{node['name']}': {lack}")


def accumulates(problem: Mapping[str, Any], modules: types.SimpleNamespace) -> dict[str, list[str]]:
    """Operator -> in which dtypes its sums accumulate, forward and backward; left off where both are the problem's own.

    They are wide as ``ACCUMULATES`` of the adapter's sums.py says, but for the operators of each pass in ``NARROW``.
    """
    if modules.sums is None:
        return {}
    dtype = problem["dtype"]
    wide, narrow = modules.sums.ACCUMULATES.get(dtype, dtype), modules.sums.NARROW
    found = {}
    for op in sorted({node["op"] for node in problem["nodes"]}):
        found[op] = [dtype if op in narrow[way] else wide for way in ("forward", "backward")]
    return {op: pair for op, pair in found.items() if pair != [dtype, dtype]}


def lacks(error: BaseException, modules: types.SimpleNamespace) -> bool:
    """Whether an exception says that the framework lacks something, by words that its adapter knows for that."""
    return any(words in str(error) for words in getattr(modules.adapter, "LACKS", ()))


def check_layout(layout: str, modules: types.SimpleNamespace, framework: str) -> None:
    """Raise NotImplementedError where the framework cannot hold arrays of a layout as they are."""
    reason = getattr(modules.adapter, "LAYOUTS", {}).get(layout, "its adapter does not list it")
    if reason:
        raise NotImplementedError(f"{framework} does not hold arrays laid out as {layout}: {reason}")


def expected_names(problem: Mapping[str, Any]) -> list[str]:
    """The names a capture must hold or explain, in the order of the graph."""
    names: list[str] = beside("lineage").addresses(problem)
    return names


def check_result(
    problem: Mapping[str, Any],
    values: Mapping[str, Any],
    missing: dict[str, str],
    cuts: Mapping[str, Sequence[str]],
    more: Sequence[str] = (),
) -> None:
    """Raise Fault unless what was captured and what was explained are of this problem and of no other.

    more: names that it may hold besides, such as those of second order.
    A tensor that is neither captured nor explained is added to ``missing`` as unexplained, for the judge to see.
    Shapes and dtypes are not looked at: a wrong one is the judge's to see.
    """
    expected = expected_names(problem)
    places = {e["name"] for part in ("nodes", "inputs", "parameters") for e in problem[part]}
    for name in expected:
        if name not in values:
            missing.setdefault(name, UNEXPLAINED)
    faults = {
        "both captured and explained as missing": [n for n in expected if n in values and n in missing],
        "not of this problem": sorted((set(values) | set(missing)) - set(expected) - set(more)),
        "missing for a reason unknown to the contract": sorted(
            n for n in missing if missing[n] not in REASONS and missing[n] is not UNEXPLAINED
        ),
        "cut at what is no node or leaf of this problem": sorted(n for n in cuts if not places.issuperset(cuts[n])),
        "not a NumPy array": sorted(n for n in values if not isinstance(values[n], (np.ndarray, np.generic))),
        "of a dtype safetensors cannot hold": sorted(
            n for n in values if np.asarray(values[n]).dtype.name not in arrays.SAFETENSORS_DTYPES
        ),
    }
    sentences = [f"{fault}: {', '.join(names)}" for fault, names in faults.items() if names]
    if sentences:
        raise Fault("the route gave an answer that is not whole; " + "; ".join(sentences))


def interpreter() -> dict[str, str]:
    """What a capture records of its surroundings beside the framework's own version."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        # Its end tells which environment it was, and not where on this machine.
        "interpreter": "/".join(Path(sys.executable).parts[-4:]),
    }


def explain(error: BaseException) -> str:
    """What went wrong, for a reader of the report."""
    if isinstance(error, Fault):
        return str(error)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    kept = "".join(lines).rstrip().splitlines()[-TRACEBACK_LINES:]
    first = error
    while first.__cause__ is not None:
        first = first.__cause__
    if first is not error:
        kept.append("it began with " + "".join(traceback.format_exception_only(type(first), first)).rstrip())
    return "\n".join(kept)


def is_refusal(error: BaseException) -> bool:
    """Whether a framework said no to what it was given, rather than fail at it.

    It says so with a ValueError, a TypeError, a RuntimeError or an exception of its own; a division by zero or an index
    out of range is a failure inside.
    """
    failures = (ArithmeticError, AssertionError, AttributeError, Fault, LookupError, MemoryError, NameError, SystemExit)
    return not isinstance(error, failures)


def refusal(framework: str, error: BaseException) -> str:
    """What a framework said of a tensor without elements, in a line."""
    said = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    return f"{framework} takes no empty tensor here: {said or type(error).__name__}"


@contextlib.contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Add the time spent inside to ``seconds[part]``, also when it ends in an exception."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = round(seconds[part] + time.perf_counter() - start, 6)


class Job:
    """One adapter, one route and the tasks to run in this process."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.folder = Path(job["adapter"]).resolve()
        self.threads: int | None = job["threads"]
        self.route, _, self.layout = job["route"].partition("/")
        # What a capture says of it: another layout is another way to ask, by the same route.
        self.told = self.route
        # Checks that are made besides: adapters/steady.py.
        self.also: Sequence[str] = job["also"]
        self.version: str | None = None
        self.fault: str | None = None
        self.nodes: Nodes | None = None
        self.seconds = {"import": 0.0}
        self.imported = 0
        with timed(self.seconds, "import"):
            try:
                self.load()
            except (Exception, SystemExit) as error:
                self.fault = f"adapter {self.folder.name} cannot be used: {explain(error)}"
        self.keep_imported()

    def keep_imported(self) -> None:
        """Spare the collections to come what was imported since the last time.

        It stays for good, and frameworks import on first use too: with torch each task would spend ten times as long
        on visiting it as on its own work.
        """
        if len(sys.modules) != self.imported:
            self.imported = len(sys.modules)
            gc.freeze()

    def load(self) -> None:
        """Import the adapter, set its threads and find its route."""
        self.modules = modules = load_adapter(self.folder)
        self.adapter, self.network, routes = modules.adapter, modules.network, modules.routes
        self.version = self.adapter.VERSION
        threads = self.adapter.set_threads(self.threads)
        # A framework that cannot tell leaves it open: null in capture.json.
        self.threads = None if threads == "unknown" else threads
        self.route = routes.PRIMARY if self.route == "primary" else self.route
        self.told = "layout-" + self.layout if self.layout else self.route
        if self.route not in routes.ROUTES:
            raise Fault(f"it has no route '{self.route}'; its routes are {', '.join(sorted(routes.ROUTES))}")
        self.capture = routes.ROUTES[self.route]

    def run(self, task: Mapping[str, Any]) -> None:
        """Run one task; whatever happens in it ends up in its capture.json."""
        folder = Path(task["capture"])
        folder.mkdir(parents=True, exist_ok=True)
        # A capture of an earlier run must not pass for this one's should the process die.
        for name in ("capture.json", "capture.safetensors"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()
        (folder / "started").write_bytes(b"")
        record = self.record()
        self.nodes = None
        try:
            if self.fault:
                raise Fault(self.fault)
            self.perform(Path(task["problem"]), folder, record, task)
            record["status"] = "ok"
        except NotImplementedError as error:
            text = str(error) or "NotImplementedError, without a sentence"
            record.update(status="unsupported", reason=self.where() + text)
        except (Exception, SystemExit) as error:
            told = self.no_to(error)
            if told:
                record.update(status="unsupported", reason=self.where() + told)
            else:
                record.update(status="crashed", reason=self.where() + explain(error))
                if task.get("probes") is None and task.get("second") is None:
                    self.keep(folder, record)
        arrays.write_json(folder / "capture.json", record)
        # Let go of before anything is frozen: it holds the network.
        self.nodes = None
        gc.collect()
        self.keep_imported()

    def no_to(self, error: BaseException) -> str:
        """What an exception says that the framework cannot do; empty where it is a failure."""
        if self.fault:
            return ""
        if lacks(error, self.modules):
            return str(error).strip().split("\n")[0]
        nodes = self.nodes
        empty = nodes is not None and nodes.node is not None and nodes.lineage.at_nothing(nodes.node)
        return refusal(self.folder.name, error) if empty and is_refusal(error) else ""

    def keep(self, folder: Path, record: dict[str, Any]) -> None:
        """Keep the outputs of the nodes that ran before the one that crashed, where the adapter can read them."""
        nodes = self.nodes
        if nodes is None or nodes.node is None or nodes.problem.get("script") or not hasattr(self.network, "computed"):
            return
        # What made the network crash may make this fail as well, and then there is nothing to keep.
        with contextlib.suppress(Exception):
            found = {"output/" + name: array for name, array in self.network.computed(nodes.ran).items()}
            record["digest"] = arrays.write_arrays(folder / "capture.safetensors", found, nodes.problem["dtype"])
            record["at"] = nodes.node["name"]

    def where(self) -> str:
        """The node at work when the task failed, if one was."""
        return self.nodes.where() if self.nodes else ""

    def record(self) -> dict[str, Any]:
        """A capture.json in which nothing has happened yet; a process's first task pays for the import."""
        seconds = {"import": self.seconds["import"], "build": 0.0, "run": 0.0, "check": 0.0, "read": 0.0, "write": 0.0}
        self.seconds["import"] = 0.0
        record: dict[str, Any] = {
            "format": FORMAT,
            "status": None,
            "reason": None,
            "framework": self.folder.name,
            "version": self.version,
        }
        record.update(interpreter())
        record.update(
            route=self.told,
            dtype=None,
            device="cpu",
            threads=self.threads,
            problem=None,
            digest=None,
            missing={},
            seconds=seconds,
        )
        return record

    def perform(self, source: Path, target: Path, record: dict[str, Any], task: Mapping[str, Any]) -> None:
        """Read a problem, run it and write what it gave, filling in the record on the way."""
        seconds = record["seconds"]
        apart, probes, second = (task.get(name) for name in ("apart", "probes", "second"))
        modules = self.modules if apart is None else with_identity(self.modules, self.folder.name)
        with timed(seconds, "read"):
            # A second capture has a graph of its own, and the numbers of the first.
            problem = load_problem(Path(apart or source))
            record.update(dtype=problem["dtype"], problem=problem["digest"])
            check_supported(problem, modules, self.folder.name)
            record["accumulates"] = accumulates(problem, modules)
            tensors = self.tensors_of(source, problem)
        self.nodes = Nodes(problem, modules.operators)
        if problem.get("script"):
            # A script over the network (adapters/scripts.py) instead of one forward and backward.
            with timed(seconds, "run"):
                scripts, lineage = beside("scripts"), self.nodes.lineage
                values, record["asked"] = scripts.run(self.modules, problem, tensors, self.nodes)
            told = scripts.missing(record["asked"], lineage)
            record.update(beside("lineage").advice(lineage, self.modules.routes.PRIMARY, *told, self.modules.reasons))
        elif probes is not None:
            # The forward alone, at the points of a numerical derivative (adapters/probes.py).
            with timed(seconds, "run"):
                run = beside("probes").run
                values = run(self.modules, problem, tensors, self.nodes, probes, arrays.read_arrays)
        elif second is not None:
            with timed(seconds, "run"):
                values, missing = self.differentiate_twice(problem, tensors, Path(second))
            missing, cuts = beside("lineage").places(missing)
            check_result(problem, values, missing, cuts, self.nodes.lineage.second)
            record.update(missing=missing, cuts=cuts)
        else:
            with timed(seconds, "build"):
                network = self.network.build(problem, tensors, self.nodes)
            with timed(seconds, "run"):
                values, missing = self.capture(network, problem, tensors)
            with timed(seconds, "check"):
                self.see_whether_steady(network, problem, tensors, source, record, (values, missing))
            missing, cuts = beside("lineage").places(missing)
            check_result(problem, values, missing, cuts)
            record.update(missing=missing, cuts=cuts)
            record.update(beside("lineage").advice(self.nodes.lineage, self.route, missing, cuts, self.modules.reasons))
        with timed(seconds, "write"):
            record["digest"] = arrays.write_arrays(target / "capture.safetensors", values, problem["dtype"])

    def tensors_of(self, source: Path, problem: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
        """Every number of a problem, in the layout that the job asks for."""
        tensors = load_tensors(source, problem)
        if not self.layout:
            return tensors
        check_layout(self.layout, self.modules, self.folder.name)
        laid = {name: arrays.laid_out(array, self.layout) for name, array in tensors.items()}
        if self.layout == arrays.EXPANDED:
            # Running statistics are written into, element by element.
            laid.update((entry["name"], laid[entry["name"]].copy()) for entry in problem["buffers"])
        return laid

    def differentiate_twice(
        self, problem: Mapping[str, Any], tensors: Mapping[str, Any], folder: Path
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a capture of second order holds: gradients, tangents and second-order gradients, and what is missing."""
        if self.modules.second is None:
            raise NotImplementedError(f"the adapter of {self.folder.name} has no second.py, which differentiates twice")
        try:
            directions = arrays.read_arrays(folder / "directions.safetensors")
        except (OSError, ValueError, KeyError) as error:
            raise Fault(f"{folder} has no directions that can be read: {error}; draw the problem again") from error
        second = self.modules.second
        # What an operator's backward keeps of its own output is no business of those that read it.
        self.nodes = Nodes(problem, self.modules.operators, second.identity)
        network = self.network.build(problem, tensors, self.nodes)
        found: tuple[dict[str, Any], dict[str, Any]] = second.double_backward(network, problem, tensors, directions)
        return found

    def see_whether_steady(
        self,
        network: Any,
        problem: Mapping[str, Any],
        tensors: Mapping[str, Any],
        source: Path,
        record: dict[str, Any],
        first: tuple[Mapping[str, Any], Mapping[str, Any]],
    ) -> None:
        """Fill in what changed of the problem's own tensors and what a second run gives, as far as the job asks."""
        steady = beside("steady")
        if steady.UNCHANGED in self.also:
            expanded = self.layout == arrays.EXPANDED
            was: Any = self.tensors_of(source, problem) if expanded else source / "problem.safetensors"
            record["changed"] = steady.changed(arrays, self.modules, network, problem, tensors, was)
        if steady.REPEAT in self.also:

            def again() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
                fresh = self.tensors_of(source, problem)
                result: tuple[Mapping[str, Any], Mapping[str, Any]] = self.capture(
                    self.network.build(problem, fresh, self.nodes), problem, fresh
                )
                return result

            record["repeated"] = steady.repeated(arrays, first, again, problem["output"])


def run_job(path: str) -> int:
    """Run every task of a job; return the exit status."""
    try:
        job = json.loads(Path(path).read_text(encoding="utf-8"))
        tasks = [
            {"problem": task["problem"], "capture": task["capture"], **{k: task.get(k) for k in TASKS}}
            for task in job["tasks"]
        ]
        worker = Job({"also": job.get("also", ()), **{name: job[name] for name in ("adapter", "route", "threads")}})
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "docs/contract.md says what it holds"
        print(f"worker: job {path} cannot be read: {error!r}; {hint}", file=sys.stderr)
        return 2
    status = 0
    for task in tasks:
        try:
            worker.run(task)
        except OSError as error:
            print(f"worker: no capture.json in {task['capture']}: {error}", file=sys.stderr)
            status = 1
    return status


def describe(given: str) -> int:
    """Print what an adapter can do as one line of JSON, the last of standard output; return the status."""
    folder = Path(given).resolve()
    about: dict[str, Any] = {"framework": folder.name, "version": None, "reason": None}
    about.update(interpreter())
    try:
        modules = load_adapter(folder)
        composed = {op: f.composed for op, f in modules.operators.items() if hasattr(f, "composed")}
        # What is lacking in a dtype for single operators only does not make the dtype unsupported.
        dtypes = {dtype: why if isinstance(why, str) else None for dtype, why in modules.adapter.DTYPES.items()}
        about.update(
            version=modules.adapter.VERSION,
            dtypes=dtypes,
            operators=sorted(modules.operators),
            composed=composed,
            defaults=beside("defaults").defaults(modules.operators),
            routes=sorted(modules.routes.ROUTES),
            primary=modules.routes.PRIMARY,
        )
    except (Exception, SystemExit) as error:
        about["reason"] = explain(error)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    # Past sys.stdout, which a framework may have replaced, and on a line of its own whatever came before.
    os.write(1, ("\n" + json.dumps(about) + "\n").encode("utf-8"))
    return 1 if about["reason"] else 0


def run_programs(path: str) -> int:
    """Run the programs of a few lines that a job names; return the exit status. What each prints is in its results."""
    try:
        job = json.loads(Path(path).read_text(encoding="utf-8"))
        version = load_adapter(Path(job["adapter"])).adapter.VERSION
        beside("snippets").run(job["programs"], version, Path(job["results"]))
    except Exception as error:
        print("worker: %s" % explain(error), file=sys.stderr)
        return 1
    return 0


def main(arguments: Sequence[str]) -> int:
    """Tell the ways to call the worker apart; return the exit status."""
    if len(arguments) == 2 and arguments[0] == "--describe":
        return describe(arguments[1])
    if len(arguments) == 2 and arguments[0] == "--programs":
        return run_programs(arguments[1])
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return run_job(arguments[0])
    print(
        "usage: worker.py JOB.json | worker.py --describe ADAPTER_FOLDER | worker.py --programs JOB.json",
        file=sys.stderr,
    )
    return 2


if __name__ == "__main__":
    faulthandler.enable()
    code = main(sys.argv[1:])
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not sys.exit: a framework that fails while it is torn down, or logs then, has no say any more.
    os._exit(code)
