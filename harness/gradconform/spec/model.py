"""A network as the harness knows it after loading: validated, frozen, with every shape inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradconform.draws import Draw
from gradconform.graph import Graph, Leaf, Node, Shape


@dataclass(frozen=True)
class Where:
    """An address in a spec.

    path: the file.
    line: counted from 1.
    """

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Tensor:
    """A leaf as a spec has it, before a dtype is chosen.

    name: what nodes read it by.
    role: `input`, `parameter` or `buffer`.
    shape: its extents.
    kind: `float` (the problem's dtype) or `int64`.
    grad: whether a gradient is asked of it.
    draw: how its numbers come about.
    where: where it is written.
    """

    name: str
    role: str
    shape: Shape
    kind: str
    grad: bool
    draw: Draw
    where: Where

    def leaf(self, dtype: str) -> Leaf:
        """The leaf that this tensor becomes in a problem of the given dtype."""
        return Leaf(self.name, self.role, self.shape, "int64" if self.kind == "int64" else dtype, self.grad)


@dataclass(frozen=True)
class Claim:
    """A printed result that a spec carries.

    says: the statement in words.
    source: where it was printed.
    framework: the adapter that it speaks of; None where it speaks of all.
    of: the tensor, as an address or an ask.
    value: nested lists of numbers, `none` or `raises`.
    digits: how many significant digits were printed; None where the numbers are meant as they stand.
    where: where the spec says it.
    """

    says: str
    source: str
    framework: str | None
    of: str
    value: Any
    digits: int | None
    where: Where


@dataclass(frozen=True)
class Network:
    """A spec, read and validated.

    name, about: what it is called, and what it is there for.
    path: the file that it comes from.
    seed: of its draws.
    dtypes, values: the variants to run.
    inputs, parameters, buffers: its leaves.
    nodes: in an order in which each reads only what comes before.
    output: the node that the cotangent is handed to.
    cotangent: how the gradient handed to the output is drawn.
    lines: where each node is written.
    exact_output: the node that is the output in the `exact` variant (where a loss that cannot be exact is left off), or
    None where that variant is not asked for.
    weights: a file from which parameters and buffers come; None where they are drawn.
    claims: the printed results that it carries.
    script, asks: the steps of a behaviour, as `problem.json` has them, and what each of its rows is about; empty for a
    plain network.
    """

    name: str
    about: str
    path: Path
    seed: int
    dtypes: tuple[str, ...]
    values: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    buffers: tuple[Tensor, ...]
    nodes: tuple[Node, ...]
    output: str
    cotangent: Draw
    lines: Mapping[str, Where] = field(default_factory=dict)
    exact_output: str | None = None
    weights: Path | None = None
    claims: tuple[Claim, ...] = ()
    script: tuple[Mapping[str, Any], ...] = ()
    asks: tuple[str, ...] = ()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All leaves: inputs, parameters and buffers."""
        return self.inputs + self.parameters + self.buffers

    def node(self, name: str) -> Node:
        """The node that is called `name`. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def graph(self, dtype: str) -> Graph:
        """The graph that the network has in a problem of the given dtype."""
        return Graph({tensor.name: tensor.leaf(dtype) for tensor in self.tensors}, self.nodes, self.output)
