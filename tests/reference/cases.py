"""Every case of every operator in specs/operators, with its operator at hand; drawn when a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradconform.draws import draw, stream
from gradconform.reference import OPERATORS, Operator
from gradconform.spec import load
from gradconform.spec.model import Network

FOLDER = Path(__file__).parents[2] / "specs" / "operators"
Place = tuple[int, int | None]


@dataclass(frozen=True, eq=False)
class Case:
    """tensors: by slot, float64 arrays of float32 numbers, int64 arrays, lists or None. dy: a cotangent."""

    network: Network
    tensors: tuple[Any, ...]
    dy: Any

    @property
    def op(self) -> Operator:
        """The operator under test."""
        return OPERATORS[self.network.nodes[0].op]

    @property
    def attributes(self) -> dict[str, Any]:
        """What the forward takes by keyword."""
        return dict(self.network.nodes[0].attributes)

    def outputs(self) -> tuple[Any, ...]:
        """All outputs of the operator's forward."""
        return self.op.run_forward(self.tensors, self.attributes)

    def forward(self) -> Any:
        """The first output, which is the one that has a gradient."""
        return self.outputs()[0]

    def gradients(self) -> list[tuple[Place, Any]]:
        """What the VJP gives for each place of `places`."""
        found = self.op.run_vjp(self.dy, self.tensors, self.attributes)
        return [(p, found[p[0]] if p[1] is None else found[p[0]][p[1]]) for p in self.places()]

    def places(self) -> Iterator[Place]:
        """Where the tensors that have a gradient are: (slot, None) or (slot, index in a list)."""
        for i, (slot, tensor) in enumerate(zip(self.op.slots, self.tensors, strict=True)):
            if tensor is None or slot in self.op.integers or slot in self.op.buffers:
                continue
            if isinstance(tensor, list):
                yield from ((i, j) for j in range(len(tensor)))
            else:
                yield i, None

    def name(self, place: Place) -> str:
        """A place in words."""
        slot = self.op.slots[place[0]]
        return slot if place[1] is None else f"{slot}[{place[1]}]"

    def tensor(self, place: Place) -> Any:
        """The tensor at a place."""
        found = self.tensors[place[0]]
        return found if place[1] is None else found[place[1]]

    def with_tensor(self, place: Place, new: Any) -> Case:
        """The same case with one tensor exchanged."""
        tensors = list(self.tensors)
        if place[1] is None:
            tensors[place[0]] = new
        else:
            tensors[place[0]] = [new if j == place[1] else t for j, t in enumerate(tensors[place[0]])]
        return replace(self, tensors=tuple(tensors))

    def map(self, function: Callable[[Any], Any]) -> Case:
        """The same case with every float array, and dy, passed through a function."""

        def each(tensor: Any) -> Any:
            if isinstance(tensor, list):
                return [each(t) for t in tensor]
            return tensor if tensor is None or tensor.dtype.kind != "f" else function(tensor)

        return replace(self, tensors=tuple(map(each, self.tensors)), dy=function(self.dy))


def drawn(network: Network) -> Case:
    """The case as its spec draws it, in float32 (which every float64 can hold)."""
    values = {
        t.name: draw(t.draw, network.seed, t.name, "int64" if t.kind == "int64" else "float32") for t in network.tensors
    }
    return _case(network, values, draw(network.cotangent, network.seed, "cotangent", "float32"))


def small_integers(network: Network) -> Case:
    """The case with halves of small whole numbers, none of them zero, in place of what its spec draws."""

    def small(name: str, shape: tuple[int, ...]) -> Any:
        rng = stream(1, name)
        return rng.integers(1, 4, size=shape) * rng.choice([-0.5, 0.5], size=shape)

    values = {
        t.name: draw(t.draw, 0, t.name, "int64") if t.kind == "int64" else small(t.name, t.shape)
        for t in network.tensors
    }
    return _case(network, values, small("cotangent", network.cotangent.shape))


def _case(network: Network, values: dict[str, Any], dy: Any) -> Case:
    wide = {name: v.astype(float) if v.dtype.kind == "f" else v for name, v in values.items()}
    reads = network.nodes[0].tensors.values()
    tensors = tuple(
        None if read is None else wide[read] if isinstance(read, str) else [wide[name] for name in read]
        for read in reads
    )
    return Case(network, tensors, np.asarray(dy, dtype=float))


def networks(operator: str = "*") -> list[Network]:
    """The cases of one operator as specs, or those of all, in which there are numbers to be differenced."""
    return [network for network in _loaded(operator) if _of_numbers(network) and not _is_empty(network)]


def _loaded(operator: str) -> list[Network]:
    files = sorted(FOLDER.glob(f"*/{operator}.yaml"), key=lambda path: path.stem)
    return [network for path in files for network in load(path)]


def _is_empty(network: Network) -> bool:
    """Whether a case has a tensor without elements."""
    return any(0 in tensor.shape for tensor in network.tensors)


def _of_numbers(network: Network) -> bool:
    """Whether a case holds numbers alone: at a NaN or an infinity there is nothing to be differenced."""
    written = (tensor.draw.value for tensor in network.tensors if tensor.draw.kind == "literal")
    return all(np.isfinite(np.asarray(value, dtype=float)).all() for value in written)


def cases_of(operator: str) -> list[Case]:
    """Every case of an operator."""
    return [drawn(network) for network in networks(operator)]


def case_of(operator: str) -> Case:
    """One case of an operator."""
    return drawn(networks(operator)[0])


def _each(make: Callable[[Network], Case], chosen: list[Network]) -> pytest.MarkDecorator:
    """A test for each network; the fixture `case` draws it when its test begins."""
    params = [pytest.param(cache(partial(make, network)), id=network.name) for network in chosen]
    return pytest.mark.parametrize("case", params, indirect=True)


_ALL = _loaded("*")
NETWORKS = [network for network in _ALL if _of_numbers(network) and not _is_empty(network)]
EMPTY = [network for network in _ALL if _is_empty(network)]
every_case = _each(drawn, NETWORKS)
every_exact_case = _each(small_integers, [network for network in NETWORKS if "exact" in network.values])
every_operator = pytest.mark.parametrize("name", sorted(OPERATORS))
