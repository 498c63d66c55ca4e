"""The forward alone, at the points of a numerical derivative (docs/numeric.md).

Every point is a problem in which some tensors are moved along a direction by a step. What is kept of each is one
number: the sum of cotangent times output, taken in float64.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

import numpy as np

Arrays = Dict[str, "np.ndarray[Any, Any]"]


def run(
    modules: Any,
    problem: Mapping[str, Any],
    tensors: Arrays,
    nodes: Any,
    probes: str,
    read_arrays: Callable[[Path], Arrays],
) -> Arrays:
    """Evaluate a problem's forward at every point of its probes.

    probes: the folder with probes.json and probes.safetensors.
    read_arrays: the worker's reader (arrays.py).
    ``tensors`` are moved in place and moved back.

    Returns a number for each step of each direction, in their order, as ``numeric/f``, and as ``numeric/probes`` the
    digest of what was asked, so that no answer is held against other questions.
    """
    if not hasattr(modules.network, "evaluate"):
        raise NotImplementedError("this adapter's network.py has no `evaluate`, the forward alone")
    folder = Path(probes)
    text = (folder / "probes.json").read_bytes()
    directions = json.loads(text.decode("utf-8"))["directions"]
    stored = read_arrays(folder / "probes.safetensors")
    cotangent = tensors["cotangent/" + problem["output"]].astype(np.float64)
    network = modules.network.build(problem, tensors, nodes)
    found = []
    for direction in directions:
        start = {name: tensors[name].copy() for name in direction["scale"]}
        for step in direction["steps"]:
            for name, scale in direction["scale"].items():
                move(tensors[name], start[name], direction, stored, name, scale * step)
            output = modules.network.evaluate(network, problem, tensors)
            found.append(np.sum(cotangent * np.asarray(output, np.float64)))
        for name, array in start.items():
            tensors[name][...] = array
    digest = np.frombuffer(hashlib.sha256(text).digest(), np.uint8)
    return {"numeric/f": np.array(found, np.float64), "numeric/probes": digest}


def move(
    array: np.ndarray[Any, Any],
    start: np.ndarray[Any, Any],
    direction: Mapping[str, Any],
    stored: Arrays,
    name: str,
    step: float,
) -> None:
    """Set ``array`` to start + step v, rounded once to its dtype; v is exact in it, and the step a power of two."""
    exact = array.dtype.type(step)
    if direction["element"] is not None:
        array[...] = start
        array.reshape(-1)[direction["element"]] += exact
    else:
        np.multiply(stored[direction["vector"] + name], exact, out=array, dtype=array.dtype)
        np.add(array, start, out=array)
