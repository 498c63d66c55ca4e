"""Where in a network a listed divergence can show: the nodes of its operator, and the tensors that these touch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradconform.contract import Problem
from gradconform.graph import Node
from gradconform.judge.known import BEHIND, HANDED, OUTPUT, TANGENT, Known


def spoilt(problem: Problem, entry: Known) -> Iterator[tuple[Node, set[str]]]:
    """Each node of the operator that an entry speaks of, and the captured tensors, such as `grad/x`, that it can spoil.

    For an entry of the numerical check these are gradients of leaves: what is wrong behind a node goes on to all that
    is computed on the way to it.
    """
    for node in _nodes(problem, entry):
        touched = _touched(problem, entry, node)
        if entry.check == "numeric":
            graph = problem.graph
            names = {name.partition("/")[2] for name in touched if name.startswith("grad/")}
            if entry.tensor in (HANDED, BEHIND):
                # What the node itself read got its gradient before the array was spoilt.
                names = {name for name in _sharing(problem, entry, node) if node.name not in graph.ancestors(name)}
            before = frozenset().union(*map(graph.ancestors, names))
            touched = {f"grad/{leaf}" for leaf in graph.wanted if leaf in before}
        yield node, touched


def _nodes(problem: Problem, entry: Known) -> Iterator[Node]:
    for node in problem.nodes:
        spared = bool(entry.unless) and _has(node, entry.unless)
        if node.op == entry.operator and not spared and _has(node, entry.attributes):
            yield node


def _has(node: Node, attributes: Mapping[str, Any]) -> bool:
    return all(_plain(node.attributes.get(name)) == _plain(value) for name, value in attributes.items())


def _plain(value: Any) -> Any:
    """An attribute without the difference between a list and a tuple; a pair of equal numbers is that number."""
    if isinstance(value, list | tuple):
        value = tuple(map(_plain, value))
        return value[0] if len(value) == 2 and value[0] == value[1] else value
    return value


def _touched(problem: Problem, entry: Known, node: Node) -> set[str]:
    """The captured tensors that an entry speaks of at one node."""
    part, _, name = entry.tensor.partition("/")
    if part == OUTPUT:
        read = node.tensors.get(name)
        return {f"output/{read if isinstance(read, str) else node.name}"} if name else {f"output/{node.name}"}
    if not problem.graph.leads(node):
        return set()
    if entry.tensor == TANGENT:
        return {f"{TANGENT}/{node.name}"}
    if entry.tensor == HANDED:
        return {f"grad/{each}" for each in _sharing(problem, entry, node)}
    if entry.tensor == BEHIND:
        sharing = _sharing(problem, entry, node)
        readers = (problem.graph.makers[each] for each in sharing if each in problem.graph.makers)
        return {f"grad/{read}" for reader in readers if problem.graph.leads(reader) for read in reader.reads}
    read = node.tensors[name]
    return {f"{part}/{each}" for each in ((read,) if isinstance(read, str) else read or ())}


def _sharing(problem: Problem, entry: Known, node: Node) -> set[str]:
    """The tensors whose gradient can be the very array that a node is handed, its own output among them."""
    graph, found, left = problem.graph, {node.name}, [node.name]
    while left:
        name = left.pop()
        size = np.prod(graph.shapes[name])
        handing = [reader for reader in graph.readers.get(name, ()) if reader.op in entry.through]
        beside = [*(reader.name for reader in handing)]
        maker = graph.makers.get(name)
        if name != node.name and maker is not None and maker.op in entry.through:
            beside += maker.reads
        for other in beside:
            if other not in found and np.prod(graph.shapes[other]) == size:
                found.add(other)
                left.append(other)
    return found
