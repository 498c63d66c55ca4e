"""What is asked of a capture of second order: the directions along which first gradients are weighed.

Beside a problem lies `second_order/directions.safetensors`, an array for each leaf that a gradient is asked of. Below a
capture lies `second_order/`, a capture of the same problem that holds besides, for every node on the way to the output,
`tangent/<name>`, and `grad2/<name>` for every tensor that it holds a gradient of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from gradconform.contract.files import Array, ContractError, Tensors
from gradconform.contract.problem import Problem
from gradconform.graph import Address, Graph

FOLDER = "second_order"
_FILE = "directions.safetensors"


def write(folder: Path, directions: Mapping[str, Array]) -> None:
    """Write directions, by leaf, into a folder of their own beside a problem."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.asarray(array, order="C") for name, array in directions.items()}, str(folder / _FILE))


def read(folder: Path, problem: Problem) -> Mapping[str, Array]:
    """The directions of a problem, by leaf. Raises ContractError where they are not there or not of this problem."""
    found = Tensors(folder / _FILE)
    for name in problem.graph.wanted:
        shape = problem.graph.shape(name)
        came = found.form(name)[1] if name in found else None
        if came != shape:
            raise ContractError(f"{found.path}: {name} has shape {came}; expected {shape}; draw the problem again")
    return found


def addresses(graph: Graph) -> Iterator[Address]:
    """The address of every tensor of second order: tangents in the order of computation, then second gradients."""
    there = graph.on_path & graph.differentiable
    for node in graph.nodes:
        for output in node.results:
            if output.name in there:
                yield Address(f"tangent/{output.name}", node.name, "tangent", output.shape)
    for address in graph.addresses():
        part, _, name = address.tensor.partition("/")
        if part == "grad" and name in there:
            yield Address(f"grad2/{name}", address.node, "grad2", address.shape)
