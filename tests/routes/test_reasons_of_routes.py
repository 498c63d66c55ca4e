"""Each of the seven reasons for a missing gradient comes about in a framework, of a cause that is written out here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from gradconform.capture import adapters
from gradconform.command.why import SENTENCES
from honest import problem_of
from test_cuts import CHAIN, capture, twin

pytestmark = pytest.mark.process

UNUSED = CHAIN.format(op="relu") + "  aside: {op: linear, x: x, out_features: 2}\noutput: y\n"
UNASKED = (
    CHAIN.format(op="relu")
    .replace("{x: {shape: [3, 4], grad: true}}", "{x: {shape: [3, 4]}}")
    .replace("{op: linear, out_features: 3}", "{op: abs, x: x}")
)
OPAQUE = """

class _Opaque(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dy):
        return None


def op_relu(x):
    return _Opaque.apply(x)
"""
OPAQUE_NODE = """

class _Opaque(chainer.FunctionNode):
    def forward(self, inputs):
        return (inputs[0].copy(),)


def op_relu(x):
    return _Opaque().apply((x,))[0]
"""
# A parameter that is made by its shape has NaN for a gradient until a backward comes, which cleargrads would take off.
BORN = 'chainer.Parameter(tensors[entry["name"]])'
BY_SHAPE = 'chainer.Parameter(tensors[entry["name"]], tensors[entry["name"]].shape)'
NEVER_CLEARED = {"network.py": (BORN, BY_SHAPE), "routes.py": ("    network.cleargrads()\n", "")}


@dataclass(frozen=True)
class Case:
    """What makes a reason come about, and the tensors that then have it."""

    framework: str
    tensors: frozenset[str]
    text: str = CHAIN.format(op="relu")
    route: str = "primary"
    changes: dict[str, str | tuple[str, str]] = field(default_factory=dict)


BEFORE = frozenset({"x", "h", "h.weight", "h.bias"})
CASES = {
    "not_requested": [Case(f, frozenset({"h", "cut"}), UNASKED) for f in adapters.names()],
    "not_on_path": [Case(f, frozenset({"aside", "aside.weight", "aside.bias"}), UNUSED) for f in adapters.names()],
    "graph_cut": [
        Case("torch", BEFORE | {"cut"}, changes={"operators": "\n\ndef op_relu(x):\n    return x.detach().relu()\n"})
    ],
    "not_retained": [
        Case("torch", frozenset({"h", "cut"}), route="leaf_grad"),
        Case("chainer", frozenset({"h", "cut"}), route="backward"),
        Case("nnabla", frozenset({"h", "cut"}), route="backward_g"),
    ],
    "buffer_reused": [Case("nnabla", frozenset({"h", "cut"}), route="clear_buffer")],
    "not_differentiable": [
        Case("torch", BEFORE, changes={"operators": OPAQUE}),
        Case("torch", BEFORE, route="tensor_hooks", changes={"operators": OPAQUE}),
        Case("torch", BEFORE, route="autograd_grad", changes={"operators": OPAQUE}),
        Case("chainer", BEFORE, changes={"operators": OPAQUE_NODE}),
    ],
    "uninitialised": [
        Case("chainer", frozenset({"aside.weight", "aside.bias"}), UNUSED, changes=NEVER_CLEARED),
        Case(
            "chainer",
            frozenset({"h.weight", "h.bias"}),
            changes={
                **NEVER_CLEARED,
                "operators": "\n\ndef op_relu(x):\n    return chainer.Variable(F.relu(x).array)\n",
            },
        ),
    ],
}


def test_every_reason_is_here() -> None:
    """All that a capture may give, but the worker's own word for none."""
    assert CASES.keys() == SENTENCES.keys() - {"unexplained"}


@pytest.mark.parametrize(("reason", "case"), [(reason, case) for reason, cases in CASES.items() for case in cases])
def test_the_reason_comes_about(reason: str, case: Case, tmp_path: Path) -> None:
    """Of exactly these tensors; without its cause, in the adapter as it is, of none."""
    problems = {"it": problem_of(tmp_path / "p", case.text, name="it")}
    folder = twin(case.framework, tmp_path, case.changes)
    missing = capture(folder, problems, tmp_path / "c", case.route)["it"]["missing"]
    found = {tensor.removeprefix("grad/") for tensor, said in missing.items() if said == reason}
    assert {name for name in found if not name.startswith("output/")} == case.tensors
    if case.changes:
        honest = capture(case.framework, problems, tmp_path / "honest", case.route)["it"]["missing"]
        assert reason not in honest.values()


def test_what_was_never_written_for_a_cut_says_where(tmp_path: Path) -> None:
    """NaN in a parameter before a cut is no number, and its place is that of the cut."""
    case = CASES["uninitialised"][1]
    problems = {"it": problem_of(tmp_path / "p", case.text, name="it")}
    document = capture(twin("chainer", tmp_path, case.changes), problems, tmp_path / "c")["it"]
    assert {name: document["cuts"][f"grad/{name}"] for name in case.tensors} == dict.fromkeys(case.tensors, ["cut"])
