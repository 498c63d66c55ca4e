"""Run problems in one framework and write down what it did.

Started by path, in the framework's own interpreter::

    python -I adapters/worker.py JOB.json
    python -I adapters/worker.py --describe ADAPTER_FOLDER

``docs/contract.md`` is the interface. Only the standard library and NumPy are imported here (safetensors
files are read and written without copies, which its package cannot do), and the file must stay valid
Python 3.8: it is the one file every interpreter shares.
"""

import contextlib
import faulthandler
import gc
import hashlib
import importlib
import importlib.util
import json
import mmap
import os
import platform
import sys
import time
import traceback
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

FORMAT = 1
# An adapter's three files become submodules of a package that exists only in memory, so they import one
# another with `from . import adapter`, and the folder cannot hide a framework of the same name.
PACKAGE = "gradconform_adapter"
MODULES = ("adapter", "network", "routes")
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
# What safetensors can hold, by NumPy's name. bfloat16 and the 8-bit floats are not NumPy's.
SAFETENSORS_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
NUMPY_DTYPES = {stored: dtype for dtype, stored in SAFETENSORS_DTYPES.items()}


class Fault(Exception):
    """A fault the worker found by itself; the text says all, so no traceback is shown."""


class Walk:
    """Applies every node of a problem in order; ``node`` is the one at work, so that an error can name it."""

    def __init__(self, problem):
        self.nodes = problem["nodes"]
        self.node = None

    def __call__(self, operators, values):
        """Return ``values`` with every node output added.

        operators: a mapping from ``op_<name>`` to the function, such as ``vars(adapter)``.
        values: framework tensors by name; it is not changed.
        """
        values = dict(values)
        for node in self.nodes:
            self.node = node
            tensors = [self._tensor(values, name) for _, name in node["tensors"]]
            results = operators["op_" + node["op"]](*tensors, **node["attributes"])
            results = results if isinstance(results, tuple) else (results,)
            names = [output["name"] for output in node["outputs"]]
            if len(results) != len(names):
                expected = f"{len(names)}: {', '.join(names)}"
                raise Fault(f"op_{node['op']} gave {len(results)} tensors; expected {expected}")
            values.update(zip(names, results))
        self.node = None
        return values

    def _tensor(self, values, name):
        if isinstance(name, list):
            return [values[each] for each in name]
        return None if name is None else values[name]

    def where(self):
        """The node at work, as the start of a sentence; empty outside of a walk."""
        return f"node '{self.node['name']}' ({self.node['op']}): " if self.node else ""


def beside(name):
    """Import a file of the worker's own folder, which ``-I`` keeps off the path: it would hide frameworks."""
    path = Path(__file__).resolve().with_name(name + ".py")
    spec = importlib.util.spec_from_file_location("gradconform_" + name, str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_adapter(folder):
    """Import an adapter's files from a folder anywhere on disk; return them by name."""
    absent = [name + ".py" for name in MODULES if not (folder / (name + ".py")).is_file()]
    if absent:
        files = "expected adapter.py, network.py and routes.py"
        raise Fault(f"adapter folder {folder} has no {', '.join(absent)}; {files}")
    package = types.ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    return types.SimpleNamespace(**{name: importlib.import_module(PACKAGE + "." + name) for name in MODULES})


def load_problem(folder):
    """Read problem.json and check that it is of the format this worker speaks."""
    try:
        problem = json.loads((folder / "problem.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Fault(
            f"{folder} has no problem.json that can be read: {error}; draw the problem again"
        ) from error
    if problem.get("format") != FORMAT:
        raise Fault(f"{folder} is of format {problem.get('format')!r}; this worker reads format {FORMAT}")
    return problem


def read_arrays(path):
    """Map a safetensors file into memory: arrays by name, writable, copied page by page when written to.

    safetensors' own reader copies everything: 0.3 s and twice the memory for the 550 MB of VGG16. The format
    is a little-endian 64-bit length, that many bytes of JSON, and the arrays.
    """
    with open(str(path), "rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    start = 8 + int.from_bytes(content[:8], "little")
    arrays = {}
    for name, entry in json.loads(content[8:start].decode("utf-8")).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            dtype = np.dtype(NUMPY_DTYPES[entry["dtype"]]).newbyteorder("<")
            flat = np.frombuffer(content, dtype, (end - begin) // dtype.itemsize, start + begin)
            arrays[name] = (flat if flat.flags.aligned else flat.copy()).reshape(entry["shape"])
    return arrays


def load_tensors(folder, problem):
    """Read every number of a problem: arrays by tensor name, and the cotangent as ``cotangent/<output>``."""
    try:
        stored = read_arrays(folder / "problem.safetensors")
    except (OSError, ValueError, KeyError) as error:
        raise Fault(
            f"{folder} has a problem.safetensors that cannot be read: {error}; draw it again"
        ) from error
    tensors = {}
    for entry in problem["inputs"] + problem["parameters"] + problem["buffers"]:
        array = stored.get("value/" + entry["name"])
        found = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
        expected = f"{entry['dtype']} {entry['shape']}"
        if found != expected:
            where = f"problem.safetensors has {found} for value/{entry['name']}"
            raise Fault(f"{where}; problem.json says {expected}; draw the problem again")
        tensors[entry["name"]] = array
    seed = "cotangent/" + problem["output"]
    if seed not in stored:
        raise Fault(f"problem.safetensors has no {seed}; draw the problem again")
    tensors[seed] = stored[seed]
    return tensors


def check_supported(problem, adapter, framework):
    """Raise NotImplementedError where the framework lacks the problem's dtype or an operator."""
    dtype = problem["dtype"]
    reason = adapter.DTYPES.get(dtype, "its adapter does not list it")
    if reason is not None:
        raise NotImplementedError(f"{framework} does not compute in {dtype} here: {reason}")
    for node in problem["nodes"]:
        if not hasattr(adapter, "op_" + node["op"]):
            lack = f"{framework} has no operator '{node['op']}' in its adapter"
            raise NotImplementedError(f"node '{node['name']}': {lack}")


def expected_names(problem):
    """The names a capture must hold or explain, in the order of the graph."""
    names = ["output/" + output["name"] for node in problem["nodes"] for output in node["outputs"]]
    names += ["grad/" + node["name"] for node in problem["nodes"] if node["name"] != problem["output"]]
    return names + ["grad/" + e["name"] for e in problem["inputs"] + problem["parameters"] if e["grad"]]


def check_result(problem, values, missing):
    """Raise Fault unless what was captured and what was explained are of this problem and of no other.

    A tensor that is neither captured nor explained is added to ``missing`` as unexplained, for the judge to see.
    Shapes and dtypes are not looked at: a wrong one is the judge's to see.
    """
    expected = expected_names(problem)
    for name in expected:
        if name not in values:
            missing.setdefault(name, UNEXPLAINED)
    faults = {
        "both captured and explained as missing": [n for n in expected if n in values and n in missing],
        "not of this problem": sorted((set(values) | set(missing)) - set(expected)),
        "missing for a reason unknown to the contract": sorted(
            n for n in missing if missing[n] not in REASONS and missing[n] is not UNEXPLAINED
        ),
        "not a NumPy array": sorted(n for n in values if not isinstance(values[n], (np.ndarray, np.generic))),
        "of a dtype safetensors cannot hold": sorted(
            n for n in values if np.asarray(values[n]).dtype.name not in SAFETENSORS_DTYPES
        ),
    }
    sentences = [f"{fault}: {', '.join(names)}" for fault, names in faults.items() if names]
    if sentences:
        raise Fault("the route gave an answer that is not whole; " + "; ".join(sentences))


@contextlib.contextmanager
def whole_file(path):
    """Open a file under another name and rename it when it is whole."""
    part = path.with_name(path.name + ".part")
    try:
        with open(str(part), "wb") as stream:
            yield stream
        os.replace(str(part), str(path))
    except BaseException:
        # On a full disk this is what makes room for the capture.json that tells of it.
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def write_arrays(path, values):
    """Write arrays as a safetensors file and return its digest.

    By hand, because safetensors' own writer first copies every array, and its file would have to be read
    again for the digest. Here a thread takes the digest of what the main thread is writing.
    """
    # asarray and not ascontiguousarray, which would turn shape [] into [1].
    arrays = {name: np.asarray(value, order="C") for name, value in values.items()}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    # Widest items first keeps every array aligned, as the format's own writer does.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header, end = {}, 0
    for name in names:
        array, start = arrays[name], end
        end = start + array.nbytes
        header[name] = {
            "dtype": SAFETENSORS_DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    chunks = [len(text).to_bytes(8, "little"), text] + [arrays[n].reshape(-1).view(np.uint8) for n in names]
    with whole_file(path) as stream, ThreadPoolExecutor(1) as hasher:
        digested = hasher.map(digest.update, chunks)
        stream.writelines(chunks)
        list(digested)
    return "sha256:" + digest.hexdigest()


def write_json(path, content):
    """Write JSON, whole or not at all."""
    with whole_file(path) as stream:
        stream.write((json.dumps(content, indent=1) + "\n").encode("utf-8"))


def interpreter():
    """What a capture records of its surroundings beside the framework's own version."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        # Its end tells which environment it was, and not where on this machine.
        "interpreter": "/".join(Path(sys.executable).parts[-4:]),
    }


def explain(error):
    """What went wrong, for a reader of the report."""
    if isinstance(error, Fault):
        return str(error)
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "\n".join("".join(lines).rstrip().splitlines()[-TRACEBACK_LINES:])


@contextlib.contextmanager
def timed(seconds, part):
    """Add the time spent inside to ``seconds[part]``, also when it ends in an exception."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = round(seconds[part] + time.perf_counter() - start, 6)


class Job:
    """One adapter, one route and the tasks to run in this process."""

    def __init__(self, job):
        self.folder = Path(job["adapter"]).resolve()
        self.threads, self.route = job["threads"], job["route"]
        self.version = self.fault = None
        self.seconds = {"import": 0.0}
        with timed(self.seconds, "import"):
            try:
                self.load()
            except (Exception, SystemExit) as error:
                self.fault = f"adapter {self.folder.name} cannot be used: {explain(error)}"
        # What import left behind stays: the collection after each task need not visit it.
        gc.freeze()

    def load(self):
        """Import the adapter, set its threads and find its route."""
        self.modules = modules = load_adapter(self.folder)
        self.adapter, self.network, routes = modules.adapter, modules.network, modules.routes
        self.version = self.adapter.VERSION
        self.threads = self.adapter.set_threads(self.threads)
        self.route = routes.PRIMARY if self.route == "primary" else self.route
        if self.route not in routes.ROUTES:
            raise Fault(f"it has no route '{self.route}'; its routes are {', '.join(sorted(routes.ROUTES))}")
        self.capture = routes.ROUTES[self.route]

    def run(self, task):
        """Run one task; whatever happens in it ends up in its capture.json."""
        folder = Path(task["capture"])
        folder.mkdir(parents=True, exist_ok=True)
        # A capture of an earlier run must not pass for this one's should the process die.
        for name in ("capture.json", "capture.safetensors"):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()
        (folder / "started").write_bytes(b"")
        record, self.walk = self.record(), None
        try:
            if self.fault:
                raise Fault(self.fault)
            self.perform(Path(task["problem"]), folder, record, task.get("probes"))
            record["status"] = "ok"
        except NotImplementedError as error:
            text = str(error) or "NotImplementedError, without a sentence"
            record.update(status="unsupported", reason=self.where() + text)
        except (Exception, SystemExit) as error:
            record.update(status="crashed", reason=self.where() + explain(error))
        write_json(folder / "capture.json", record)
        gc.collect()

    def where(self):
        """The node at work when the task failed, if one was."""
        return self.walk.where() if self.walk else ""

    def record(self):
        """A capture.json in which nothing has happened yet; a process's first task pays for the import."""
        seconds = {"import": self.seconds["import"], "build": 0.0, "run": 0.0, "read": 0.0, "write": 0.0}
        self.seconds["import"] = 0.0
        record = {
            "format": FORMAT,
            "status": None,
            "reason": None,
            "framework": self.folder.name,
            "version": self.version,
        }
        record.update(interpreter())
        record.update(
            route=self.route,
            dtype=None,
            device="cpu",
            threads=self.threads,
            problem=None,
            digest=None,
            missing={},
            seconds=seconds,
        )
        return record

    def perform(self, source, target, record, probes=None):
        """Read a problem, run it and write what it gave, filling in the record on the way."""
        seconds = record["seconds"]
        with timed(seconds, "read"):
            problem = load_problem(source)
            record.update(dtype=problem["dtype"], problem=problem["digest"])
            check_supported(problem, self.adapter, self.folder.name)
            tensors = load_tensors(source, problem)
        self.walk = Walk(problem)
        if problem.get("script"):
            # A script over the network (adapters/scripts.py) instead of one forward and backward.
            with timed(seconds, "run"):
                values, record["asked"] = beside("scripts").run(self.modules, problem, tensors, self.walk)
        elif probes is not None:
            # The forward alone, at the points of a numerical derivative (adapters/probes.py).
            with timed(seconds, "run"):
                values = beside("probes").run(self.modules, problem, tensors, self.walk, probes)
        else:
            with timed(seconds, "build"):
                network = self.network.build(problem, tensors, self.walk)
            with timed(seconds, "run"):
                values, missing = self.capture(network, problem, tensors)
            check_result(problem, values, missing)
            record["missing"] = missing
        with timed(seconds, "write"):
            record["digest"] = write_arrays(target / "capture.safetensors", values)


def run_job(path):
    """Run every task of a job; return the exit status."""
    try:
        job = json.loads(Path(path).read_text(encoding="utf-8"))
        tasks = [
            {"problem": task["problem"], "capture": task["capture"], "probes": task.get("probes")}
            for task in job["tasks"]
        ]
        worker = Job({name: job[name] for name in ("adapter", "route", "threads")})
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


def describe(folder):
    """Print what an adapter can do as one line of JSON, the last of standard output; return the status."""
    folder = Path(folder).resolve()
    about = {"framework": folder.name, "version": None, "reason": None}
    about.update(interpreter())
    try:
        modules = load_adapter(folder)
        operators = sorted(name[3:] for name in vars(modules.adapter) if name.startswith("op_"))
        about.update(
            version=modules.adapter.VERSION,
            dtypes=modules.adapter.DTYPES,
            operators=operators,
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


def main(arguments):
    """Tell the two ways to call the worker apart; return the exit status."""
    if len(arguments) == 2 and arguments[0] == "--describe":
        return describe(arguments[1])
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return run_job(arguments[0])
    print("usage: worker.py JOB.json | worker.py --describe ADAPTER_FOLDER", file=sys.stderr)
    return 2


if __name__ == "__main__":
    faulthandler.enable()
    code = main(sys.argv[1:])
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not sys.exit: a framework that fails while it is torn down, or logs then, has no say any more.
    os._exit(code)
