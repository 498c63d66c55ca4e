"""The line that an adapter says would give a gradient: without it there is none, and with it there is the right one."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from constants import constants
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import read_capture
from honest import problem_of

pytestmark = pytest.mark.process

FRAMEWORKS = tuple(adapters.names())
Key = tuple[str, str]

# A user's program for each reason and kind of tensor: y = exp(h) and h = tanh(x), of which `got` is the gradient asked
# for. LINE is where the remedy goes; after `LINE or` stands what is there without it.
TORCH = {
    (
        "not_requested",
        "leaf",
    ): "x = half()\nLINE\ny = exp(tanh(x))\nif y.requires_grad: y.sum().backward()\ngot = x.grad",
    (
        "not_requested",
        "between",
    ): "h = tanh(half())\nLINE\ny = exp(h)\nif y.requires_grad: y.sum().backward()\ngot = h.grad",
    ("not_on_path", "leaf"): "x, w = leaf(), leaf()\ny = exp(w)\nfound = LINE or [x.grad]\ngot = found[0]",
    ("not_on_path", "between"): "h, w = tanh(leaf()), leaf()\ny = exp(w)\nfound = LINE or [None]\ngot = found[0]",
    ("graph_cut", "leaf"): "x, w = half(), leaf()\nLINE\ny = exp(tanh(x)) + 0 * w\ny.sum().backward()\ngot = x.grad",
    ("graph_cut", "between"): """x, w = leaf(), leaf()
with torch.no_grad():
    LINE or h = tanh(x)
y = exp(h) + 0 * w
y.sum().backward()
got = x.grad""",
    ("not_retained", "leaf"): "x = leaf()\ny = exp(tanh(x))\nLINE\ngot = x.grad",
    ("not_retained", "between"): "h = tanh(leaf())\nLINE\ny = exp(h)\ny.sum().backward()\ngot = h.grad",
    ("not_differentiable", "leaf"): """class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.tanh()
        return ctx.y
    @staticmethod
    def backward(ctx, dy):
        derivative = 1 - ctx.y**2
        LINE or return None
x = leaf()
y = exp(Tanh.apply(x))
y.sum().backward()
got = x.grad""",
    ("not_differentiable", "between"): """class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y
    @staticmethod
    def backward(ctx, dy):
        derivative = ctx.y
        LINE or return None
h = tanh(leaf())
h.retain_grad()
y = Exp.apply(h)
y.sum().backward()
got = h.grad""",
}
FUNCTION = """class Opaque(chainer.FunctionNode):
    def forward(self, inputs):
        self.y = np.{name}(inputs[0])
        return self.y,
    def backward(self, indexes, dys):
        dy, derivative = dys[0], {derivative}
        LINE or return None,
"""
CHAINER = {
    ("not_requested", "leaf"): "x = fixed()\nLINE\ny = exp(tanh(x))\nback(y)\ngot = x.grad",
    ("not_requested", "between"): "h = tanh(fixed())\nLINE\ny = exp(h)\nback(y)\ngot = h.grad",
    ("not_on_path", "leaf"): "x, w = leaf(), leaf()\ny = exp(w)\nback(y)\nLINE\ngot = x.grad",
    ("not_on_path", "between"): "h, w = tanh(leaf()), leaf()\ny = exp(w)\nback(y)\nLINE\ngot = h.grad",
    ("graph_cut", "leaf"): "x, w = fixed(), leaf()\nLINE\ny = exp(tanh(x)) + 0 * w\nback(y)\ngot = x.grad",
    ("graph_cut", "between"): """x, w = leaf(), leaf()
with chainer.no_backprop_mode():
    LINE or h = tanh(x)
y = exp(h) + 0 * w
back(y)
got = x.grad""",
    ("not_retained", "leaf"): "x = leaf()\ny = exp(tanh(x))\nseed(y)\nLINE\ngot = x.grad",
    ("not_retained", "between"): "h = tanh(leaf())\ny = exp(h)\nseed(y)\nLINE or y.backward()\ngot = h.grad",
    ("not_differentiable", "leaf"): FUNCTION.format(name="tanh", derivative="1 - self.y**2")
    + "x = leaf()\ny = exp(Opaque().apply((x,))[0])\n"
    "back(y)\ngot = x.grad",
    ("not_differentiable", "between"): FUNCTION.format(name="exp", derivative="self.y")
    + "h = tanh(leaf())\ny = Opaque().apply((h,))[0]\nseed(y)\n"
    "y.backward(retain_grad=True)\ngot = h.grad",
    (
        "uninitialised",
        "leaf",
    ): "x, w = chainer.Parameter(half(), (3,)), leaf()\ny = exp(w)\nback(y)\nLINE\ngot = x.grad",
    ("uninitialised", "between"): """x, w = chainer.Parameter(half(), (3,)), leaf()
with chainer.no_backprop_mode():
    LINE or h = tanh(x)
y = exp(h) + 0 * w
if h.creator is not None: x.cleargrad()
back(y)
got = x.grad""",
}
REUSED = "h = tanh(leaf())\nLINE\ny = 2 * exp(h) * 0.5\nback(y, clear_buffer=True)\ngot = read(h)"
NNABLA = {
    ("not_requested", "leaf"): "x = fixed()\nmark(x)\nLINE\ny = exp(tanh(x))\nback(y)\ngot = added(x)",
    ("not_requested", "between"): "h = tanh(fixed())\nmark(h)\nLINE\ny = exp(h)\nback(y)\ngot = read(h)",
    ("not_on_path", "leaf"): "x, w = leaf(), leaf()\nmark(x)\ny = exp(w)\nLINE\nback(y)\ngot = read(x)",
    ("not_on_path", "between"): "h, w = tanh(leaf()), leaf()\nmark(h)\ny = exp(w)\nLINE\nback(y)\ngot = read(h)",
    ("graph_cut", "leaf"): "x, w = fixed(), leaf()\nmark(x)\nLINE\ny = exp(tanh(x)) + 0 * w\nback(y)\ngot = added(x)",
    ("graph_cut", "between"): """x, w = leaf(), leaf()
mark(x)
LINE or h = tanh(x.get_unlinked_variable(need_grad=False))
y = exp(h) + 0 * w
back(y)
got = added(x)""",
    ("not_retained", "between"): REUSED,
    ("buffer_reused", "between"): REUSED,
}
PROGRAMS = {"torch": TORCH, "chainer": CHAINER, "nnabla": NNABLA}
HEADS = {
    "torch": """import torch
from torch import tanh, exp
def half(): return torch.full((3,), 0.5)
def leaf(): return half().requires_grad_()
def number(got): return None if got is None else float(got[0])
""",
    "chainer": """import chainer, numpy as np
from chainer.functions import tanh, exp
def half(): return np.full(3, 0.5, "f")
def leaf(): return chainer.Variable(half())
def fixed(): return chainer.Variable(half(), requires_grad=False)
def seed(y): y.grad = np.ones(3, "f")
def back(y):
    seed(y)
    y.backward()
def number(got):
    got = getattr(got, "array", got)
    return None if got is None or np.isnan(got).any() else float(got[0])
""",
    # A gradient is there where the buffer holds no longer what was written into it. Backward adds to that of a leaf.
    "nnabla": """import nnabla as nn, numpy as np
from nnabla.functions import tanh, exp
def fixed(): return nn.Variable.from_numpy_array(np.full(3, 0.5, "f"))
def leaf():
    x = fixed()
    x.need_grad = True
    x.grad.zero()
    return x
def mark(x): x.g = 77
def back(y, clear_buffer=False):
    y.forward(clear_no_need_grad=clear_buffer)
    y.backward(1, clear_buffer=clear_buffer)
def read(x): return None if x.grad.clear_called or x.g[0] == 77 else x.g
def added(x): return None if x.g[0] == 77 else x.g - 77
def number(got): return None if got is None else float(got[0])
""",
}
NAMES = {"leaf": {"name": "x", "leaf": "x"}, "between": {"name": "h", "leaf": "x"}}
SLOPE_H = np.exp(np.tanh(0.5))
SLOPE_X = SLOPE_H * (1 - np.tanh(0.5) ** 2)


@functools.cache
def mapping(framework: str, name: str) -> dict[Key, str]:
    """REMEDIES or LINES, read without importing the framework."""
    path = paths.adapters_folder() / framework / "reasons.py"
    return constants(path)[name]


def line_of(framework: str, key: Key) -> str:
    """A remedy in the names of the programs."""
    return mapping(framework, "REMEDIES")[key].format(output="y", at="h = tanh(x)", **NAMES[key[1]])


def program(text: str, line: str | None) -> str:
    """A program with the remedy, or, with None, as it was before."""
    lines = []
    for each in text.splitlines():
        before, mark, instead = each.partition("LINE")
        if mark:
            instead = instead.removeprefix(" or ") or "pass"
            each = before + (instead if line is None else line)
        lines.append("    " + each)
    return "\n".join(lines)


@functools.cache
def found(framework: str) -> dict[str, list[float | None]]:
    """Reason and kind -> an element of the gradient without the remedy, and with it; all in one process."""
    text = HEADS[framework] + "import json\nfound = {}\n"
    for place, (key, body) in enumerate(PROGRAMS[framework].items()):
        for way, line in (("a", None), ("b", line_of(framework, key))):
            text += f"def {way}{place}():\n{program(body, line)}\n    return number(got)\n"
        text += f"found[{' '.join(key)!r}] = [a{place}(), b{place}()]\n"
    python = str(adapters.find(framework).interpreter)
    command = [python, "-I", "-c", text + "print('\\n' + json.dumps(found))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize(("framework", "reason", "kind"), [(f, *key) for f in FRAMEWORKS for key in PROGRAMS[f]])
def test_the_line_gives_the_gradient(framework: str, reason: str, kind: str) -> None:
    """None without it; with it the derivative of exp(tanh(x)) at 0.5 that was worked out by hand, or zero."""
    without, given = found(framework)[f"{reason} {kind}"]
    of_node = kind == "between" and "cut" not in reason and reason != "uninitialised"
    zero = reason == "not_on_path" or (reason, kind) == ("uninitialised", "leaf")
    expected = 0.0 if zero else SLOPE_H if of_node else SLOPE_X
    assert without is None or (reason == "buffer_reused" and abs(without - expected) > 0.01)
    assert given == pytest.approx(expected, rel=1e-5)


MLP = (paths.specs_folder() / "networks" / "mlp.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_route_has_a_line_for_what_it_gives(framework: str, tmp_path: Path) -> None:
    """For leaves and for what lies between, if any of them is captured, and only then; with calls of its code."""
    problem = problem_of(tmp_path, MLP, name="mlp")
    adapter = adapters.find(framework)
    lines, given = mapping(framework, "LINES"), set()
    # Compiling takes half a minute; tests/routes/test_torch_routes.py has what it gives.
    for route in sorted(set(adapters.describe(adapter)["routes"]) - {"compile"}):
        running.capture(
            adapter,
            [running.Task(problem.folder, tmp_path / route, problem.digest)],
            job_folder=tmp_path / "jobs",
            route=route,
        )
        capture = read_capture(tmp_path / route, problem)
        gradients = {name.removeprefix("grad/") for name in capture.tensors if name.startswith("grad/")}
        given |= {(route, "leaf" if name in problem.graph.leaves else "between") for name in gradients}
        assert dict(capture.lines) == {kind: line for (of, kind), line in lines.items() if of == route}
    assert given == {key for key in lines if key[0] != "compile"}
    source = "".join(path.read_text(encoding="utf-8") for path in adapter.folder.glob("*.py") if path.stem != "reasons")
    calls = {call for line in lines.values() for call in re.findall(r"\.(\w+)\(", line)}
    assert calls
    assert [call for call in sorted(calls) if not re.search(rf"\b{call}\(", source)] == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_remedy_has_a_program(framework: str) -> None:
    """So that none is written down that was never tried."""
    assert mapping(framework, "REMEDIES").keys() == PROGRAMS[framework].keys()
