"""A network as the harness knows it after loading: validated, frozen, with every shape inferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradconform.draws import Draw

Shape = tuple[int, ...]
Reads = str | tuple[str, ...] | None


@dataclass(frozen=True)
class Where:
    """An address in a spec: file and line, counted from 1."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Tensor:
    """A tensor that is given, not computed.

    role: input | parameter | buffer. kind: float (the problem's dtype) | int64. draw: how its numbers come
    about.
    """

    name: str
    role: str
    shape: Shape
    kind: str
    grad: bool
    draw: Draw
    where: Where


@dataclass(frozen=True)
class Output:
    """A tensor that a node computes."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Node:
    """One operator applied to named tensors.

    tensors: slot -> name, tuple of names (a variadic slot), or None (absent), in the order of the operator's
    slots. attributes: exactly what the operator's forward takes by keyword. outputs: the first is named like
    the node.
    """

    name: str
    op: str
    tensors: Mapping[str, Reads]
    attributes: Mapping[str, Any]
    outputs: tuple[Output, ...]
    where: Where

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of all tensors it reads, in order, once for each time."""
        names: list[str] = []
        for read in self.tensors.values():
            if read is not None:
                names.extend([read] if isinstance(read, str) else read)
        return tuple(names)


@dataclass(frozen=True)
class Claim:
    """A printed result. of: the tensor; value: nested lists of numbers, `none` or `raises`; digits: how many count."""

    says: str
    source: str
    framework: str | None
    of: str
    value: Any
    digits: int | None
    where: Where


@dataclass(frozen=True)
class Network:
    """A spec, loaded. Nodes are in an order in which each reads only what comes before.

    cotangent: how the gradient handed to the output is drawn. dtypes, values: the variants to run.
    exact_output: the node that is the output in the `exact` variant (where a loss that cannot be exact is
    left off), or None where that variant is not asked for. script, asks: the steps of a behaviour, as
    `problem.json` has them, and what each of its rows is about; empty for a plain network.
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
    exact_output: str | None = None
    weights: Path | None = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    script: tuple[Mapping[str, Any], ...] = ()
    asks: tuple[str, ...] = ()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Inputs, parameters and buffers."""
        return self.inputs + self.parameters + self.buffers

    def node(self, name: str) -> Node:
        """The node of that name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
