"""From a network to a problem: every tensor made concrete, and written once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import FORMAT, Claim, ContractError, Problem, Tensors, write_problem
from gradconform.draw.exact import exact_numbers
from gradconform.draws import COTANGENT, draw
from gradconform.dtypes import Dtype, held
from gradconform.graph import Leaf, Output
from gradconform.spec.model import Network

Array = NDArray[Any]


def draw_problem(network: Network, folder: Path, *, dtype: str, values: str, seed: int | None = None) -> Problem:
    """Draw a problem of this network and write it to `folder`.

    values: `drawn` or `exact`.
    seed: by default the spec's own.
    Raises NoExactProblemError where `values` is `exact` and no draw can be proved exact, ContractError where a file of
    weights does not fit, OSError.
    """
    seed = network.seed if seed is None else seed
    if values == "exact":
        network, numbers, cotangent = exact_numbers(network, dtype, seed)
        tensors = _named(network, numbers, cotangent)
    else:
        tensors = drawn_numbers(network, dtype, seed)
    return write_problem(folder, document(network, dtype, values, seed), network.graph(dtype), tensors)


def drawn_numbers(network: Network, dtype: str, seed: int) -> dict[str, Array]:
    """Every number of a drawn problem: `value/<leaf>` and `cotangent/<output>`.

    Raises ContractError where a file of weights does not fit.
    """
    numbers = {t.name: draw(t.draw, seed, t.name, t.leaf(dtype).dtype) for t in network.tensors}
    numbers |= _loaded(network, dtype)
    return _named(network, numbers, draw(network.cotangent, seed, COTANGENT, dtype))


def _named(network: Network, numbers: Mapping[str, Array], cotangent: Array) -> dict[str, Array]:
    return {**{f"value/{name}": array for name, array in numbers.items()}, f"cotangent/{network.output}": cotangent}


def document(network: Network, dtype: str, values: str, seed: int) -> dict[str, Any]:
    """The content of `problem.json`, without its digest."""
    leaves: dict[str, list[dict[str, Any]]] = {"input": [], "parameter": [], "buffer": []}
    for leaf in network.graph(dtype).leaves.values():
        leaves[leaf.role].append(_leaf(leaf))
    nodes = [
        {
            "name": n.name,
            "op": n.op,
            "tensors": [[slot, list(r) if isinstance(r, tuple) else r] for slot, r in n.tensors.items()],
            "attributes": dict(n.attributes),
            "outputs": [_output(o, first=o is n.outputs[0]) for o in n.outputs],
        }
        for n in network.nodes
    ]
    return {
        "format": FORMAT,
        "spec": network.name,
        "source": network.path.name,
        "about": network.about,
        "dtype": dtype,
        "values": values,
        "seed": seed,
        "inputs": leaves["input"],
        "parameters": leaves["parameter"],
        "buffers": leaves["buffer"],
        "nodes": nodes,
        "output": network.output,
        **({"script": list(network.script), "asks": list(network.asks)} if network.script else {}),
        **({"claims": _claimed(network)} if network.claims and values == "drawn" else {}),
    }


def _output(output: Output, *, first: bool) -> dict[str, Any]:
    """An output as `problem.json` has it; that the first is a result needs no word."""
    further = {"result": True} if output.result and not first else {}
    return {"name": output.name, "shape": list(output.shape), **further}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    return {"name": leaf.name, "shape": list(leaf.shape), "dtype": leaf.dtype, "grad": leaf.grad}


def _claimed(network: Network) -> list[dict[str, Any]]:
    """The claims about the numbers that the spec gives; none of the exact variant, which draws others."""
    return [{key: getattr(claim, key) for key in Claim.model_fields} for claim in network.claims]


def _loaded(network: Network, dtype: str) -> dict[str, Array]:
    """Leaf -> its numbers from the spec's file of weights; empty where it names none. Raises ContractError."""
    if network.weights is None:
        return {}
    file = Tensors(network.weights)
    expected = {t.name: t.shape for t in network.parameters + network.buffers}
    unknown = sorted(set(file) - set(expected))
    if unknown:
        raise ContractError(f"{network.weights}: holds {unknown[0]!r}; {network.name} has no parameter of that name")
    loaded = {}
    for name in file:
        numbers = file[name]
        if numbers.shape != expected[name]:
            raise ContractError(
                f"{network.weights}: {name} has shape {list(numbers.shape)}; expected {list(expected[name])}"
            )
        loaded[name] = np.asarray(held(numbers, Dtype.of(dtype)))
    return loaded
