"""Where a graph is cut: in each framework, by each way its users know, and the node that is to blame.

Each cut is seeded in a copied adapter, and what must be said of each tensor is written out here by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import Problem
from gradconform.judge import judge
from gradconform.rows import Row
from honest import problem_of
from twin_adapter import append

pytestmark = pytest.mark.process

FRAMEWORKS = tuple(adapters.names())
# Framework -> way -> (the operator that does it, its body). The last is the twin that cuts nothing.
CUTS = {
    "torch": {
        "detach": ("relu", "return F.relu(x.detach())"),
        "data": ("abs", "return torch.abs(x.data)"),
        "no_grad": ("tanh", "with torch.no_grad():\n        return torch.tanh(x)"),
        "numpy": ("square", "return torch.from_numpy(x.detach().numpy() ** 2)"),
        "numbers": ("sigmoid", "return torch.sigmoid(torch.tensor(x.tolist()))"),
        "integers": ("softplus", "return (x * 8).long().float()"),
        "uncut": ("silu", "return F.silu(x)"),
    },
    "chainer": {
        "no_backprop": ("relu", "with chainer.no_backprop_mode():\n        return F.relu(x)"),
        "array": ("tanh", "return F.tanh(x.array)"),
        "variable": ("square", "return chainer.Variable(x.array**2)"),
        "numpy": ("abs", "return chainer.as_variable(np.abs(x.array))"),
        "unchain": ("exp", "y = F.exp(x)\n    y.unchain()\n    return y"),
        "unchain_backward": ("sigmoid", "y = F.sigmoid(x)\n    y.unchain_backward()\n    return y"),
        "uncut": ("silu", "return x * F.sigmoid(x)"),
    },
    "nnabla": {
        "need_grad": ("relu", "y = F.relu(x)\n    y.need_grad = False\n    return y"),
        "unlinked": ("abs", "x.forward()\n    return F.abs(x.get_unlinked_variable(need_grad=False))"),
        "unlinked_leaf": ("tanh", "x.forward()\n    return F.tanh(x.get_unlinked_variable(need_grad=True))"),
        "numpy": ("exp", "x.forward()\n    return nn.Variable.from_numpy_array(np.exp(x.d))"),
        "d": ("sigmoid", "x.forward()\n    y = nn.Variable(x.shape)\n    y.d = x.d\n    return F.sigmoid(y)"),
        "uncut": ("silu", "return F.swish(x)"),
    },
}
CHAIN = """
about: A node between two linear layers.
inputs: {{x: {{shape: [3, 4], grad: true}}}}
nodes:
  h:   {{op: linear, out_features: 3}}
  cut: {{op: {op}}}
  y:   {{op: linear, out_features: 2}}
"""
BEFORE = ("x", "h.weight", "h.bias", "h")
# Where not all of these and the cut itself are cut at `cut`. A variable made anew is a leaf that has a gradient;
# unchain_backward unchains all that lies above too; an unlinked leaf shares its gradient's memory with h.
AT = {
    ("chainer", "no_backprop"): dict.fromkeys(BEFORE, ["cut"]),
    ("chainer", "array"): dict.fromkeys((*BEFORE, "cut"), ["cut"]),
    ("chainer", "variable"): dict.fromkeys(BEFORE, ["cut"]),
    ("chainer", "unchain"): dict.fromkeys(BEFORE, ["cut"]),
    ("chainer", "unchain_backward"): {**dict.fromkeys(BEFORE, ["h"]), "h": ["cut"]},
    ("nnabla", "unlinked_leaf"): dict.fromkeys(BEFORE[:3], ["cut"]),
}
# The spec's name tells the route, since a process for each would take minutes.
BY_NAME = """


def by_name(network, problem, tensors):
    return ROUTES[problem["spec"].split("__")[1]](network, problem, tensors)


ROUTES["by_name"] = by_name
"""
ROUTES = {
    "torch": ("retain_grad", "leaf_grad", "tensor_hooks", "module_hooks", "autograd_grad", "func_vjp"),
    "chainer": (
        "backward_retain_grad",
        "backward",
        "chainer_grad",
        "chainer_grad_set_grad",
        "chainer_grad_retain_grad",
        "function_hook",
        "link_hook",
    ),
    "nnabla": ("visit_backward", "visit_own_names", "parent_inputs", "backward_g", "nn_grad"),
}
Document = dict[str, Any]


def twin(framework: str, where: Path, changes: Mapping[str, str | tuple[str, str]]) -> str:
    """A copy of an adapter. changes: file -> text to append, or (what, by what), found exactly once."""
    folder = where / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, change in changes.items():
        if file == "operators":
            append(folder, file, str(change))
            continue
        text = (folder / file).read_text(encoding="utf-8")
        if isinstance(change, tuple):
            assert text.count(change[0]) == 1, f"{file} has {text.count(change[0])} of {change[0]!r}"
            text = text.replace(*change)
        else:
            text += change
        (folder / file).write_text(text, encoding="utf-8")
    return str(folder)


def capture(adapter: str, problems: Mapping[str, Problem], where: Path, route: str = "primary") -> dict[str, Document]:
    """Problem -> capture.json, all of one process."""
    tasks = [running.Task(p.folder, where / name, p.digest) for name, p in problems.items()]
    running.capture(adapters.find(adapter), tasks, job_folder=where / "jobs", route=route)
    return {name: json.loads((where / name / "capture.json").read_text(encoding="utf-8")) for name in problems}


def operators(framework: str) -> str:
    """The operators that cut, as text to append to an adapter."""
    bodies = CUTS[framework].values()
    text = "".join(f"\n\ndef op_{op}(x):\n    {body}\n" for op, body in bodies)
    return text if framework == "torch" else "\n\nimport numpy as np\n" + text


def cuts_of(document: Document) -> dict[str, list[str]]:
    """Tensor -> where, of all that is missing for a cut; nothing else may have a place."""
    assert document["status"] == "ok", document["reason"]
    cut = {name.removeprefix("grad/") for name, reason in document["missing"].items() if reason == "graph_cut"}
    found = {name.removeprefix("grad/"): places for name, places in document["cuts"].items()}
    outputs = {name for name in cut if name.startswith("output/")}
    assert found.keys() == cut, document["missing"]
    return {name: places for name, places in found.items() if name not in outputs}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_way_to_cut_is_found_at_its_node(framework: str, tmp_path: Path) -> None:
    """In every route: what lies before the cut names the node that cut it, and the twin that is not cut names none."""
    problems = {
        f"{way}__{route}": problem_of(tmp_path / "p", CHAIN.format(op=op), name=f"{way}__{route}")
        for way, (op, _) in CUTS[framework].items()
        for route in ROUTES[framework]
    }
    folder = twin(framework, tmp_path, {"operators": operators(framework), "routes.py": BY_NAME})
    for name, document in capture(folder, problems, tmp_path / "c", "by_name").items():
        way, route = name.split("__")
        if (framework, route) == ("torch", "func_vjp") and way == "numpy":
            assert "Cannot access data pointer of Tensor" in document["reason"]
            continue
        expected = AT.get((framework, way), dict.fromkeys((*BEFORE, "cut"), ["cut"]))
        assert cuts_of(document) == ({} if way == "uncut" else expected), name
        assert "unexplained" not in document["missing"].values()
        for tensor in document["cuts"]:
            assert document["missing"][tensor] == "graph_cut"
            if tensor.startswith("grad/"):
                assert f"{expected[tensor.removeprefix('grad/')][0]} = " in document["remedies"][tensor]


def test_a_compiled_network_names_the_cut(tmp_path: Path) -> None:
    """Compiled code is one node of autograd's graph; the operators' own graph tells where."""
    folder = twin("torch", tmp_path, {"operators": operators("torch")})
    problems = {"cut": problem_of(tmp_path / "p", CHAIN.format(op="relu"), name="cut")}
    document = capture(folder, problems, tmp_path / "c", "compile")["cut"]
    assert cuts_of(document) == dict.fromkeys((*BEFORE, "cut"), ["cut"])


def test_without_a_graph_no_grad_is_found_too(tmp_path: Path) -> None:
    """NNabla's no_grad works where each function runs as it is called."""
    body = "\n\ndef op_relu(x):\n    with nn.no_grad():\n        return F.relu(x)\n"
    folder = twin("nnabla", tmp_path, {"operators": body})
    problems = {op: problem_of(tmp_path / "p", CHAIN.format(op=op), name=op) for op in ("relu", "silu")}
    found = capture(folder, problems, tmp_path / "c", "auto_forward")
    assert cuts_of(found["relu"]) == dict.fromkeys((*BEFORE, "cut"), ["cut"])
    assert cuts_of(found["silu"]) == {}


# A linear layer with 7 outputs does not lead back to what it read.
SEVERED = {
    "torch": "x.detach()",
    "chainer": "chainer.Variable(x.array)",
    "nnabla": "x.get_unlinked_variable(need_grad=False)",
}
RESIDUAL = """
about: Two branches that are added; those of seven features are cut.
inputs: {{x: {{shape: [3, 4], grad: true}}}}
nodes:
  h:     {{op: linear, x: x, out_features: 5}}
  left:  {{op: linear, x: h, out_features: 7}}
  right: {{op: linear, x: h, out_features: {features}}}
  bend:  {{op: linear, x: left, out_features: 5}}
  back:  {{op: linear, x: right, out_features: 5}}
  both:  {{op: add, x: bend, y: back}}
"""


def severing(framework: str) -> str:
    """The linear layer that cuts, as text to append to an adapter."""
    run = "        x.forward()\n" if framework == "nnabla" else ""
    cut = f"    if weight.shape[0] == 7:\n{run}        x = {SEVERED[framework]}\n"
    return f"\n\n_linear = op_linear\n\n\ndef op_linear(x, weight, bias):\n{cut}    return _linear(x, weight, bias)\n"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_one_branch_cut_diverges_and_two_are_missing(framework: str, tmp_path: Path) -> None:
    """With one the gradient is there and wrong, and its readers are blamed; with two it is missing, at both."""
    folder = twin(framework, tmp_path, {"operators": severing(framework)})
    texts = {"one": RESIDUAL.format(features=6), "two": RESIDUAL.format(features=7)}
    problems = {name: problem_of(tmp_path / "p", text, name=name) for name, text in texts.items()}
    found = capture(folder, problems, tmp_path / "c")
    assert (found["one"]["missing"], found["one"]["cuts"]) == ({}, {})
    assert wrong(problems["one"], tmp_path / "c/one") == {"grad/h": ("diverges", "value", "left right")}
    assert cuts_of(found["two"]) == dict.fromkeys(BEFORE, ["left", "right"])
    rows = wrong(problems["two"], tmp_path / "c/two")
    assert rows.pop("grad/h") == ("missing", "graph_cut at left right", "left right")
    assert {row[1:] for row in rows.values()} == {("graph_cut at left right", "left right")}
    assert rows.keys() == {f"grad/{name}" for name in BEFORE[:3]}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_same_network_uncut_conforms(framework: str, tmp_path: Path) -> None:
    """The twin of the above: nothing missing, nothing wrong."""
    problems = {"two": problem_of(tmp_path / "p", RESIDUAL.format(features=7), name="two")}
    assert capture(framework, problems, tmp_path / "c")["two"]["missing"] == {}
    assert wrong(problems["two"], tmp_path / "c/two") == {}


def wrong(problem: Problem, folder: Path) -> dict[str, tuple[str, str, str]]:
    """Tensor -> (verdict, reason, culprit) of the rows that do not conform."""
    rows: list[Row] = judge(problem.folder, {"it": folder})
    failed = [row for row in rows if row.verdict not in ("conforms", "measured")]
    return {row.tensor: (str(row.verdict), row.reason, row.culprit) for row in failed}


# A leaf that the adapter makes without gradient though the spec asks for one.
FROZEN = {
    ("torch", "x"): {"network.py": ('.requires_grad_(e["grad"])', '.requires_grad_(e["name"] != "x")')},
    ("torch", "p.weight"): {
        "network.py": ('(tensors[entry["name"]]), entry["grad"])', '(tensors[entry["name"]]), slot != "weight")')
    },
    ("chainer", "x"): {"routes.py": ('requires_grad=entry["grad"]', 'requires_grad=entry["name"] != "x"')},
    ("nnabla", "x"): {"network.py": ('need_grad=entry["grad"])\n    for', 'need_grad=entry["name"] != "x")\n    for')},
    ("nnabla", "p.weight"): {"network.py": ("need_grad=need_grad)", 'need_grad=slot != "weight")')},
}
LEAVES = """
about: An input that two nodes read and a weight that two nodes share.
inputs: {x: {shape: [3, 4], grad: true}}
nodes:
  bent:  {op: tanh, x: x}
  more:  {op: tanh, x: bent}
  p:     {op: linear, x: more, out_features: 4}
  q:     {op: linear, x: x, weight: p.weight, out_features: 4}
  aside: {op: tanh, x: x}
  y:     {op: add, x: p, y: q}
output: y
"""
FROZEN_AT = {
    "x": {"x": ["x", "bent", "q"], "bent": ["x", "bent"], "more": ["x", "bent"]},
    "p.weight": {"p.weight": ["p.weight", "p", "q"]},
}


@pytest.mark.parametrize(("framework", "leaf"), FROZEN)
def test_a_leaf_that_requires_no_gradient_is_named(framework: str, leaf: str, tmp_path: Path) -> None:
    """Its name, and the nodes that read it on a path to the output; what was computed of it alone names it as well."""
    problems = {"leaves": problem_of(tmp_path / "p", LEAVES, name="leaves")}
    document = capture(twin(framework, tmp_path, FROZEN[framework, leaf]), problems, tmp_path / "c")["leaves"]
    assert cuts_of(document) == FROZEN_AT[leaf]
    assert leaf in document["remedies"][f"grad/{leaf}"]
    nodes = " ".join(FROZEN_AT[leaf][leaf][1:])
    said = ("missing", f"graph_cut at {nodes} ({leaf} requires no gradient)", nodes)
    assert wrong(problems["leaves"], tmp_path / "c/leaves")[f"grad/{leaf}"] == said
    honest = capture(framework, problems, tmp_path / "honest")["leaves"]
    assert (honest["missing"], honest["cuts"]) == ({"grad/aside": "not_on_path"}, {})


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_computed_after_a_cut_names_the_cut(framework: str, tmp_path: Path) -> None:
    """Nodes without parameters after it require no gradient either, and are not what cut it."""
    way = {"torch": "detach", "chainer": "array", "nnabla": "need_grad"}[framework]
    op, body = CUTS[framework][way]
    text = CHAIN.format(op=op).replace("  y:", "  then: {op: silu}\n  last: {op: silu}\n  y:")
    folder = twin(framework, tmp_path, {"operators": f"\n\ndef op_{op}(x):\n    {body}\n"})
    document = capture(folder, {"after": problem_of(tmp_path / "p", text, name="after")}, tmp_path / "c")["after"]
    assert cuts_of(document) == dict.fromkeys((*BEFORE, "cut", "then", "last"), ["cut"])
