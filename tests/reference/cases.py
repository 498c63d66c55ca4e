"""Every case of every operator in specs/operators, with its operator at hand; drawn when a test asks for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
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
    """tensors: by slot, float64 arrays of float32 numbers, int64 arrays, lists or None.

    dy: a cotangent of what `forward` gives.
    """

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
        """The first output, or where several have a gradient these, end to end."""
        outputs = self.outputs()
        return joined(outputs[: len(self.shapes)]) if self.op.several else outputs[0]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the results."""
        return [output.shape for output in self.network.nodes[0].results]

    def arriving(self, dy: Any) -> Any:
        """A cotangent of what `forward` gives, as the VJP takes it."""
        if not self.op.several:
            return dy
        ends = np.cumsum([0, *map(math.prod, self.shapes)])
        parts = zip(self.shapes, ends[:-1], ends[1:], strict=True)
        return tuple(dy[start:end].reshape(shape) for shape, start, end in parts)

    def gradients(self) -> list[tuple[Place, Any]]:
        """What the VJP gives for each place of `places`."""
        found = self.op.run_vjp(self.arriving(self.dy), self.tensors, self.attributes)
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


def joined(results: Sequence[Any]) -> Any:
    """Arrays end to end."""
    return np.concatenate([result.reshape(-1) for result in results])


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


@cache
def networks(operator: str = "*") -> tuple[Network, ...]:
    """The cases of one operator as specs, or those of all, in which there are numbers to be differenced."""
    return tuple(network for network in _loaded(operator) if _of_numbers(network) and not _is_empty(network))


@cache
def _loaded(operator: str) -> tuple[Network, ...]:
    files = sorted(FOLDER.glob(f"*/{operator}.yaml"), key=lambda path: path.stem)
    return tuple(network for path in files for network in load(path))


def empty_networks() -> list[Network]:
    """The cases that have a tensor without elements."""
    return [network for network in _loaded("*") if _is_empty(network)]


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


def few(chosen: Sequence[Network]) -> list[Network]:
    """Of each operator the first case and one in the middle."""
    by_operator: dict[str, list[Network]] = {}
    for network in chosen:
        by_operator.setdefault(network.nodes[0].op, []).append(network)
    return [each[i] for each in by_operator.values() for i in sorted({0, len(each) // 2})]


def of_tests(mark: pytest.Mark, *, every: bool) -> list[Any]:
    """The cases that a test is run with, as it is marked; drawn when the test begins. every: not only a few of each."""
    chosen = [network for network in networks() if network.name not in mark.kwargs.get("without", ())]
    if mark.kwargs.get("exact"):
        chosen = [network for network in chosen if "exact" in network.values]
    make = small_integers if mark.kwargs.get("exact") else drawn
    chosen = chosen if every else few(chosen)
    return [pytest.param(_drawn_once(make, network.name), id=network.name) for network in chosen]


@cache
def _drawn_once(make: Callable[[Network], Case], name: str) -> Callable[[], Case]:
    """What draws a case, the same for all tests that ask for it."""
    by_name = {network.name: network for network in networks()}
    return cache(partial(make, by_name[name]))


# A test for each case, or for a few of each operator: tests/reference/conftest.py says when.
every_case = pytest.mark.cases
every_exact_case = pytest.mark.cases(exact=True)
every_operator = pytest.mark.parametrize("name", sorted(OPERATORS))
