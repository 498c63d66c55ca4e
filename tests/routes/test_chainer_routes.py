"""Every way to get gradients out of Chainer, beside the primary one: the same bits, or the reason why not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import Capture, Problem, read_capture
from gradconform.draw.problem import draw_problem
from gradconform.spec import load
from honest import problem_of
from route_specs import SHIPPED
from twin_adapter import append as add

pytestmark = pytest.mark.process

PRIMARY = "backward_retain_grad"
OTHERS = ("backward", "chainer_grad", "chainer_grad_set_grad", "chainer_grad_retain_grad", "function_hook", "link_hook")
NETWORKS = (*SHIPPED, "pooled_sum")
VERSIONS = ("chainer", "chainer-6.3")
# The average pooling with pad_value=None divides the gradient that it was handed in place: that array is also the
# gradient of what it was handed on from. specs/known/chainer.yaml has the story; a hook copies before it happens.
OVERWRITTEN = {("pooled_sum", "function_hook"): {"grad/pooled", "grad/joined"}}

Run = Callable[..., dict[str, Capture]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problem]:
    """Problem by network."""
    folder, found = tmp_path_factory.mktemp("problems"), {}
    for name in NETWORKS:
        (network,) = load(paths.specs_folder() / "networks" / f"{name}.yaml")
        found[name] = draw_problem(network, folder / name, dtype="float32", values="drawn")
    return found


@pytest.fixture(scope="module")
def run(drawn: dict[str, Problem], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Capture every network, or the problems given, with an adapter by one route; done once for the same arguments."""

    @cache
    def captures(adapter: str, route: str, only: tuple[str, ...] = NETWORKS) -> dict[str, Capture]:
        return capture({name: drawn[name] for name in only}, adapter, route, tmp_path_factory.mktemp("captures"))

    return captures


def capture(given: dict[str, Problem], adapter: str, route: str, folder: Path) -> dict[str, Capture]:
    """Problem name -> capture."""
    try:
        found = adapters.find(adapter)
    except adapters.AdapterError as error:
        if adapter == "chainer":
            raise
        pytest.skip(f"{adapter} is no part of the default matrix: {error}")
    tasks = [running.Task(p.folder, folder / name, p.digest) for name, p in given.items()]
    running.capture(found, tasks, job_folder=folder / "jobs", route=route)
    return {name: read_capture(folder / name, p) for name, p in given.items()}


def twin(
    where: Path, *, append: dict[str, str] | None = None, replace: dict[str, tuple[str, str]] | None = None
) -> str:
    """The folder of a copy of the adapter. append: file -> text. replace: file -> what by what, found exactly once."""
    folder = where / "chainer"
    shutil.copytree(paths.adapters_folder() / "chainer", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, (old, new) in (replace or {}).items():
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} has {text.count(old)} of {old!r}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    for file, text in (append or {}).items():
        add(folder, file, text)
    return str(folder)


def script(text: str) -> str:
    """What a few lines print in Chainer's own interpreter."""
    command = [str(adapters.find("chainer").interpreter), "-I", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def outputs(problem: Problem) -> set[str]:
    """Every `output/` of a problem."""
    return {f"output/{name}" for node in problem.nodes for name, *_ in node.outputs}


def leaves(problem: Problem) -> set[str]:
    """The gradients of inputs and parameters."""
    return {f"grad/{name}" for name in problem.graph.wanted}


def intermediates(problem: Problem) -> set[str]:
    """The gradients of nodes."""
    return {f"grad/{name}" for name in problem.graph.makers if name != problem.output}


def linked(problem: Problem) -> set[str]:
    """What a hook of links sees of the nodes that own parameters or buffers."""
    owners = {name.rpartition(".")[0] for name in problem.graph.leaves} - {""}
    names = {name for node in problem.nodes if node.name in owners for name, *_ in node.outputs}
    return {f"output/{name}" for name in names} | {f"grad/{name}" for name in names}


def not_kept(problem: Problem, route: str) -> set[str]:
    """What a route by its nature does not give."""
    return {
        "backward": intermediates(problem),
        "chainer_grad_retain_grad": leaves(problem),
        "link_hook": (intermediates(problem) | outputs(problem)) - linked(problem),
    }.get(route, set())


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are identical to the bit."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_primary_route_gives_everything(run: Run, drawn: dict[str, Problem], version: str) -> None:
    """But for what is on no path to the output."""
    for name, found in run(version, PRIMARY).items():
        assert found.status == "ok", found.reason
        aside = {f"grad/{n}" for n in ("spare", "branch", "branch.weight", "branch.bias", "bent") if name == "unused"}
        assert dict(found.missing) == dict.fromkeys(aside, "not_on_path")
        assert set(found.tensors) == (outputs(drawn[name]) | leaves(drawn[name]) | intermediates(drawn[name])) - aside


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("route", OTHERS)
def test_a_route_gives_the_bits_of_the_primary_one(
    run: Run, drawn: dict[str, Problem], version: str, route: str
) -> None:
    """All that it keeps, outputs among it, and for the rest the reason; only what is overwritten later may differ."""
    primary = run(version, PRIMARY)
    for name, found in run(version, route).items():
        assert (found.status, found.route) == ("ok", route), found.reason
        expected = dict.fromkeys(not_kept(drawn[name], route), "not_retained") | dict(primary[name].missing)
        assert dict(found.missing) == expected, name
        assert set(found.tensors) == set(primary[name].tensors) - set(expected), name
        differing = {t for t, array in found.tensors.items() if not same(array, primary[name].tensors[t])}
        assert differing == OVERWRITTEN.get((name, route), set()), name


def test_a_hook_sees_what_is_overwritten_later(run: Run, drawn: dict[str, Problem]) -> None:
    """1.7 times the cotangent arrives at the sum and is handed on; the primary route reads it divided by a window."""
    expected = drawn["pooled_sum"].cotangent * np.float32(1.7)
    by_hook = run("chainer", "function_hook")["pooled_sum"].tensors
    for tensor in ("grad/joined", "grad/pooled"):
        assert same(by_hook[tensor], expected)
        assert not np.allclose(run("chainer", PRIMARY)["pooled_sum"].tensors[tensor], expected, rtol=0.1)


@pytest.mark.parametrize(
    ("old", "new", "spoiled"),
    [
        ("gradient.copy()", "gradient", {"grad/joined", "grad/pooled"}),
        ("backward_preprocess", "backward_postprocess", {"grad/pooled"}),
    ],
)
def test_a_hook_that_looks_later_reads_other_numbers(
    run: Run, drawn: dict[str, Problem], tmp_path: Path, old: str, new: str, spoiled: set[str]
) -> None:
    """Without the copy, or after the function's own backward, there are other numbers in the array that arrived."""
    folder = twin(tmp_path, replace={"hooks.py": (old, new)})
    found = capture({"pooled_sum": drawn["pooled_sum"]}, folder, "function_hook", tmp_path / "captures")["pooled_sum"]
    honest = run("chainer", "function_hook")["pooled_sum"].tensors
    assert {t for t, array in found.tensors.items() if not same(array, honest[t])} == spoiled


def test_a_function_hook_is_not_handed_outputs() -> None:
    """Which is why the route takes them from the variables: when the hook is called there are none yet."""
    text = """
import chainer, numpy as np
class Hook(chainer.FunctionHook):
    def forward_postprocess(self, function, in_data):
        print(function.outputs, len(in_data))
with Hook():
    chainer.functions.relu(chainer.Variable(np.ones(3, "f")))
"""
    assert script(text) == "None 1\n"


def test_links_that_are_not_called_are_not_seen(run: Run, drawn: dict[str, Problem], tmp_path: Path) -> None:
    """Without the call there is nothing for a hook of links to see; with it the primary route's bits are the same."""
    called, not_called = "nodes(values, around=through_its_link)", "nodes(values)"
    folder = twin(tmp_path, replace={"network.py": (called, not_called)})
    some = {name: drawn[name] for name in ("cnn", "residual_train")}
    for name, found in capture(some, folder, "link_hook", tmp_path / "hooked").items():
        unseen = outputs(some[name]) | intermediates(some[name])
        assert dict(found.missing) == dict.fromkeys(unseen, "not_retained")
    for name, found in capture(some, folder, PRIMARY, tmp_path / "plain").items():
        honest = run("chainer", PRIMARY)[name].tensors
        assert set(found.tensors) == set(honest)
        assert all(same(array, honest[tensor]) for tensor, array in found.tensors.items())


# What users write, each in the operator that one of the problems below applies between two linear layers; and whether
# what it returns is a variable that a gradient can be asked for.
CUTS = {
    "relu": ("with chainer.no_backprop_mode():\n        return F.relu(x)", True),
    "tanh": ("return chainer.Variable(np.tanh(x.array))", True),
    "abs": ("return chainer.as_variable(np.abs(x.array))", False),
    "neg": ("return -x.array", False),
    "exp": ("y = F.exp(x)\n    y.unchain()\n    return y", True),
    "sigmoid": ("y = F.sigmoid(x)\n    y.unchain_backward()\n    return y", True),
}
CUT = """
about: An operator between two linear layers.
inputs:
  x: {{shape: [4, 3], grad: true}}
nodes:
  h: {{op: linear, x: x, out_features: 5}}
  cut: {{op: {op}}}
  y: {{op: linear, out_features: 2}}
"""


@pytest.fixture(scope="module")
def cuttable(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Problem]:
    """Problem by operator."""
    folder = tmp_path_factory.mktemp("cuts")
    return {op: problem_of(folder / op, CUT.format(op=op)) for op in CUTS}


@pytest.mark.parametrize("route", [PRIMARY, *OTHERS])
def test_a_cut_graph_is_found_in_the_graph(cuttable: dict[str, Problem], tmp_path: Path, route: str) -> None:
    """However it was cut, what lies behind it says so, and what lies before it is given."""
    text = "".join(f"\n\ndef op_{op}(x):\n    {body}\n" for op, (body, _) in CUTS.items())
    captures = capture(cuttable, twin(tmp_path, append={"operators": text}), route, tmp_path / "captures")
    for op, found in captures.items():
        assert found.status == "ok", found.reason
        behind = {"grad/x", "grad/h", "grad/h.weight", "grad/h.bias"} | (set() if CUTS[op][1] else {"grad/cut"})
        assert {t for t, reason in found.missing.items() if reason == "graph_cut"} == behind, op
        assert not_kept(cuttable[op], route) >= set(found.missing) - behind - {"grad/cut"}, op
        if "grad/y.weight" not in not_kept(cuttable[op], route):
            assert "grad/y.weight" in found.tensors


def test_a_network_without_backprop_is_cut_everywhere(cuttable: dict[str, Problem], tmp_path: Path) -> None:
    """no_backprop_mode around the whole, as in `VGG16Layers.predict`: backward does not complain and gives nothing."""
    old = "        return nodes(values, around=through_its_link)"
    new = f"        with chainer.no_backprop_mode():\n    {old}"
    folder = twin(tmp_path, replace={"network.py": (old, new)})
    everything = leaves(cuttable["relu"]) | intermediates(cuttable["relu"])
    for route in (PRIMARY, "chainer_grad"):
        found = capture({"relu": cuttable["relu"]}, folder, route, tmp_path / route)["relu"]
        assert found.status == "ok", found.reason
        assert dict(found.missing) == dict.fromkeys(everything, "graph_cut")


TWICE = """

def _twice(route):
    def run(network, problem, tensors):
        route(network, problem, tensors)
        return route(network, problem, tensors)

    return run


ROUTES = {name: _twice(route) for name, route in ROUTES.items()}
"""
CLEARING = ("    network.cleargrads()\n", "")


@pytest.mark.parametrize("route", [PRIMARY, "function_hook", "link_hook"])
def test_a_second_pass_gives_the_same(run: Run, drawn: dict[str, Problem], tmp_path: Path, route: str) -> None:
    """No hook, gradient or statistic of the first is left."""
    some = {name: drawn[name] for name in ("three_readers", "residual_train")}
    folder = twin(tmp_path, append={"routes.py": TWICE})
    for name, found in capture(some, folder, route, tmp_path / "captures").items():
        once = run("chainer", route)[name]
        assert (found.status, dict(found.missing)) == ("ok", dict(once.missing)), found.reason
        assert all(same(array, once.tensors[tensor]) for tensor, array in found.tensors.items())


def test_a_second_pass_without_cleargrads_does_not(run: Run, drawn: dict[str, Problem], tmp_path: Path) -> None:
    """Backward adds to the first pass's; chainer.grad with retain_grad leaves that of a parameter lying there."""
    folder = twin(tmp_path, append={"routes.py": TWICE}, replace={"routes.py": CLEARING})
    some, once = {"three_readers": drawn["three_readers"]}, run("chainer", PRIMARY)["three_readers"].tensors
    found = capture(some, folder, "backward", tmp_path / "captures")["three_readers"].tensors
    leaves = some["three_readers"].graph.leaves.values()
    parameters = {f"grad/{leaf.name}" for leaf in leaves if leaf.role == "parameter"}
    assert parameters
    assert {t for t, array in found.items() if not same(array, once[t])} == parameters
    assert all(np.allclose(found[tensor], 2 * once[tensor]) for tensor in parameters)


def test_a_gradient_that_was_never_written_is_no_number(drawn: dict[str, Problem], tmp_path: Path) -> None:
    """A parameter made by shape is born with NaN for a gradient: where no backward comes, that is what is read."""
    made = 'chainer.Parameter(tensors[entry["name"]])'
    by_shape = 'chainer.Parameter(tensors[entry["name"]], tensors[entry["name"]].shape)'
    folder = twin(tmp_path, replace={"network.py": (made, by_shape), "routes.py": CLEARING})
    some = {"unused": drawn["unused"]}
    found = capture(some, folder, PRIMARY, tmp_path / "captures")["unused"]
    uninitialised = {tensor for tensor, reason in found.missing.items() if reason == "uninitialised"}
    assert uninitialised == {"grad/branch.weight", "grad/branch.bias"}
    text = "import chainer, numpy as np\nprint(chainer.Parameter(np.ones(2, 'f'), (2,)).grad)"
    assert script(text) == "[nan nan]\n"


def test_what_no_function_gives_a_gradient_of_says_so(cuttable: dict[str, Problem], tmp_path: Path) -> None:
    """The graph is whole and kept, but the function's backward gives None."""
    text = """

class _Opaque(chainer.FunctionNode):
    def forward(self, inputs):
        return (inputs[0].copy(),)


def op_relu(x):
    return _Opaque().apply((x,))[0]
"""
    folder = twin(tmp_path, append={"operators": text})
    for route in (PRIMARY, "function_hook"):
        found = capture({"relu": cuttable["relu"]}, folder, route, tmp_path / route)["relu"]
        behind = {"grad/x", "grad/h", "grad/h.weight", "grad/h.bias"}
        assert dict(found.missing) == dict.fromkeys(behind, "not_differentiable")


@pytest.mark.parametrize("version", VERSIONS)
def test_chainerx_is_looked_for(run: Run, version: str) -> None:
    """The wheel has a module of that name, and nothing in it."""
    found = run(version, "chainerx", ("three_readers",))["three_readers"]
    assert found.status == "unsupported"
    assert found.reason == "this Chainer was built without ChainerX: chainerx.is_available() is False"
    assert script("import chainerx\nprint(chainerx.is_available())") == "False\n"


def test_chainerx_is_not_denied_where_it_is(drawn: dict[str, Problem], tmp_path: Path) -> None:
    """The other sentence, where it is available."""
    folder = twin(tmp_path, append={"routes.py": "\n\nchainer.chainerx.is_available = lambda: True\n"})
    found = capture({"unused": drawn["unused"]}, folder, "chainerx", tmp_path / "captures")["unused"]
    assert (found.status, found.reason) == (
        "unsupported",
        "this Chainer was built with ChainerX, for which the adapter has no route",
    )
