"""Adapters that need nothing but NumPy, and fail in every way there is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from gradconform.capture import adapters

ADAPTER = """
import os, signal, sys, time
import numpy as np
VERSION = "1.0"
DTYPES = {"float32": None, "float64": None}
def set_threads(n):
    return 1
def op_relu(x):
    return np.maximum(x, 0)
def op_square(x):
    return x * x
"""
NETWORK = """
def build(problem, tensors, nodes):
    return lambda: nodes(tensors)
"""
# Only for a network of one node: its gradient is right where the node is relu.
ROUTES = """
from .adapter import *
def only(network, problem, tensors):
    values = network()
    (node,) = problem["nodes"]
    dy = tensors["cotangent/" + node["name"]]
    x = tensors[node["tensors"][0][1]]
    factor = (x > 0).astype(x.dtype) if node["op"] == "relu" else 2 * x
    return {"output/" + node["name"]: values[node["name"]], "grad/x": dy * factor}, {}
PRIMARY = "only"
ROUTES = {"only": only}
"""
SPEC = "about: One node.\ndtypes: [float32]\ninputs: {x: {shape: [3, 2], grad: true}}\nnodes: {y: {op: relu}}\n"


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, *, name: str = "fake", top: str = "", op: str = "") -> Path:
    """An adapter's folder, run by this interpreter. top: runs at import; op: runs in relu, with x at hand."""
    place = folder / name
    place.mkdir(parents=True)
    body = "def op_relu(x):\n" + "".join(f"    {line}\n" for line in op.splitlines())
    text = ADAPTER.replace("def op_relu(x):\n", body) + "\n" + top
    for file, content in (("adapter.py", text), ("network.py", NETWORK), ("routes.py", ROUTES)):
        (place / file).write_text(content)
    monkeypatch.setenv(adapters.variable(name), sys.executable)
    return place


def specs(folder: Path, *names: str) -> list[Path]:
    """Specs of one node each."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.yaml" for name in names]
    for path in paths:
        path.write_text(SPEC)
    return paths
