"""Numbers so small that a proof finds no sum that could round: then every framework must agree to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import ContractError
from gradconform.draws import COTANGENT, Draw, draw, stream
from gradconform.dtypes import Dtype, is_float
from gradconform.graph import Graph
from gradconform.reference.network import backward, forward
from gradconform.reference.tracked.exactness import Exact, InexactError
from gradconform.spec.model import Network, Tensor

Array = NDArray[Any]
Rung = tuple[int | None, int, float]

# How many terms a sum of products may keep, the largest integer drawn, and which part of the elements of what is no
# weight is not zero: tried in turn until no sum can round. A significand of 8 bits, bfloat16's, needs the last ones.
LADDER = ((None, 3, 1), (16, 2, 1), (4, 2, 1), (4, 1, 1), (2, 1, 1), (2, 1, 0.5), (1, 1, 0.25), (1, 1, 0.1))
# With more weights than DEEP one after the other the first rungs fail, and on a large network each proof takes seconds.
DEEP, DEEP_RUNG = 10, 3


class NoExactProblemError(ContractError):
    """No exact problem can be drawn: the network rounds however small its numbers are. The message says where."""


def exact_numbers(network: Network, dtype: str, seed: int) -> tuple[Network, dict[str, Array], Array]:
    """The part of a network that can be exact, the numbers of its leaves by name, and its cotangent.

    They are small integers times powers of two, few enough that no sum of the forward or backward pass can round in the
    dtype, which is proved before they are given. Raises NoExactProblemError.
    """
    part = part_up_to(network, network.exact_output or network.output)
    graph, unit = part.graph(dtype), Dtype.of(dtype)
    deep = sum(tensor.draw.fan_in is not None for tensor in part.tensors) > DEEP
    refused = InexactError("nothing was tried")
    for rung in LADDER[DEEP_RUNG:] if deep else LADDER:
        numbers = {tensor.name: _small(tensor, seed, dtype, rung) for tensor in part.tensors}
        cotangent = _cotangent(part, network, seed, dtype, rung)
        try:
            prove_exact(graph, numbers, cotangent, unit)
            return part, numbers, cotangent
        except InexactError as error:
            refused = error
    where = f"{network.path}: values: exact"
    raise NoExactProblemError(f"{where}: {refused}; name an exact_output before it") from refused


def prove_exact(graph: Graph, numbers: Mapping[str, Array], cotangent: Array, unit: Dtype) -> None:
    """Raise InexactError, naming the node, where a sum of the forward or backward pass could round in `unit`."""

    def exact(array: Array) -> Any:
        return Exact(array, unit=unit) if is_float(array) else array

    leaves = {name: exact(array) for name, array in numbers.items()}
    outputs = forward(graph, leaves)
    backward(graph, {**leaves, **outputs}, exact(cotangent))


def part_up_to(network: Network, output: str) -> Network:
    """The part of a network that one node needs, as a network with that node as its output."""
    whole = network.graph("float")
    needed = whole.ancestors(output)
    return replace(
        network,
        inputs=tuple(t for t in network.inputs if t.name in needed),
        parameters=tuple(t for t in network.parameters if t.name in needed),
        buffers=tuple(t for t in network.buffers if t.name in needed),
        nodes=tuple(n for n in network.nodes if n.name in needed),
        output=output,
        cotangent=replace(network.cotangent, shape=whole.shape(output)),
    )


def _cotangent(part: Network, network: Network, seed: int, dtype: str, rung: Rung) -> Array:
    if part.cotangent.kind == "literal" and part.output == network.output:
        return draw(part.cotangent, seed, COTANGENT, dtype)
    return _small_integers(part.cotangent, seed, COTANGENT, dtype, rung)


def _small(tensor: Tensor, seed: int, dtype: str, rung: Rung) -> Array:
    if tensor.kind == "int64" or tensor.draw.kind == "literal":
        return draw(tensor.draw, seed, tensor.name, tensor.leaf(dtype).dtype)
    return _small_integers(tensor.draw, seed, tensor.name, dtype, rung)


def _small_integers(what: Draw, seed: int, name: str, dtype: str, rung: Rung) -> Array:
    terms, largest, share = rung
    rng = stream(seed, "exact " + name)
    values = rng.integers(1, largest + 1, size=what.shape) * rng.choice([-1, 1], size=what.shape)
    part = share if what.fan_in is None else 1.0 if terms is None else terms / what.fan_in
    if part < 1 and values.size:
        kept = rng.random(size=what.shape) < part
        # A weight of nothing but zeros would tell nothing.
        if kept.size:
            kept.flat[rng.integers(kept.size)] = True
        values *= kept
    # Halves, not whole numbers: an exponent that is never used could hide a wrong scale.
    return np.asarray(values * (0.5 if largest > 1 else 1.0)).astype(Dtype.of(dtype).numpy)
