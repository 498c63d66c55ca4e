"""Every way to get gradients out of torch gives the same numbers, or says truly why it gives none."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.capture.worker import Task
from gradconform.contract import Problem
from honest import captured, problem_of
from route_specs import MIXED, SHIPPED
from twin_adapter import append

pytestmark = pytest.mark.process

Array = np.ndarray[Any, Any]

# Nothing at all asks for a gradient.
NOTHING = "about: No gradient.\ninputs: {x: {shape: [3, 2]}}\nnodes: {y: {op: relu}, z: {op: tanh}}\n"
# functional_call finds a method of that name, and not the node.
ODD = "about: Odd.\ninputs: {x: {shape: [3, 2], grad: true}}\nnodes: {train: {op: linear, out_features: 2}}\n"
# For the compiler: a tensor with three readers, and a branch that leads nowhere.
FORK = """
about: A gradient that is a sum of parts, and some that are none.
inputs:
  x:     {shape: [3, 5], grad: true}
  spare: {shape: [2, 5], grad: true}
nodes:
  h:       {op: linear, x: x, out_features: 7}
  left:    {op: relu, x: h}
  right:   {op: linear, x: h, out_features: 7}
  squared: {op: mul, x: h, y: h}
  branch:  {op: linear, x: h, out_features: 2}
  sum1:    {op: add, x: left, y: right}
  y:       {op: sub, x: sum1, y: squared}
output: y
"""


@dataclass(frozen=True)
class Result:
    """One capture: capture.json, and its tensors."""

    document: dict[str, Any]
    tensors: dict[str, Array]

    @property
    def missing(self) -> dict[str, str]:
        """Tensor -> reason."""
        assert self.document["status"] == "ok", self.document["reason"]
        return self.document["missing"]


def spec_text(name: str) -> str:
    """A network that comes along, as it is written."""
    return (paths.specs_folder() / "networks" / f"{name}.yaml").read_text(encoding="utf-8")


def shipped(folder: Path, name: str, **variant: str) -> Problem:
    """The problem of a network that comes along."""
    return problem_of(folder, spec_text(name), name=name, **variant)


def capture(adapter: str, problems: dict[str, Problem], folder: Path, route: str) -> dict[str, Result]:
    """Run one route on all problems, in one process."""
    tasks = [Task(p.folder, folder / "captures" / name, p.digest) for name, p in problems.items()]
    running.capture(adapters.find(adapter), tasks, job_folder=folder / "jobs", route=route)
    return {name: result(folder / "captures" / name) for name in problems}


def result(folder: Path) -> Result:
    """A capture that was made."""
    document = json.loads((folder / "capture.json").read_text(encoding="utf-8"))
    return Result(document, captured(folder) if document["status"] == "ok" else {})


def differing(one: Result, other: Result) -> list[str]:
    """The tensors both have that are not the same to the bit (NaN to NaN, and -0.0 is not 0.0)."""
    return [
        name
        for name in one.tensors.keys() & other.tensors.keys()
        if one.tensors[name].dtype != other.tensors[name].dtype
        or one.tensors[name].shape != other.tensors[name].shape
        or one.tensors[name].tobytes() != other.tensors[name].tobytes()
    ]


@pytest.fixture(scope="module")
def by_route(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Route -> problem -> capture; a route is run when it is first asked for."""
    root = tmp_path_factory.mktemp("torch")
    problems = {name: shipped(root / "problems", name) for name in SHIPPED}
    problems["wide"] = shipped(root / "problems", "residual_train", dtype="float64")
    problems["mixed"] = problem_of(root / "problems", MIXED, name="mixed")
    problems["nothing"] = problem_of(root / "problems", NOTHING, name="nothing")
    problems["odd"] = problem_of(root / "problems", ODD, name="odd")
    return functools.cache(lambda route: capture("torch", problems, root / route, route))


def test_the_reasons_of_the_primary_route(by_route: Any) -> None:
    """What is missing where every gradient can be kept: what the others are held against."""
    missing = {name: found.missing for name, found in by_route("primary").items()}
    off = ("branch", "bent", "spare", "branch.weight", "branch.bias")
    assert missing.pop("unused") == {f"grad/{name}": "not_on_path" for name in off}
    assert missing.pop("mixed") == {"grad/still": "not_requested"}
    assert missing.pop("nothing") == {"grad/y": "not_requested"}
    assert all(reasons == {} for reasons in missing.values())


@pytest.mark.parametrize("route", ["tensor_hooks", "module_hooks", "autograd_grad"])
def test_a_route_that_sees_all_gives_the_same_bits(by_route: Any, route: str) -> None:
    """Every tensor that the primary one gives and no other, identical; the same reasons for the rest."""
    for name, primary in by_route("primary").items():
        other = by_route(route)[name]
        assert other.missing == primary.missing, name
        assert other.tensors.keys() == primary.tensors.keys(), name
        assert differing(primary, other) == [], name
        assert other.document["route"] == route


@pytest.mark.parametrize("route", ["leaf_grad", "func_vjp"])
def test_a_route_that_sees_leaves_gives_the_same_bits(by_route: Any, route: str) -> None:
    """All outputs and the gradients of leaves, identical: with no hook set, nothing was observed on the way."""
    for name, primary in by_route("primary").items():
        other = by_route(route)[name]
        if other.document["status"] == "unsupported":
            assert (route, name) == ("func_vjp", "odd")
            assert (
                other.document["reason"] == "torch's functional_call finds Module.train and not the node of that name"
            )
            continue
        kept = {n for n in primary.tensors if n.removeprefix("grad/") not in between(primary)}
        zeros = other.tensors.keys() - kept
        # Of a leaf that does not lead to the output vjp makes zeros, which is right.
        assert all(route == "func_vjp" and primary.missing[n] == "not_on_path" for n in zeros), name
        assert all(not other.tensors[n].any() for n in zeros), name
        lost = dict.fromkeys(primary.tensors.keys() - kept, "not_retained")
        assert other.missing == {n: r for n, r in {**primary.missing, **lost}.items() if n not in zeros}, name
        assert other.tensors.keys() >= kept, name
        assert differing(primary, other) == [], name


def test_vjp_makes_zeros_of_leaves_that_nothing_reads(by_route: Any) -> None:
    """The case the test above allows is there: three leaves."""
    zeros = by_route("func_vjp")["unused"].tensors.keys() - by_route("primary")["unused"].tensors.keys()
    assert zeros == {"grad/spare", "grad/branch.weight", "grad/branch.bias"}


def between(primary: Result) -> set[str]:
    """The nodes of a network."""
    return {name.removeprefix("output/") for name in primary.tensors if name.startswith("output/")}


def test_compiled_code_differs_by_rounding_alone(tmp_path: Path) -> None:
    """Identical where nothing rounds; elsewhere fused sums, of the parts of a gradient, are taken in another order.

    One small network, since a first compilation takes half a minute on a small machine. Its twin cannot be compiled,
    which shows that the others were: crashed, and not unsupported, since the compiler works.
    """
    problems = {name: problem_of(tmp_path, FORK, name=name, values=name) for name in ("drawn", "exact")}
    problems["broken"] = problem_of(tmp_path, NOTHING, name="broken")
    problems["refused"] = problem_of(tmp_path, NOTHING.replace("tanh", "exp"), name="refused")
    refuse = "def op_exp(x):\n    raise NotImplementedError('no exp')\n"
    break_ = "def op_tanh(x):\n    return torch.tanh(torch.tensor(x.tolist()))\n"
    folder = twin(tmp_path, adapter=refuse + break_)
    eager = capture(str(folder), problems, tmp_path / "eager", "leaf_grad")
    compiled = capture(str(folder), problems, tmp_path / "compiled", "compile")
    for name in ("drawn", "exact"):
        inner = {f"output/{node.name}": "not_retained" for node in problems[name].nodes if node.name != "y"}
        assert compiled[name].missing == {**eager[name].missing, **inner}
        assert compiled[name].tensors.keys() == eager[name].tensors.keys() - inner.keys()
    assert differing(eager["exact"], compiled["exact"]) == []
    for name in differing(eager["drawn"], compiled["drawn"]):
        one, other = eager["drawn"].tensors[name], compiled["drawn"].tensors[name]
        assert np.abs(one - other).max() <= 4 * np.finfo("f4").eps * np.abs(one).max()
    assert compiled["refused"].document["reason"] == eager["refused"].document["reason"] == "node 'z' (exp): no exp"
    assert compiled["refused"].document["status"] == "unsupported"
    assert (eager["broken"].document["status"], compiled["broken"].document["status"]) == ("ok", "crashed")


def test_without_a_compiler_the_route_is_unsupported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not crashed: a machine without a C++ compiler is no fault of the framework."""
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    problems = {"odd": problem_of(tmp_path, ODD, name="odd")}
    document = capture("torch", problems, tmp_path / "captures", "compile")["odd"].document
    assert document["status"] == "unsupported"
    assert document["reason"].startswith("torch.compile does not work on this machine: InvalidCxxCompiler: ")


# Each idiomatic way to cut the graph, in an operator of its own.
CUTS = {
    "detach": ("relu", "return F.relu(x.detach())"),
    "data": ("abs", "return torch.abs(x.data)"),
    "no_grad": ("tanh", "with torch.no_grad():\n        return torch.tanh(x)"),
    "numpy": ("square", "return torch.from_numpy(x.detach().numpy() ** 2)"),
    "numbers": ("sigmoid", "return torch.sigmoid(torch.tensor(x.tolist()))"),
    "uncut": ("silu", "return F.silu(x)"),
}
CUT = """
about: A graph that may be cut in the middle, or with nothing left.
inputs: {{x: {{shape: [3, 4], grad: true}}}}
nodes:
  h:   {{op: linear, out_features: 3}}
  cut: {{op: {op}}}
{rest}
"""
REST = "  y: {op: linear, out_features: 2}"
# A process for each route and cut would take minutes: here the spec's name tells the route.
BY_NAME = """
def by_name(network, problem, tensors):
    return ROUTES[problem["spec"].split("__")[1]](network, problem, tensors)
ROUTES["by_name"] = by_name
"""


def twin(where: Path, *, adapter: str = "", routes: str = "") -> Path:
    """A copy of torch's adapter with something appended."""
    folder = where / "torch"
    shutil.copytree(paths.adapters_folder() / "torch", folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in (("operators", adapter), ("routes.py", routes)):
        append(folder, name, text)
    return folder


def test_a_cut_graph_is_told_from_a_gradient_that_is_not_kept(tmp_path: Path) -> None:
    """In every route, before the cut `graph_cut`; behind it, and in the twin that is not cut, gradients as ever."""
    adapter = "".join(f"\n\ndef op_{op}(x):\n    {body}\n" for op, body in CUTS.values())
    problems = {
        f"{way}{end}__{route}": problem_of(
            tmp_path / "problems", CUT.format(op=op, rest=rest), name=f"{way}{end}__{route}"
        )
        for way, (op, _) in CUTS.items()
        for end, rest in ((("", REST), ("-last", "")) if way == "detach" else (("", REST),))
        for route in ("retain_grad", "leaf_grad", "tensor_hooks", "module_hooks", "autograd_grad", "func_vjp")
    }
    folder = twin(tmp_path, adapter=adapter, routes=BY_NAME)
    results = capture(str(folder), problems, tmp_path / "captured", "by_name")
    for name, found in results.items():
        way, route = name.split("__")
        inner = {"grad/h"} if way.endswith("-last") else {"grad/h", "grad/cut"}
        before, behind = {"grad/x", "grad/h.weight", "grad/h.bias"}, {"grad/y.weight", "grad/y.bias"}
        if way.startswith("numpy") and route == "func_vjp":
            assert "Cannot access data pointer of Tensor" in found.document["reason"], name
            continue
        kept = {tensor for tensor in found.tensors if tensor.startswith("grad/")}
        if way.startswith("uncut"):
            lost = inner if route in ("leaf_grad", "func_vjp") else set()
            assert found.missing == dict.fromkeys(lost, "not_retained"), name
        else:
            assert found.missing == dict.fromkeys(before | inner, "graph_cut"), name
            assert kept == (set() if way.endswith("-last") else behind), name


NAIVE = """
def naive_vjp(network, problem, tensors):
    global without_path
    honest, without_path = without_path, lambda *_: {}
    try:
        return func_vjp(network, problem, tensors)
    finally:
        without_path = honest


def naive_module_hooks(network, problem, tensors):
    read = []
    network.left.register_full_backward_hook(lambda module, grad_input, grad_output: read.append(grad_input[0]))
    values, missing = module_hooks(network, problem, tensors)
    return {**values, "grad/h": read[0].numpy()}, missing


ROUTES.update(naive_vjp=naive_vjp, naive_module_hooks=naive_module_hooks)
"""


def test_what_naive_routes_would_have_said(tmp_path: Path) -> None:
    """vjp's zeros for a gradient that was cut off, and grad_input for a tensor with several readers, are wrong."""
    folder = twin(tmp_path, adapter="def op_relu(x):\n    return F.relu(x.detach())\n", routes=NAIVE + BY_NAME)
    cut, readers = CUT.format(op="relu", rest=REST), spec_text("three_readers").replace("op: relu", "op: abs")
    texts = {
        "cut__naive_vjp": cut,
        "cut__func_vjp": cut,
        "readers__naive_module_hooks": readers.replace("name: three_readers", "name: readers__naive_module_hooks"),
        "readers__module_hooks": readers.replace("name: three_readers", "name: readers__module_hooks"),
    }
    problems = {name: problem_of(tmp_path / "problems", text, name=name) for name, text in texts.items()}
    found = capture(str(folder), problems, tmp_path / "captured", "by_name")
    zeros = found["cut__naive_vjp"].tensors.keys() - found["cut__func_vjp"].tensors.keys()
    assert zeros == {"grad/x", "grad/h.weight", "grad/h.bias"}
    assert not any(found["cut__naive_vjp"].tensors[name].any() for name in zeros)
    assert differing(found["readers__module_hooks"], found["readers__naive_module_hooks"]) == ["grad/h"]
