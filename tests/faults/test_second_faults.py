"""A second derivative that is wrong while the first is right, in each framework: the node is named."""

from __future__ import annotations

from pathlib import Path

import faults
import pytest
from gradconform.capture import adapters
from gradconform.capture.adapters import Adapter
from gradconform.capture.together import capture_all
from gradconform.draw import directions
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.rows import Row
from gradconform.spec import load
from twin_adapter import append, copied

pytestmark = pytest.mark.process

SPEC = """
name: twice
about: A tensor that is read twice, a tanh and what comes after it.
inputs: {x: {shape: [3, 4], grad: true}}
nodes:
  h: {op: linear, x: x, out_features: 5}
  t: {op: tanh, x: h}
  m: {op: mul, x: t, y: h}
  s: {op: softmax, x: m, dim: 1}
  y: {op: linear, x: s, out_features: 2}
"""
# What was saved for backward is detached, as hand-written functions do: the gradient is right, and has no derivative.
DETACHED = {
    "torch": """
class _Detached(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * (1 - y.detach() ** 2)


def op_tanh(x):
    return _Detached.apply(x)
""",
    "chainer": """
class _Detached(chainer.FunctionNode):
    def forward(self, inputs):
        self.retain_outputs((0,))
        return (np.tanh(inputs[0]),)

    def backward(self, indexes, gradients):
        (y,) = self.get_retained_outputs()
        return (gradients[0] * (1 - y.array ** 2),)


def op_tanh(x):
    return _Detached().apply((x,))[0]
""",
    "nnabla": """
from nnabla.backward_function.utils import no_grad
from nnabla.backward_functions import registry


def _detached(grad_inputs, inputs, input_shapes, outputs, output_shapes):
    return grad_inputs[0] * (1 - no_grad(outputs[0]) ** 2)


registry["Tanh"] = _detached


def op_tanh(x):
    return F.tanh(x)
""",
}

# A function of Chainer's first kind, whose backward is in arrays.
OLD_STYLE = """
class _Old(chainer.Function):
    def forward(self, inputs):
        self.retain_outputs((0,))
        return (np.tanh(inputs[0]),)

    def backward(self, inputs, gradients):
        return (gradients[0] * (1 - self.output_data[0] ** 2),)


def op_tanh(x):
    return _Old()(x)
"""


def rows_of(framework: str, where: Path, wrong: str = "", without: str = "") -> list[Row]:
    """The rows of both orders in a copy of an adapter. without: a file of it that is taken away."""
    folder = copied(framework, where / "adapters")
    if wrong:
        append(folder, "operators", wrong)
    if without:
        (folder / without).unlink()
    there = adapters.find(framework)
    adapter = Adapter(framework, framework, folder, there.interpreter, there.found)
    (where / "twice.yaml").write_text(SPEC, encoding="utf-8")
    (network,) = load(where / "twice.yaml")
    problem = draw_problem(network, where / "problems" / "twice.float32.drawn", dtype="float32", values="drawn")
    directions.prepare(problem.folder)
    ((capture,),) = capture_all([problem], [adapter], where).values()
    return [row for row in judge(problem.folder, {framework: capture.folder}) if row.verdict != "measured"]


@pytest.mark.parametrize("framework", faults.FRAMEWORKS)
def test_a_second_derivative_that_was_cut_off_names_its_node(framework: str, tmp_path: Path) -> None:
    """First order conforms; of second order the gradient that tanh sends back is wrong, with its partner named."""
    rows = rows_of(framework, tmp_path, DETACHED[framework])
    assert {row.verdict for row in rows if row.check == "local"} == {"conforms"}
    wrong = {row.tensor: row.culprit for row in rows if row.verdict.wrong}
    assert wrong == {"grad2/h": "t m"}
    assert {row.check for row in rows if row.verdict.wrong} == {"second_order"}


@pytest.mark.parametrize("framework", faults.FRAMEWORKS)
def test_an_honest_framework_differentiates_twice(framework: str, tmp_path: Path) -> None:
    """The twin: nothing is wrong, and every tensor has a row with a number."""
    rows = [row for row in rows_of(framework, tmp_path) if row.check == "second_order"]
    assert {row.verdict for row in rows} == {"conforms"}
    assert {"tangent/t", "tangent/y", "grad2/h", "grad2/t", "grad2/x", "grad2/h.weight"} <= {r.tensor for r in rows}
    assert max(row.ratio for row in rows if row.ratio == row.ratio) > 0.05


def test_an_adapter_that_cannot_says_so(tmp_path: Path) -> None:
    """Its second order is unsupported with the reason, and its first order is judged."""
    rows = rows_of("chainer", tmp_path, without="second.py")
    (refused,) = [row for row in rows if row.check == "second_order"]
    assert refused.verdict == "unsupported"
    assert "has no second.py, which differentiates twice" in refused.reason
    assert {row.verdict for row in rows if row.check == "local"} == {"conforms"}


def test_a_function_whose_backward_is_in_arrays_is_no_crash(tmp_path: Path) -> None:
    """Its second order is unsupported in Chainer's own words, and its first order is judged."""
    rows = rows_of("chainer", tmp_path, OLD_STYLE)
    (refused,) = [row for row in rows if row.check == "second_order"]
    assert refused.verdict == "unsupported"
    assert 'cannot twice-differentiate an old style Function "_Old"' in refused.reason
    assert {row.verdict for row in rows if row.check == "local"} == {"conforms"}
