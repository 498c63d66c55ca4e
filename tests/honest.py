"""Problems and captures without any framework: the reference in the dtype under test, and one fault where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gradconform.contract import Problem, digest
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.reference import OPERATORS
from gradconform.reference.network import contributions, slots
from gradconform.rows import Row
from gradconform.spec import load
from safetensors.numpy import load_file, save_file

Array = np.ndarray[Any, Any]
Fault = Callable[[Array], Array]

# Every kind of tensor: an input with and one without gradient, a shared parameter, a tensor with three readers.
SMALL = """
about: A small network for the judge.
values: [drawn, exact]
exact_output: y
inputs:
  x: {shape: [5, 3], grad: true}
  fixed: {shape: [5, 4]}
nodes:
  h: {op: linear, x: x, out_features: 4}
  r: {op: relu, x: h}
  p: {op: linear, x: h, out_features: 4}
  q: {op: linear, x: r, weight: p.weight, bias: false, out_features: 4}
  s: {op: add, x: q, y: h}
  y: {op: add, x: s, y: p}
  z: {op: sub, x: y, y: fixed}
  loss: {op: tanh, x: z}
"""


def problem_of(
    folder: Path, text: str = SMALL, *, name: str = "net", dtype: str = "float32", values: str = "drawn"
) -> Problem:
    """The problem of a network that is written out in a test."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / f"{name}.yaml"
    spec.write_text(text, encoding="utf-8")
    (network,) = load(spec)
    return draw_problem(network, folder / f"{name}.{dtype}.{values}", dtype=dtype, values=values)


def computed(problem: Problem, faults: Mapping[str, Fault] | None = None) -> dict[str, Array]:
    """What an honest framework gives. faults: tensor -> what goes wrong with it, for all who read it afterwards too."""
    dtype = np.dtype(problem.dtype)
    found: dict[str, Array] = {}

    def keep(name: str, value: Any) -> Array:
        array = np.asarray(value).astype(dtype)
        found[name] = (faults or {}).get(name, lambda a: a)(array)
        return found[name]

    def wide(array: Array) -> Array:
        return array.astype(float) if array.dtype.kind == "f" else array

    values = {name: problem.value(name) for name in problem.graph.leaves}
    with np.errstate(all="ignore"):
        for node in problem.nodes:
            results = OPERATORS[node.op].run_forward(slots(node, lambda n: wide(values[n])), node.attributes)
            for output, result in zip(node.outputs, results, strict=True):
                values[output.name] = keep(f"output/{output.name}", result)
        sums: dict[str, Any] = {}
        for node in reversed(problem.nodes):
            arrived = {output.name for output in node.results} & {problem.output, *sums}
            if not arrived or not problem.differentiable.issuperset(arrived - {problem.output}):
                continue
            dys = []
            for output in node.results:
                if output.name == problem.output:
                    dys.append(wide(problem.cotangent))
                elif output.name in sums:
                    dys.append(wide(keep(f"grad/{output.name}", sums[output.name])))
                else:
                    dys.append(np.zeros(output.shape))
            operator, seen = OPERATORS[node.op], slots(node, lambda n: wide(values[n]))
            gradients = operator.run_vjp(operator.dy_of(dys), seen, node.attributes)
            for name, part in contributions(node, gradients):
                sums[name] = sums[name] + part if name in sums else part
        for name in problem.graph.wanted:
            if name in sums:
                keep(f"grad/{name}", sums[name])
    return found


def write_capture(
    problem: Problem, folder: Path, tensors: Mapping[str, Array] | None = None, /, **changes: Any
) -> Path:
    """A capture folder. Gradients that are not among the tensors are missing: off the path to the output."""
    tensors = computed(problem) if tensors is None else tensors
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "capture.safetensors"
    save_file({name: np.asarray(a, order="C") for name, a in tensors.items()}, str(file))
    asked = [name for name in problem.graph.makers if name != problem.output]
    asked += problem.graph.wanted
    document = {
        "format": 1,
        "status": "ok",
        "reason": None,
        "framework": "honest",
        "version": "1.0",
        "python": "3.11.7",
        "numpy": "2.0.0",
        "platform": "any",
        "route": "only",
        "dtype": problem.dtype,
        "device": "cpu",
        "threads": 1,
        "problem": problem.digest,
        "digest": digest(file),
        "missing": {f"grad/{name}": "not_on_path" for name in asked if f"grad/{name}" not in tensors},
        "seconds": {},
    }
    (folder / "capture.json").write_text(json.dumps({**document, **changes}), encoding="utf-8")
    return folder


def captured(folder: Path) -> dict[str, Array]:
    """The tensors of a capture folder."""
    return dict(load_file(str(folder / "capture.safetensors")))


def rows_of(problem: Problem, folder: Path, tensors: Mapping[str, Array], /, **changes: Any) -> list[Row]:
    """The rows of one capture, those that judge."""
    rows = judge(problem.folder, {"honest": write_capture(problem, folder, tensors, **changes)})
    return [row for row in rows if row.verdict != "measured"]


def blamed(rows: list[Row]) -> dict[str, tuple[str, str, str]]:
    """Tensor -> (verdict, reason, culprit) of every row that does not conform."""
    return {r.tensor: (str(r.verdict), str(r.reason), r.culprit) for r in rows if r.verdict != "conforms"}
