"""The worker, run as it is run for real, with an adapter that needs nothing but NumPy."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

pytestmark = pytest.mark.process

WORKER = Path(__file__).resolve().parents[2] / "adapters" / "worker.py"

ADAPTER = """
import numpy as np
VERSION = "1.2.3"
DTYPES = {"float32": None, "float64": "it was never taught to"}
def set_threads(n):
    return 1
def op_scale(x, weight, bias, *, value):
    return x * weight * value
def op_total(xs):
    return np.asarray(sum(x.sum() for x in xs), dtype=xs[0].dtype)
def op_halves(x):
    return x / 2, x.sum(keepdims=True)
def op_refuse(x):
    raise NotImplementedError("it does not do that")
def op_break(x):
    raise MemoryError("no room left")
"""
NETWORK = """
def build(problem, tensors, nodes):
    return lambda: nodes(tensors)
"""
ROUTES = """
from .adapter import np
print("rubbish on standard output", end="")
def forward(network, problem, tensors):
    values = network()
    outputs = {o["name"] for node in problem["nodes"] for o in node["outputs"]}
    captured = {"output/" + name: values[name] for name in outputs}
    wanted = [node["name"] for node in problem["nodes"] if node["name"] != problem["output"]]
    wanted += [e["name"] for e in problem["inputs"] + problem["parameters"] if e["grad"]]
    captured.update(("grad/" + name, np.ones_like(values[name]).T) for name in wanted[1:])
    return captured, {"grad/" + name: "not_retained" for name in wanted[:1]}
PRIMARY = "forward"
ROUTES = {"forward": forward}
"""


@pytest.fixture
def adapter(tmp_path):
    """An adapter folder, named like a framework that a careless import would find."""
    folder = tmp_path / "somewhere else" / "json"
    folder.mkdir(parents=True)
    for name, text in {"adapter": ADAPTER, "network": NETWORK, "routes": ROUTES}.items():
        (folder / (name + ".py")).write_text(text)
    return folder


def node(name, op, *tensors, outputs=None, **attributes):
    """One node of problem.json; the slots' names do not matter to the worker."""
    outputs = outputs or {name: [2, 3]}
    entries = [{"name": key, "shape": shape} for key, shape in outputs.items()]
    pairs = [["slot", tensor] for tensor in tensors]
    return {"name": name, "op": op, "tensors": pairs, "attributes": attributes, "outputs": entries}


def write_problem(folder, *extra, dtype="float32", **changes):
    """A problem of two nodes, with ``extra`` nodes between them."""
    nodes = [node("scaled", "scale", "x", "scaled.weight", None, value=2.0), *extra]
    nodes.append(node("loss", "total", ["x", "scaled"], outputs={"loss": []}))
    arrays = {
        "value/x": np.arange(6, dtype=dtype).reshape(2, 3),
        "value/scaled.weight": np.array([1, 2, 3], dtype),
        "cotangent/loss": np.array(0.5, dtype),
    }
    folder.mkdir(parents=True)
    save_file(arrays, str(folder / "problem.safetensors"))
    problem = {
        "format": 1,
        "spec": "two",
        "dtype": dtype,
        "output": "loss",
        "nodes": nodes,
        "buffers": [],
        "inputs": [{"name": "x", "shape": [2, 3], "dtype": dtype, "grad": True}],
        "parameters": [{"name": "scaled.weight", "shape": [3], "dtype": dtype, "grad": True}],
        "digest": "sha256:" + hashlib.sha256((folder / "problem.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "problem.json").write_text(json.dumps({**problem, **changes}))
    return folder


def start(*arguments):
    """The worker in a process of its own."""
    return subprocess.run(
        [sys.executable, "-I", str(WORKER), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(adapter, *problems, route="primary"):
    """Run problems in one job; return what each capture.json says."""
    captures = [problem.with_name(problem.name + "-capture") for problem in problems]
    tasks = [{"problem": str(p), "capture": str(c)} for p, c in zip(problems, captures, strict=True)]
    job = adapter.parent / "job.json"
    job.write_text(json.dumps({"adapter": str(adapter), "route": route, "threads": 1, "tasks": tasks}))
    done = start(job)
    assert done.returncode == 0, done.stderr
    return [json.loads((capture / "capture.json").read_text()) for capture in captures]


def spoil(adapter, module, old, new):
    """Change one thing in an adapter's file; a change that changes nothing is a mistake of the test."""
    path = adapter / (module + ".py")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_capture_holds_what_the_route_gave(adapter, tmp_path):
    """Values, reasons, versions and digests all arrive, in the format that safetensors itself reads."""
    problem = write_problem(tmp_path / "two")
    (record,) = run(adapter, problem)
    written = tmp_path / "two-capture" / "capture.safetensors"
    arrays = load_file(str(written))
    assert set(arrays) == {"output/scaled", "output/loss", "grad/x", "grad/scaled.weight"}
    np.testing.assert_array_equal(arrays["output/scaled"], [[0, 4, 12], [6, 16, 30]])
    assert arrays["output/loss"].shape == ()
    assert arrays["output/loss"] == 83
    assert record["digest"] == "sha256:" + hashlib.sha256(written.read_bytes()).hexdigest()
    assert record["problem"] == json.loads((problem / "problem.json").read_text())["digest"]
    assert record["missing"] == {"grad/scaled": "not_retained"}
    expected = {
        "format": 1,
        "status": "ok",
        "reason": None,
        "framework": "json",
        "version": "1.2.3",
        "threads": 1,
        "route": "forward",
        "dtype": "float32",
        "device": "cpu",
        "numpy": np.__version__,
    }
    assert {key: record[key] for key in expected} == expected
    assert set(record["seconds"]) == {"import", "build", "run", "check", "read", "write"}
    assert sorted(p.name for p in written.parent.iterdir()) == [
        "capture.json",
        "capture.safetensors",
        "started",
    ]


def test_values_keep_their_numbers_whatever_their_layout(adapter, tmp_path):
    """Transposed, strided, big-endian, empty, zero-dimensional and boolean arrays all survive the writing."""
    given = """{
    "output/scaled": np.arange(12, dtype=">f8").reshape(3, 4).T[::2], "output/loss": np.float32(7),
    "grad/x": np.zeros((0, 3), np.float32), "grad/scaled": np.array([True, False]),
    "grad/scaled.weight": np.array(5)}, {}"""
    spoil(adapter, "routes", 'captured, {"grad/" + name: "not_retained" for name in wanted[:1]}', given)
    (record,) = run(adapter, write_problem(tmp_path / "two"))
    assert record["status"] == "ok", record["reason"]
    arrays = load_file(str(tmp_path / "two-capture" / "capture.safetensors"))
    np.testing.assert_array_equal(arrays["output/scaled"], [[0, 4, 8], [2, 6, 10]])
    assert arrays["output/loss"].shape == ()
    assert arrays["output/loss"] == 7
    assert arrays["grad/x"].shape == (0, 3)
    assert arrays["grad/scaled"].tolist() == [True, False]
    assert arrays["grad/scaled.weight"].shape == ()
    assert arrays["grad/scaled.weight"].dtype == np.int64


def test_a_node_may_have_several_outputs(adapter, tmp_path):
    """A tuple is spread over the node's outputs."""
    extra = node("mid", "halves", "scaled", outputs={"mid": [2, 3], "mid.sum": [1, 1]})
    (record,) = run(adapter, write_problem(tmp_path / "two", extra))
    assert record["status"] == "ok", record["reason"]
    arrays = load_file(str(tmp_path / "two-capture" / "capture.safetensors"))
    assert arrays["output/mid.sum"].tolist() == [[68]]
    np.testing.assert_array_equal(arrays["output/mid"] * 2, arrays["output/scaled"])


@pytest.mark.parametrize(
    ("extra", "dtype", "words"),
    [
        ([node("odd", "wobble", "x")], "float32", ["odd", "wobble", "json"]),
        ([node("no", "refuse", "x")], "float32", ["node 'no'", "refuse", "it does not do that"]),
        ([], "float64", ["float64", "json", "it was never taught to"]),
        ([], "float16", ["float16", "json"]),
    ],
)
def test_what_a_framework_lacks_is_unsupported(adapter, tmp_path, extra, dtype, words):
    """A dtype, an operator or an attribute that is not there gives a sentence that names it."""
    (record,) = run(adapter, write_problem(tmp_path / "two", *extra, dtype=dtype))
    assert record["status"] == "unsupported"
    assert [word for word in words if word not in record["reason"]] == []
    assert "Traceback" not in record["reason"]
    assert record["digest"] is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wanted[:1]}", "wanted}", ["both captured and explained", "grad/x"]),
        ("wanted[1:])", "wanted[1:] + ['loss'])", ["not of this problem", "grad/loss"]),
        ("not_retained", "mislaid", ["reason unknown to the contract", "grad/scaled"]),
        ("np.ones_like(values[name]).T", "[1.0]", ["not a NumPy array", "grad/x"]),
        ("np.ones_like(values[name]).T", "np.array('one')", ["safetensors cannot hold", "grad/x"]),
        ("network()", "network().nonsense", ["AttributeError", "nonsense", "Traceback"]),
        ("network()", "__import__('sys').exit(0)", ["SystemExit"]),
    ],
)
def test_a_route_that_fails_is_a_crash_that_says_how(adapter, tmp_path, old, new, words):
    """Nothing a route gives amiss is dropped in silence."""
    spoil(adapter, "routes", old, new)
    (record,) = run(adapter, write_problem(tmp_path / "two"))
    assert record["status"] == "crashed"
    assert record["digest"] is None
    assert [word for word in words if word not in record["reason"]] == []
    assert not (tmp_path / "two-capture" / "capture.safetensors").exists()


def test_what_a_route_says_nothing_of_is_unexplained(adapter, tmp_path):
    """A tensor neither captured nor explained costs its own row, not the capture, and is named."""
    spoil(adapter, "routes", "return captured, {", "return {}, {")
    (record,) = run(adapter, write_problem(tmp_path / "two"))
    assert record["status"] == "ok"
    assert record["missing"]["output/loss"] == record["missing"]["grad/x"] == "unexplained"


def test_a_crash_costs_only_its_own_task(adapter, tmp_path):
    """The tasks before and after it are captured, and the reason names the node and the exception."""
    bad = write_problem(tmp_path / "bad", node("burst", "break", "x"))
    first, crashed, last = run(adapter, write_problem(tmp_path / "a"), bad, write_problem(tmp_path / "b"))
    assert (first["status"], crashed["status"], last["status"]) == ("ok", "crashed", "ok")
    assert "node 'burst'" in crashed["reason"]
    assert "MemoryError: no room left" in crashed["reason"]
    assert first["seconds"]["import"] > 0
    assert last["seconds"]["import"] == 0


def test_an_operator_that_gives_too_many_tensors_is_named(adapter, tmp_path):
    """A tuple of the wrong length is no output of any node."""
    (record,) = run(adapter, write_problem(tmp_path / "two", node("mid", "halves", "scaled")))
    assert record["status"] == "crashed"
    assert "node 'mid'" in record["reason"]
    assert "2 tensors; expected 1" in record["reason"]


@pytest.mark.parametrize(
    ("module", "old", "new", "words"),
    [
        ("adapter", "import numpy", "import numpyy", ["numpyy"]),
        ("adapter", "    return 1\n", "    raise ValueError('three')\n", ["ValueError: three"]),
        ("routes", "PRIMARY =", "raise SystemExit(5)\nPRIMARY =", ["SystemExit: 5"]),
        ("routes", "ROUTES = {", "ROUTES = {} and {", ["no route 'forward'"]),
    ],
)
def test_an_adapter_that_cannot_be_used_fails_every_task(adapter, tmp_path, module, old, new, words):
    """No task is left without a capture.json."""
    spoil(adapter, module, old, new)
    records = run(adapter, write_problem(tmp_path / "a"), write_problem(tmp_path / "b"))
    assert [record["status"] for record in records] == ["crashed", "crashed"]
    for record in records:
        assert [word for word in ["json", *words] if word not in record["reason"]] == []
    assert (tmp_path / "a-capture" / "started").exists()


def test_a_missing_file_of_an_adapter_is_named(adapter, tmp_path):
    """The reason says which file is not there."""
    (adapter / "network.py").unlink()
    (record,) = run(adapter, write_problem(tmp_path / "a"))
    assert record["status"] == "crashed"
    assert "has no network.py" in record["reason"]


def test_a_route_that_does_not_exist_lists_those_that_do(adapter, tmp_path):
    """The next step is in the message."""
    (record,) = run(adapter, write_problem(tmp_path / "two"), route="backward")
    assert record["status"] == "crashed"
    assert record["route"] == "backward"
    assert "no route 'backward'" in record["reason"]
    assert "forward" in record["reason"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, ["format 2"]),
        ({"output": "scaled"}, ["cotangent/scaled"]),
        (
            {"buffers": [{"name": "b", "shape": [1], "dtype": "float32", "grad": False}]},
            ["nothing for value/b"],
        ),
        (
            {"parameters": [{"name": "scaled.weight", "shape": [4], "dtype": "float32", "grad": True}]},
            ["float32 [3]", "float32 [4]", "scaled.weight"],
        ),
    ],
)
def test_a_problem_that_contradicts_itself_is_refused(adapter, tmp_path, changes, words):
    """The message says what is stored and what was promised."""
    (record,) = run(adapter, write_problem(tmp_path / "two", **changes))
    assert record["status"] == "crashed"
    assert [word for word in words if word not in record["reason"]] == []


def test_a_problem_that_is_not_there_costs_only_its_own_task(adapter, tmp_path):
    """The absent file is named and the next task runs."""
    absent, present = run(adapter, tmp_path / "nowhere", write_problem(tmp_path / "two"))
    assert absent["status"] == "crashed"
    assert "problem.json" in absent["reason"]
    assert "Traceback" not in absent["reason"]
    assert present["status"] == "ok"


@pytest.mark.parametrize("size", [0, 5, 40, -1])
def test_a_torn_problem_is_refused(adapter, tmp_path, size):
    """A problem.safetensors cut short anywhere gives a sentence that names it, and no capture."""
    problem = write_problem(tmp_path / "two")
    content = (problem / "problem.safetensors").read_bytes()
    (problem / "problem.safetensors").write_bytes(content[:size])
    (record,) = run(adapter, problem)
    assert record["status"] == "crashed"
    assert "problem.safetensors" in record["reason"]
    assert "Traceback" not in record["reason"]
    assert record["digest"] is None


def test_a_framework_that_writes_into_its_inputs_leaves_the_problem_as_it_was(adapter, tmp_path):
    """The arrays are the task's own, though no copy was made when they were read."""
    problem = write_problem(tmp_path / "two")
    before = (problem / "problem.safetensors").read_bytes()
    spoil(adapter, "network", "    return lambda", "    tensors['x'] += 1\n    return lambda")
    (record,) = run(adapter, problem)
    assert record["status"] == "ok", record["reason"]
    arrays = load_file(str(tmp_path / "two-capture" / "capture.safetensors"))
    np.testing.assert_array_equal(arrays["output/scaled"], [[2, 8, 18], [8, 20, 36]])
    assert (problem / "problem.safetensors").read_bytes() == before


def test_an_old_capture_does_not_pass_for_a_new_one(adapter, tmp_path):
    """A framework that takes the process down leaves `started` and nothing of an earlier run."""
    problem, capture = write_problem(tmp_path / "two"), tmp_path / "two-capture"
    run(adapter, problem)
    spoil(adapter, "routes", "network()", "__import__('os').abort()")
    done = start(adapter.parent / "job.json")
    assert done.returncode != 0
    assert [path.name for path in capture.iterdir()] == ["started"]


def test_a_capture_that_cannot_be_written_shows_in_the_exit_status(adapter, tmp_path):
    """Status 1 and a line on standard error; the other task is whole."""
    (tmp_path / "a-capture").write_text("a file where the folder should be")
    problems = [write_problem(tmp_path / "a"), write_problem(tmp_path / "b")]
    with pytest.raises(AssertionError, match="a-capture"):
        run(adapter, *problems)
    assert start(adapter.parent / "job.json").returncode == 1
    assert json.loads((tmp_path / "b-capture" / "capture.json").read_text())["status"] == "ok"


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"tasks": []}', '{"tasks": [{}], "adapter": "x", "route": "", "threads": 1}']
)
def test_a_job_that_cannot_be_read_is_status_two_without_a_traceback(tmp_path, text):
    """Bad input never gives a traceback."""
    (tmp_path / "job.json").write_text(text)
    done = start(tmp_path / "job.json")
    assert done.returncode == 2
    assert "job.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_describe_ends_with_one_line_of_json(adapter):
    """Rubbish before it, even without a line end, and rubbish at exit do no harm."""
    spoil(adapter, "adapter", "import numpy", "import atexit\natexit.register(print, 'bye')\nimport numpy")
    done = start("--describe", adapter)
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout.splitlines()[-1])
    assert about["operators"] == ["break", "halves", "refuse", "scale", "total"]
    assert (about["framework"], about["version"], about["primary"]) == ("json", "1.2.3", "forward")
    assert about["routes"] == ["forward"]
    assert about["dtypes"]["float32"] is None
    assert about["reason"] is None


def test_describe_says_why_an_adapter_cannot_be_used(adapter):
    """The reason comes in the same line of JSON, with a status that is not zero."""
    spoil(adapter, "adapter", "import numpy", "import numpyy")
    done = start("--describe", adapter)
    assert done.returncode == 1
    assert "numpyy" in json.loads(done.stdout.splitlines()[-1])["reason"]
