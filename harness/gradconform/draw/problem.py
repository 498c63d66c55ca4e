"""From a network to a problem: every tensor made concrete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import FORMAT, Claim, ContractError, Problem, Tensors, read_problem, write_problem
from gradconform.draws import Draw, draw, stream
from gradconform.reference.network import backward, forward
from gradconform.reference.tracked.exactness import Exact, NotExact
from gradconform.reference.tracked.unit import Unit
from gradconform.spec.model import Network, Tensor

Array = NDArray[Any]

# How many terms a sum of products may keep, and the largest integer drawn: tried in turn until no sum can round.
EXACT_LADDER = ((None, 3), (16, 2), (4, 2), (4, 1), (2, 1))
# With more weights than DEEP one after the other the first rungs fail, and on a large network each costs many seconds.
DEEP, DEEP_RUNG = 10, 3
# The stream of the cotangent; no tensor can have this name.
COTANGENT = "cotangent/"


class NoExactProblem(ContractError):
    """The network rounds however small the numbers are; the message says at which step."""


def variants(network: Network, dtype: str | None = None) -> Iterator[tuple[str, str]]:
    """The (dtype, values) pairs that the spec asks for, or those of one dtype."""
    for d in network.dtypes if dtype is None else (dtype,):
        for values in network.values:
            yield d, values


def write(network: Network, folder: Path, *, dtype: str, values: str, seed: int | None = None) -> Problem:
    """Draw a problem of this network and write it to `folder`.

    Raises NoExactProblem where `values` is `exact` and no draw of the ladder can be proved exact, ContractError where a
    file of weights does not fit.
    """
    seed = network.seed if seed is None else seed
    if values == "exact":
        return _write_exact(network, folder, dtype, seed)
    tensors = {f"value/{t.name}": draw(t.draw, seed, t.name, _dtype_of(t, dtype)) for t in network.tensors}
    if network.weights is not None:
        tensors.update(_loaded(network, dtype))
    tensors[f"cotangent/{network.output}"] = draw(network.cotangent, seed, COTANGENT, dtype)
    write_problem(folder, document(network, dtype, values, seed), tensors)
    return read_problem(folder)


def document(network: Network, dtype: str, values: str, seed: int) -> dict[str, Any]:
    """What goes into `problem.json`."""

    def listed(tensors: tuple[Tensor, ...]) -> list[dict[str, Any]]:
        return [
            {"name": t.name, "shape": list(t.shape), "dtype": _dtype_of(t, dtype), "grad": t.grad} for t in tensors
        ]

    nodes = [
        {
            "name": n.name,
            "op": n.op,
            "tensors": [[slot, list(r) if isinstance(r, tuple) else r] for slot, r in n.tensors.items()],
            "attributes": dict(n.attributes),
            "outputs": [{"name": o.name, "shape": list(o.shape)} for o in n.outputs],
        }
        for n in network.nodes
    ]
    return {
        "format": FORMAT, "spec": network.name, "source": network.path.name, "about": network.about,
        "dtype": dtype, "values": values, "seed": seed,
        "inputs": listed(network.inputs), "parameters": listed(network.parameters),
        "buffers": listed(network.buffers), "nodes": nodes, "output": network.output,
        **({"script": list(network.script), "asks": list(network.asks)} if network.script else {}),
        **({"claims": _claimed(network)} if network.claims and values == "drawn" else {}),
    }  # fmt: skip


def _claimed(network: Network) -> list[dict[str, Any]]:
    """What is claimed of the numbers that the spec gives; the exact variant draws others."""
    return [{key: getattr(claim, key) for key in Claim.model_fields} for claim in network.claims]


def _dtype_of(tensor: Tensor, dtype: str) -> str:
    return "int64" if tensor.kind == "int64" else dtype


def _loaded(network: Network, dtype: str) -> dict[str, Array]:
    assert network.weights is not None
    file = Tensors(network.weights)
    expected = {t.name: t.shape for t in network.parameters + network.buffers}
    unknown = sorted(set(file) - set(expected))
    if unknown:
        raise ContractError(f"{network.weights}: holds {unknown[0]!r}; {network.name} has no parameter of that name")
    loaded = {}
    for name in file:
        if file[name].shape != expected[name]:
            raise ContractError(
                f"{network.weights}: {name} has shape {list(file[name].shape)}; expected {list(expected[name])}"
            )
        loaded[f"value/{name}"] = file[name].astype(dtype)
    return loaded


def ancestors(network: Network, output: str) -> Network:
    """The part of a network that one node needs, with that node as the output."""
    needed = {output}
    for node in reversed(network.nodes):
        if node.name in needed:
            needed.update(node.reads)
    shape = network.node(output).outputs[0].shape
    return replace(
        network,
        inputs=tuple(t for t in network.inputs if t.name in needed),
        parameters=tuple(t for t in network.parameters if t.name in needed),
        buffers=tuple(t for t in network.buffers if t.name in needed),
        nodes=tuple(n for n in network.nodes if n.name in needed),
        output=output,
        cotangent=replace(network.cotangent, shape=shape),
    )


def _write_exact(network: Network, folder: Path, dtype: str, seed: int) -> Problem:
    """Small integers times powers of two, few enough that a proof finds no sum that could round."""
    part = ancestors(network, network.exact_output or network.output)
    unit = Unit.of(dtype)
    ladder = EXACT_LADDER[DEEP_RUNG:] if sum(t.draw.fan_in is not None for t in part.tensors) > DEEP else EXACT_LADDER
    for rung, (terms, largest) in enumerate(ladder):
        tensors = {f"value/{t.name}": _small(t, seed, dtype, terms, largest) for t in part.tensors}
        tensors[f"cotangent/{part.output}"] = (
            draw(part.cotangent, seed, COTANGENT, dtype)
            if part.cotangent.kind == "literal" and part.output == network.output
            else _small_integers(part.cotangent, seed, COTANGENT, None, largest, dtype)
        )
        write_problem(folder, document(part, dtype, "exact", seed), tensors)
        problem = read_problem(folder)
        try:
            prove_exact(problem, unit)
            return problem
        except NotExact as error:
            if rung == len(ladder) - 1:
                (folder / "problem.json").unlink()
                where = f"{network.path}: values: exact"
                raise NoExactProblem(f"{where}: {error}; name an exact_output before it") from error
    raise AssertionError("the ladder has a last rung")


def prove_exact(problem: Problem, unit: Unit) -> None:
    """Raise NotExact, naming the node, where any sum of the forward or backward pass could round in `unit`."""

    def exact(array: Array) -> Any:
        return Exact(array, unit=unit) if array.dtype.kind == "f" else array

    given = {name: exact(problem.value(name)) for name in problem.given}
    outputs = forward(problem, given)
    backward(problem, {**given, **outputs}, exact(problem.cotangent))


def _small(tensor: Tensor, seed: int, dtype: str, terms: int | None, largest: int) -> Array:
    if tensor.kind == "int64" or tensor.draw.kind == "literal":
        return draw(tensor.draw, seed, tensor.name, _dtype_of(tensor, dtype))
    return _small_integers(tensor.draw, seed, tensor.name, terms, largest, dtype)


def _small_integers(
    what: Draw, seed: int, name: str, terms: int | None, largest: int, dtype: str
) -> Array:
    rng = stream(seed, "exact " + name)
    values = rng.integers(1, largest + 1, size=what.shape) * rng.choice([-1, 1], size=what.shape)
    if what.fan_in is not None and terms is not None:
        kept = rng.random(size=what.shape) < terms / what.fan_in
        # A weight of nothing but zeros would tell nothing.
        kept.flat[rng.integers(kept.size)] = True
        values *= kept
    # Halves, not whole numbers: an exponent that is never used could hide a wrong scale.
    return np.asarray(values * (0.5 if largest > 1 else 1.0), dtype=dtype)
