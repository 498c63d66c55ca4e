"""The graph of a network: leaves, nodes, output, and the addresses of all that is captured of it.

A spec that was loaded, a problem on disk and the program of a behaviour each have one. It imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

Shape = tuple[int, ...]
Reads = str | tuple[str, ...] | None

LEAF_KINDS = {"input": "grad_input", "parameter": "grad_param", "buffer": "grad_param"}
"""Role of a leaf -> kind of its gradient, as rows have it."""


@dataclass(frozen=True)
class Leaf:
    """A tensor that is given, not computed.

    name: what nodes read it by.
    role: `input`, `parameter` or `buffer`.
    shape: its extents.
    dtype: the name of its dtype.
    grad: whether a gradient is asked of it.
    """

    name: str
    role: str
    shape: Shape
    dtype: str
    grad: bool

    @property
    def kind(self) -> str:
        """What rows call the gradient of this leaf: `grad_param` of a parameter, else `grad_input`."""
        return LEAF_KINDS[self.role]


class Output(NamedTuple):
    """A tensor that a node computes.

    name: what others call it.
    shape: its extents.
    result: whether other nodes may read it and a gradient comes back to it; a running statistic is no result.
    """

    name: str
    shape: Shape
    result: bool = True


@dataclass(frozen=True)
class Node:
    """One operator applied to named tensors.

    name: what other nodes read its first output by.
    op: the name of the operator.
    tensors: slot -> name, tuple of names (a variadic slot) or None (absent), in the order of the operator's slots.
    attributes: exactly what the operator's forward takes by keyword.
    outputs: the first is named like the node, and is a result.
    """

    name: str
    op: str
    tensors: Mapping[str, Reads]
    attributes: Mapping[str, Any]
    outputs: tuple[Output, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the node's first output, which is called like the node."""
        return self.outputs[0].shape

    @cached_property
    def results(self) -> tuple[Output, ...]:
        """The outputs that other nodes may read and that a gradient comes back to, the first among them."""
        return tuple(output for output in self.outputs if output.result)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The names of all tensors that the node reads, in the order of its slots, one entry for each time."""
        names: list[str] = []
        for read in self.tensors.values():
            if read is not None:
                names.extend([read] if isinstance(read, str) else read)
        return tuple(names)


class Address(NamedTuple):
    """Where a captured tensor belongs.

    tensor: `output/<name>` or `grad/<name>`, as a capture calls it.
    node: the node that it is judged with; of a leaf's gradient its first reader, empty where nobody reads it.
    kind: `output`, `grad_output`, `grad_input` or `grad_param`, as rows have it.
    shape: its extents.
    """

    tensor: str
    node: str
    kind: str
    shape: Shape


@dataclass(frozen=True)
class Graph:
    """The graph of a network.

    leaves: the given tensors, by name.
    nodes: in an order in which each reads only what comes before.
    output: the name of the node that the cotangent is handed to.
    """

    leaves: Mapping[str, Leaf]
    nodes: tuple[Node, ...]
    output: str

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Name -> node."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def makers(self) -> Mapping[str, Node]:
        """Tensor that others may read -> the node that computes it; leaves have none."""
        return {output.name: node for node in self.nodes for output in node.results}

    @cached_property
    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        """Tensor -> the nodes that read it, each once, in order; without the tensors that nobody reads."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.reads):
                readers.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def senders(self, name: str) -> tuple[Node, ...]:
        """The nodes that send a gradient back to a tensor: those of its readers that the output depends on."""
        return tuple(node for node in self.readers.get(name, ()) if self.leads(node))

    def leads(self, node: Node) -> bool:
        """Whether the output depends on a node."""
        return any(output.name in self.on_path for output in node.results)

    @cached_property
    def on_path(self) -> frozenset[str]:
        """Every tensor from which a path leads to the output, the output among them."""
        return self.ancestors(self.output)

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The names of the leaves that a gradient is asked of."""
        return tuple(leaf.name for leaf in self.leaves.values() if leaf.grad)

    @cached_property
    def differentiable(self) -> frozenset[str]:
        """Every tensor that a gradient is asked of, or that depends on one."""
        reached = set(self.wanted)
        for node in self.nodes:
            if not reached.isdisjoint(node.reads):
                reached.update(output.name for output in node.results)
        return frozenset(reached)

    def ancestors(self, output: str) -> frozenset[str]:
        """Every tensor that a tensor is computed from, that one among them."""
        needed = {output}
        for node in reversed(self.nodes):
            if any(result.name in needed for result in node.results):
                needed.update(node.reads)
        return frozenset(needed)

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Every tensor, leaves and whatever nodes compute -> its shape."""
        shapes = {leaf.name: leaf.shape for leaf in self.leaves.values()}
        for node in self.nodes:
            shapes.update((output.name, output.shape) for output in node.outputs)
        return shapes

    def operators_of(self, names: str) -> str:
        """The operators of some nodes, each once. names: those of nodes, joined by a space; other names have none."""
        nodes = (self.by_name.get(name) for name in names.split())
        return " ".join(dict.fromkeys(node.op for node in nodes if node is not None))

    def shape(self, name: str) -> Shape:
        """The shape of a tensor. Raises KeyError."""
        return self.shapes[name]

    def addresses(self) -> Iterator[Address]:
        """The address of every tensor that a capture may hold, each once: those of the nodes, then of the leaves."""
        for node in self.nodes:
            for output in node.outputs:
                yield Address(f"output/{output.name}", node.name, "output", output.shape)
            for output in node.results:
                if output.name != self.output:
                    yield Address(f"grad/{output.name}", node.name, "grad_output", output.shape)
        for leaf in self.leaves.values():
            if leaf.grad:
                reader = self.readers.get(leaf.name, ())
                yield Address(f"grad/{leaf.name}", reader[0].name if reader else "", leaf.kind, leaf.shape)
