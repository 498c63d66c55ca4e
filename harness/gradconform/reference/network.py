"""The whole network in the reference: forward and backward through every node, over any array type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.dtypes import wide
from gradconform.graph import Graph, Node
from gradconform.reference.inserted import definition
from gradconform.reference.tracked.exactness import InexactError

Array = NDArray[Any]


def slots(node: Node, tensors: Mapping[str, Any] | Callable[[str], Any]) -> list[Any]:
    """The tensors of a node, one for each slot of its operator: a list for a variadic slot, None where one is absent.

    tensors: by name, or a function of a name.
    """
    look_up = tensors if callable(tensors) else tensors.__getitem__
    return [
        None if name is None else look_up(name) if isinstance(name, str) else [look_up(n) for n in name]
        for name in node.tensors.values()
    ]


Change = Callable[[Any], Any]
"""What becomes of a result before others read it."""


def _as_it_is(result: Any) -> Any:
    return result


def forward(graph: Graph, given: Mapping[str, Any], change: Change = _as_it_is) -> dict[str, Any]:
    """Every output of every node, by name.

    given: inputs, parameters and buffers by name, of one array type.
    change: called with each output; what it returns is taken in its place.
    Raises InexactError naming the node.
    """
    tensors = dict(given)
    for node in graph.nodes:
        try:
            results = definition(node.op).run_forward(slots(node, tensors), node.attributes)
        except InexactError as error:
            raise InexactError(f"node {node.name}: {error}") from error
        tensors.update(zip((output.name for output in node.outputs), map(change, results), strict=True))
    return {name: value for name, value in tensors.items() if name not in given}


def contributions(node: Node, gradients: tuple[Any, ...]) -> list[tuple[str, Any]]:
    """What a node sends back: (tensor, gradient) for each tensor that it reads, once for each read.

    gradients: what its VJP gave for each slot.
    """
    pairs: list[tuple[str, Any]] = []
    for name, gradient in zip(node.tensors.values(), gradients, strict=True):
        if isinstance(name, tuple):
            pairs.extend(zip(name, gradient, strict=True))
        elif name is not None and gradient is not None:
            pairs.append((name, gradient))
    return pairs


def backward(graph: Graph, tensors: Mapping[str, Any], cotangent: Any, change: Change = _as_it_is) -> dict[str, Any]:
    """The gradient of every tensor that has a path to the output, by name.

    tensors: the value of every tensor by name.
    cotangent: of the output's shape.
    change: called with each contribution and each sum of two; what it returns is taken in its place.
    Raises InexactError naming the node.
    """
    gradients: dict[str, Any] = {graph.output: cotangent}
    for node in reversed(graph.nodes):
        if not any(output.name in gradients for output in node.results):
            continue
        try:
            arrived = [gradients.get(output.name, np.zeros(output.shape)) for output in node.results]
            operator = definition(node.op)
            found = operator.run_vjp(operator.dy_of(arrived), slots(node, tensors), node.attributes)
            for name, gradient in contributions(node, found):
                sent = change(gradient)
                gradients[name] = change(gradients[name] + sent) if name in gradients else sent
        except InexactError as error:
            raise InexactError(f"gradient of node {node.name}: {error}") from error
    return gradients


def reference(graph: Graph, numbers: Mapping[str, Array], cotangent: Array) -> dict[str, Array]:
    """`output/...` and `grad/...` of the whole network in float64, named as in a capture.

    numbers: the leaves by name, of any dtype. cotangent: of the output's shape.
    """
    leaves = {name: wide(array) for name, array in numbers.items()}
    outputs = forward(graph, leaves)
    gradients = backward(graph, {**leaves, **outputs}, wide(cotangent))
    named = {f"output/{name}": np.asarray(value) for name, value in outputs.items()}
    named.update({f"grad/{n}": np.asarray(g) for n, g in gradients.items() if n in graph.differentiable})
    return named


def reference_of(problem: Problem) -> dict[str, Array]:
    """`output/...` and `grad/...` of a problem on disk in float64, named as in a capture.

    Raises ContractError where its numbers cannot be read.
    """
    return reference(problem.graph, {name: problem.value(name) for name in problem.graph.leaves}, problem.cotangent)
