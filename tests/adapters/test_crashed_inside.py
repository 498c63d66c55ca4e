"""A framework that crashes inside a network: the node is named, and what ran before it is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gradconform.capture import adapters
from gradconform.capture.adapters import Adapter
from gradconform.capture.together import capture_all
from gradconform.contract import ContractError, read_capture
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.report.junit import junit
from gradconform.report.summary import Summary
from gradconform.rows import Row, Verdict
from gradconform.spec import load
from twin_adapter import append, copied

pytestmark = pytest.mark.process

SPEC = """\
name: odd
about: Max pooling over an image of odd size, and a linear layer that must know the size.
inputs: {x: {shape: [2, 3, 5, 5], grad: true}}
nodes:
  act: {op: tanh}
  pool: {op: max_pool2d, kernel_size: 2, stride: 2, padding: 0}
  flat: {op: flatten, start_dim: 1}
  fc: {op: linear, out_features: 4, bias: true}
  y: {op: sum, dim: [0, 1], keepdim: false}
"""
# One more row and column where the size is odd: another shape, on which the linear layer cannot work.
WRONG = {
    "torch": """
def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pool2d(x, kernel_size, stride, 0, ceil_mode=True)
""",
    "chainer": """
def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pooling_2d(x, kernel_size, stride, 0, cover_all=True)
""",
    "nnabla": """
def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pooling(x, kernel_size, stride, ignore_border=False)
""",
}


def ran(framework: str, where: Path, wrong: str, spec: str = SPEC) -> list[Row]:
    """The rows of the network in a copy of an adapter in which some operators are others."""
    folder = copied(framework, where / "adapters")
    append(folder, "operators", wrong)
    there = adapters.find(framework)
    adapter = Adapter(framework, framework, folder, there.interpreter, there.found)
    (where / "odd.yaml").write_text(spec, encoding="utf-8")
    (network,) = load(where / "odd.yaml")
    problem = draw_problem(network, where / "problems" / "odd.float32.drawn", dtype="float32", values="drawn")
    ((capture,),) = capture_all([problem], [adapter], where).values()
    return judge(problem.folder, {framework: capture.folder})


@pytest.mark.parametrize("framework", WRONG)
def test_the_node_is_named_and_what_ran_before_is_judged(framework: str, tmp_path: Path) -> None:
    """The pool is to blame, for its output has another shape; the layer before it conforms."""
    rows = ran(framework, tmp_path, WRONG[framework])
    said = {row.tensor: (row.verdict, row.node, str(row.reason), row.culprit) for row in rows if row.tensor}
    assert said["output/act"][:2] == (Verdict.CONFORMS, "act")
    assert said["output/pool"] == (Verdict.DIVERGES, "pool", "shape", "pool")
    assert set(said) <= {"output/act", "output/pool", "output/flat"}
    (crash,) = [row for row in rows if row.verdict == Verdict.CRASHED]
    assert (crash.node, crash.op, crash.tensor) == ("fc", "linear", "")
    summary = Summary.of(rows)
    assert ("pool",) in [fault.nodes for fault in summary.faults]
    assert summary.crashed[0].where == ("odd: fc",)
    assert 'name="fc" time="0"' in junit(summary)


def test_an_operator_that_crashes_by_itself_is_named_too(tmp_path: Path) -> None:
    """Here nothing that ran before is wrong, so only the crash fails."""
    broken = "def op_linear(x, weight, bias):\n    raise RuntimeError('no such kernel')\n"
    rows = ran("torch", tmp_path, broken)
    assert {row.tensor: row.verdict for row in rows} == {
        "": Verdict.CRASHED,
        "output/act": Verdict.CONFORMS,
        "output/pool": Verdict.CONFORMS,
        "output/flat": Verdict.CONFORMS,
    }
    assert [row.node for row in rows if not row.tensor] == ["fc"]


FAILING = """
from nnabla.function import PythonFunction


class _Failing(PythonFunction):
    @property
    def name(self):
        return "Failing"

    def min_outputs(self):
        return 1

    def grad_depends_output_data(self, i, o):
        return False

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        raise RuntimeError("no such kernel")

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        pass


_tanh = op_tanh


def op_tanh(x):
    return _Failing()(_tanh(x)) if x.ndim == 2 else _tanh(x)
"""


def test_a_node_of_a_graph_that_fails_when_it_runs_is_named(tmp_path: Path) -> None:
    """NNabla runs a graph as a whole: its functions say how far it came, and what they computed before is judged."""
    spec = SPEC.replace("  fc:", "  bent: {op: tanh}\n  fc:")
    rows = ran("nnabla", tmp_path, FAILING, spec)
    (crash,) = (row for row in rows if row.verdict == Verdict.CRASHED)
    assert (crash.node, crash.op) == ("bent", "tanh")
    assert "no such kernel" in crash.reason
    assert {row.tensor: row.verdict for row in rows if row.tensor} == {
        "output/act": Verdict.CONFORMS,
        "output/pool": Verdict.CONFORMS,
        "output/flat": Verdict.CONFORMS,
    }


def test_what_an_adapter_cannot_read_is_not_kept(tmp_path: Path) -> None:
    """The twin: without `computed` a crash is one row, as that of a process that died."""
    folder = copied("torch", tmp_path / "adapters")
    append(folder, "network.py", "del computed\n")
    append(folder, "operators", WRONG["torch"])
    there = adapters.find("torch")
    adapter = Adapter("torch", "torch", folder, there.interpreter, there.found)
    (tmp_path / "odd.yaml").write_text(SPEC, encoding="utf-8")
    (network,) = load(tmp_path / "odd.yaml")
    problem = draw_problem(network, tmp_path / "problems" / "odd.float32.drawn", dtype="float32", values="drawn")
    ((capture,),) = capture_all([problem], [adapter], tmp_path).values()
    (row,) = judge(problem.folder, {"torch": capture.folder})
    assert (row.verdict, row.node) == (Verdict.CRASHED, "")
    document = json.loads((capture.folder / "capture.json").read_text())
    assert "at" not in document
    # A capture that claims to have crashed where there is no node is refused.
    document.update(at="nowhere", digest=None)
    (capture.folder / "capture.json").write_text(json.dumps(document))
    with pytest.raises(ContractError, match="cannot be read"):
        read_capture(capture.folder, problem)
