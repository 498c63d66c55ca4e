"""Frameworks with a custom backward that is off by little: the numerical check must see it, and only there."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters, together
from gradconform.capture.together import Capturing
from gradconform.contract import read_capture, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw.variants import Variant
from gradconform.judge import judge
from gradconform.numeric import probes
from gradconform.run import way
from gradconform.spec import load
from twin_adapter import append

pytestmark = pytest.mark.process

# Forward is the identity; backward multiplies by 1 + EPS.
SCALED = {
    "torch": """

class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, dy):
        return dy * (1 + EPS)

scaled = Scaled.apply
""",
    "chainer": """

import chainer

class Scaled(chainer.FunctionNode):
    def forward(self, inputs):
        return tuple(x.copy() for x in inputs)

    def backward(self, indexes, grads):
        return tuple(g * (1 + EPS) for g in grads)

def scaled(x):
    return Scaled().apply((x,))[0]
""",
    "nnabla": """

import nnabla as nn
from nnabla.function import PythonFunction

class Scaled(PythonFunction):
    @property
    def name(self):
        return "Scaled"

    def min_outputs(self):
        return 1

    def grad_depends_output_data(self, i, o):
        return False

    def grad_depends_input_data(self, i, j):
        return False

    def setup_impl(self, inputs, outputs):
        outputs[0].reset_shape(inputs[0].shape, True)

    def forward_impl(self, inputs, outputs):
        outputs[0].data.copy_from(inputs[0].data)

    def backward_impl(self, inputs, outputs, propagate_down, accum):
        if propagate_down[0]:
            dx = outputs[0].g * (1 + EPS)
            inputs[0].g = inputs[0].g + dx if accum[0] else dx

def scaled(x):
    return Scaled(nn.get_current_context())(x)
""",
}
FAULT = """
_honest_linear = op_linear

def op_linear(x, weight, bias):
    return _honest_linear(x, scaled(weight) if tuple(weight.shape) == (16, 8) else weight, bias)
"""
# NNabla does not compute in float64.
CASES = [(name, "float32") for name in adapters.names()] + [("torch", "float64"), ("chainer", "float64")]
SMALL = {"float32": 1e-3, "float64": 1e-8}


def captured(adapter, spec, dtype, where):
    """The folders of a problem and of its capture, numeric as well."""
    (network,) = load(paths.specs_folder() / "networks" / f"{spec}.yaml")
    variant, folder = Variant(network, dtype, "drawn"), Folder(where)
    with ThreadPoolExecutor(1) as workers:
        way.draw(folder, [variant], None, lambda *_: None, workers)
        way.probe(folder, [variant], None, lambda *_: None, workers)
    together.capture(folder, [variant], [adapter], Capturing(numeric=True), lambda *_: None)
    return folder.problem(variant.name), folder.capture(adapter.name, variant.name)


def numerical(adapter, dtype, where):
    """The numerical rows of mlp, by tensor."""
    problem, capture = captured(adapter, "mlp", dtype, where)
    rows = judge(problem, {adapter.name: capture})
    return {row.tensor: row for row in rows if row.check == "numeric"}


@pytest.mark.parametrize(("framework", "dtype"), CASES)
def test_an_honest_framework_conforms(framework, dtype, tmp_path):
    """Every leaf of mlp conforms: no bar is missed, and none is too wide to tell."""
    found = numerical(adapters.find(framework), dtype, tmp_path)
    assert len(found) == 7
    assert {row.verdict for row in found.values()} == {"conforms"}


@pytest.mark.parametrize(("framework", "dtype"), CASES)
def test_a_custom_backward_that_is_off_by_little_is_caught(framework, dtype, tmp_path):
    """The twin: one weight's gradient is off by 1e-3 in float32 or 1e-8 in float64, and its row alone diverges."""
    folder = tmp_path / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    append(folder, "operators", SCALED[framework].replace("EPS", repr(SMALL[dtype])) + FAULT)
    found = numerical(adapters.find(str(folder)), dtype, tmp_path / "run")
    assert {name for name, row in found.items() if row.verdict == "diverges"} == {"grad/layer2.weight"}
    assert {row.verdict for name, row in found.items() if name != "grad/layer2.weight"} == {"conforms"}


@pytest.mark.parametrize("framework", adapters.names())
def test_nothing_leaks_from_one_evaluation_into_the_next(framework, tmp_path):
    """Batch normalisation in training, hundreds of points: whenever x itself comes by, f is what the capture has."""
    place, folder = captured(adapters.find(framework), "residual_train", "float32", tmp_path)
    problem = read_problem(place)
    capture, forward = read_capture(folder, problem), read_capture(folder / "numeric", problem)
    found = probes.read(place / "numeric", problem).values(forward.tensors[probes.VALUES])
    at_x = {f[d.steps.index(0.0)] for d, f in found if 0.0 in d.steps}
    output = capture.tensors[f"output/{problem.output}"].astype(float)
    assert len(at_x) == 1
    assert at_x.pop() == pytest.approx(np.sum(problem.cotangent.astype(float) * output), rel=1e-12)
