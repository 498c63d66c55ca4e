"""NNabla's routes: each against the primary one, to the bit, and a reason for all that a route cannot give."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import read_capture
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.rows import Verdict
from gradconform.spec import load
from honest import problem_of
from route_specs import MIXED, SHIPPED
from twin_adapter import append

pytestmark = pytest.mark.process

ROUTES = ("visit_own_names", "parent_inputs", "backward_g", "clear_buffer", "auto_forward", "nn_grad")
# Running statistics that are updated aside of the way to the output.
ASIDE = """
about: Batch normalisation on the path and beside it.
inputs: {x: {shape: [3, 4, 5, 2], grad: true}}
nodes:
  bn1:  {op: batch_norm, x: x, eps: 1.0e-5, momentum: 0.1, training: true}
  bn2:  {op: batch_norm, x: bn1, eps: 1.0e-5, momentum: 0.1, training: true}
  tail: {op: gelu, x: bn2, approximate: none}
  y:    {op: gelu, x: bn1, approximate: none}
output: y
"""
WRITTEN = {"mixed": MIXED, "aside": ASIDE}
SPECS = (*SHIPPED, *WRITTEN)
# Its gradients are computed by other code; these are equal up to rounding.
ROUNDED = "nn_grad"


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """Every problem, drawn once."""
    root = tmp_path_factory.mktemp("problems")
    drawn = {name: problem_of(root, text, name=name) for name, text in WRITTEN.items()}
    for spec in SHIPPED:
        (network,) = load(paths.specs_folder() / "networks" / f"{spec}.yaml")
        drawn[spec] = draw_problem(network, root / spec, dtype="float32", values="drawn")
    return drawn


def run(adapter, problems, where, *, route, specs=SPECS):
    """Capture problems with one route, in one process; captures by spec, all of them whole."""
    tasks = [running.Task(problems[s].folder, where / s, problems[s].digest) for s in specs]
    running.capture(adapter, tasks, job_folder=where / "job", route=route)
    captures = {spec: read_capture(where / spec, problems[spec]) for spec in specs}
    assert {c.status for c in captures.values()} == {"ok"}, [c.reason for c in captures.values()]
    return captures


@pytest.fixture(scope="module")
def captures(problems, tmp_path_factory):
    """Captures by route and spec, made with the adapter as it is."""
    root = tmp_path_factory.mktemp("captures")
    adapter = adapters.find("nnabla")
    return {r: run(adapter, problems, root / r, route=r) for r in ("primary", *ROUTES)}


def twin(where, changes):
    """The adapter in a copied folder with texts put in place of others; every one of them must be there."""
    folder = where / "nnabla"
    shutil.copytree(paths.adapters_folder() / "nnabla", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in changes:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return adapters.find(str(folder))


def differing(capture, primary):
    """The tensors that two captures both have, and not to the bit."""
    both = capture.tensors.keys() & primary.tensors.keys()
    return {name for name in both if capture.tensors[name].tobytes() != primary.tensors[name].tobytes()}


def names(problem):
    """All that a capture must hold or explain, by kind: outputs, gradients of nodes, gradients of leaves."""
    outputs = {f"output/{name}" for node in problem.nodes for name, *_ in node.outputs}
    nodes = {f"grad/{name}" for name in problem.graph.makers if name != problem.output}
    return outputs, nodes, {f"grad/{name}" for name in problem.graph.wanted}


def test_these_are_the_routes():
    """What the adapter offers is what is tested here."""
    about = adapters.describe(adapters.find("nnabla"))
    assert (about["primary"], set(about["routes"])) == ("visit_backward", {"visit_backward", *ROUTES})


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("route", [route for route in ROUTES if route != ROUNDED])
def test_what_a_route_gives_is_the_primarys_to_the_bit(captures, route, spec):
    """The same C++ functions ran once each, on the same numbers; running statistics tell, were it twice.

    `backward_g` and `auto_forward` make no variable persistent, so observing changed no output either.
    """
    assert captures[route][spec].tensors.keys() <= captures["primary"][spec].tensors.keys()
    assert not differing(captures[route][spec], captures["primary"][spec])


@pytest.mark.parametrize("spec", SPECS)
def test_nn_grad_differs_by_rounding_alone(captures, problems, spec):
    """Python definitions of the gradients: outputs to the bit, and each node right for what it saw there."""
    found, primary = captures[ROUNDED][spec], captures["primary"][spec]
    assert found.tensors.keys() == primary.tensors.keys()
    assert all(name.startswith("grad/") for name in differing(found, primary))
    rows = [row for row in judge(problems[spec].folder, {"nnabla": found.folder}) if row.check == "local"]
    assert len(rows) == sum(map(len, names(problems[spec])))
    assert {row.verdict for row in rows} == {Verdict.CONFORMS}


def test_nn_grad_runs_other_code(captures):
    """Were its numbers the primary's everywhere, it would not be a route of its own."""
    assert differing(captures[ROUNDED]["cnn"], captures["primary"]["cnn"])


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("route", ["primary", *ROUTES])
def test_every_tensor_is_there_or_has_the_right_reason(captures, problems, route, spec):
    """By what the route does: which tensors it does not keep, and which lie on no path to the output."""
    capture, (outputs, nodes, leaves) = captures[route][spec], names(problems[spec])
    on_path = {f"grad/{name}" for name in problems[spec].on_path}
    asked = on_path & {f"grad/{name}" for name in problems[spec].differentiable}
    expected = dict.fromkeys(nodes - asked, "not_requested")
    expected.update(dict.fromkeys((nodes | leaves) - on_path, "not_on_path"))
    if route == "backward_g":
        expected.update(dict.fromkeys(nodes & asked, "not_retained"))
    if route == "clear_buffer":
        inner = {f"output/{n.name}" for n in problems[spec].nodes if n.name in problems[spec].on_path}
        reused = (nodes & asked) | (inner - {f"output/{problems[spec].output}"})
        expected.update(dict.fromkeys(reused, "buffer_reused"))
    assert capture.missing == expected
    assert capture.tensors.keys() | capture.missing.keys() == outputs | nodes | leaves


@pytest.mark.parametrize("route", ["primary", *ROUTES])
def test_running_statistics_are_updated_once(captures, problems, route):
    """Against the formula; a second update would be elsewhere."""
    drawn, capture = problems["residual_train"], captures[route]["residual_train"]
    x = captures["primary"]["residual_train"].tensors["output/conv1"]
    before = drawn.value("bn1.running_mean")
    once = 0.9 * before + 0.1 * x.mean((0, 2, 3))
    twice = 0.9 * once + 0.1 * x.mean((0, 2, 3))
    got = capture.tensors["output/bn1.running_mean"]
    assert np.abs(got - once).max() < 1e-6 < 1e-3 < np.abs(got - twice).max()


def test_a_forward_that_runs_twice_would_be_noticed(captures, problems, tmp_path):
    """The twin of the two tests above: running statistics then are not the primary's."""
    once = "    network.output.backward("
    adapter = twin(tmp_path, [("routes.py", once, f"    forward(network)\n{once}")])
    found = run(adapter, problems, tmp_path / "out", route="parent_inputs", specs=["residual_train"])["residual_train"]
    expected = {f"output/bn{i}.running_{each}" for i in (1, 2) for each in ("mean", "var")}
    assert differing(found, captures["primary"]["residual_train"]) == expected


@pytest.mark.parametrize("kind", ["data", "grad"])
def test_a_naive_read_of_a_cleared_buffer_gives_other_numbers(captures, problems, tmp_path, kind):
    """With NNabla's mark passed over, intermediates are read as if they were theirs, and are not."""
    adapter = twin(tmp_path, [("graph.py", f"variable.{kind}.clear_called", "False")])
    found = run(adapter, problems, tmp_path / "out", route="clear_buffer", specs=["cnn"])["cnn"]
    wrong = differing(found, captures["primary"]["cnn"])
    cleared = captures["clear_buffer"]["cnn"].missing.keys()
    prefix = {"data": "output/", "grad": "grad/"}[kind]
    assert wrong
    assert wrong <= {name for name in cleared if name.startswith(prefix)}


# Ways to cut a graph that NNabla's users know, put behind each ReLU.
CUTS = {
    "need_grad": "y = _relu(x)\n    y.need_grad = False\n    return y",
    "unlinked": "x.forward()\n    return _relu(x.get_unlinked_variable(need_grad=False))",
    "unlinked_leaf": "x.forward()\n    return _relu(x.get_unlinked_variable(need_grad=True))",
    "numpy": "x.forward()\n    return _relu(nn.Variable.from_numpy_array(x.d))",
    "no_grad": "with nn.no_grad():\n        return _relu(x)",
}
BELOW = {"grad/fc2", "grad/fc2.weight"}


@pytest.mark.parametrize(
    ("cut", "route"),
    [("need_grad", route) for route in ("primary", *ROUTES)]
    + [(cut, route) for cut in ("unlinked", "unlinked_leaf", "numpy") for route in ("primary", "visit_own_names")]
    + [("unlinked_leaf", "clear_buffer"), ("numpy", "auto_forward"), ("no_grad", "auto_forward")],
)
def test_a_cut_graph_is_told_from_a_zero_gradient(captures, problems, tmp_path, cut, route):
    """Above the cut the reason is `graph_cut`; below it, and in the outputs, nothing changed."""
    text = f"\n\n_relu = op_relu\n\n\ndef op_relu(x):\n    {CUTS[cut]}\n"
    adapter = twin(tmp_path, [])
    append(adapter.folder, "operators", text)
    found = run(adapter, problems, tmp_path / "out", route=route, specs=["cnn"])["cnn"]
    honest = captures[route]["cnn"]
    above = {"grad/x", "grad/conv1.weight", "grad/fc1.bias"}
    assert {found.missing.get(name) for name in above} == {"graph_cut"}
    assert "unexplained" not in found.missing.values()
    assert BELOW & honest.tensors.keys() <= found.tensors.keys()
    assert not differing(found, honest)


def script(adapter, code):
    """Run code with the adapter's modules at hand as `m` in its interpreter; the JSON that it prints last."""
    head = (
        "import json, sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(adapters.worker().parent)!r})\nimport worker\n"
        f"m = worker.load_adapter(Path({str(adapter.folder)!r}))\nimport nnabla as nn\n"
    )
    command = [str(adapter.interpreter), "-c", head + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_nnablas_own_names_are_counted_for_each_kind():
    """The public example, (x + 0.5) * 2 at x = 0: its `MulScalar_1` is 1, not -1."""
    found = script(
        adapters.find("nnabla"),
        "x = nn.Variable.from_numpy_array(0.0)\ny = ((x + 0.5) * 2 + 0.5) * 2\ny.forward()\n"
        "named = m.routes.own_names([y])\n"
        "print(json.dumps({name: float(f.outputs[0].d) for f, name in named.items()}))",
    )
    assert found == {"AddScalar_1": 0.5, "MulScalar_1": 1.0, "AddScalar_2": 1.5, "MulScalar_2": 3.0}


def test_a_node_of_several_functions_is_its_last(captures, problems, tmp_path):
    """GELU is several functions here; were it read from the one before the last, that would be noticed."""
    last = "own[names[v.parent], v.parent"
    before = "own[names.get(v.parent.inputs[0].parent, names[v.parent]), v.parent"
    adapter = twin(tmp_path, [("routes.py", last, before)])
    found = run(adapter, problems, tmp_path / "out", route="visit_own_names", specs=["transformer"])["transformer"]
    assert {"output/gelu", "grad/gelu"} <= differing(found, captures["primary"]["transformer"])


def test_the_problem_is_read_again_where_its_pages_were_given_back(problems, captures):
    """Building gives the mapped file's pages back; what is read of it later is still what was drawn."""
    spec = problems["cnn"]
    found = script(
        adapters.find("nnabla"),
        f"folder = Path({str(spec.folder)!r})\np = worker.load_problem(folder)\nt = worker.load_tensors(folder, p)\n"
        "m.network.build(p, t, worker.Nodes(p, m.operators))\n"
        "print(json.dumps({n: a.tobytes().hex() for n, a in t.items()}))",
    )
    expected = {name: spec.value(name) for name in spec.graph.leaves} | {f"cotangent/{spec.output}": spec.cotangent}
    assert found == {name: array.tobytes().hex() for name, array in expected.items()}
