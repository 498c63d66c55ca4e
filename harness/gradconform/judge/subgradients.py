"""What the readers of a tensor may send back to it: the reference's own choice, and the ends of all that is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.graph import Node
from gradconform.judge.readers import plus
from gradconform.judge.sight import Sight
from gradconform.reference.inserted import definition
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT

Array = NDArray[Any]


@dataclass(frozen=True)
class Ends:
    """Between which numbers every right gradient of a tensor lies; equal, and as sure as ever, off all kinks.

    low, high: float64. low_bound, high_bound: the largest honest |error| of each. All are of the tensor's shape.
    """

    low: Array
    high: Array
    low_bound: Array
    high_bound: Array

    @property
    def open(self) -> Array:
        """The elements that may be any number at all: a NaN chooses there, or an infinity arrives at a kink."""
        return np.asarray(np.isneginf(self.low) & np.isposinf(self.high))

    @property
    def bound(self) -> Array:
        """The largest honest |error| of any number between the ends."""
        return np.maximum(self.low_bound, self.high_bound)

    def hold(self, got: Array) -> Array:
        """Which numbers lie between the ends, or no further outside than the limit of an end's bound."""
        low, high = self.low - LIMIT * self.low_bound, self.high + LIMIT * self.high_bound
        return np.asarray((got >= low) & (got <= high))


@dataclass(frozen=True)
class Sent:
    """What one node sends back to one tensor that it reads."""

    node: str
    chosen: Any
    low: Any
    high: Any

    @property
    def kinked(self) -> Array:
        """The elements for which more than one number is right."""
        return np.asarray(plain(self.high) != plain(self.low))


def sent_to(sight: Sight, name: str) -> list[Sent]:
    """What each node that the output depends on sends back to a tensor, once for each read. Raises CannotSee."""
    return [sent for node in reversed(sight.problem.graph.senders(name)) for sent in _sent_by(sight, node, name)]


def ends_of(sent: Sequence[Sent]) -> Ends:
    """The ends of all that is right of the sum of what is sent."""
    low, high = reduce(plus, (each.low for each in sent)), reduce(plus, (each.high for each in sent))
    return Ends(plain(low), plain(high), _bound(low), _bound(high))


def chosen_of(sent: Sequence[Sent]) -> Array:
    """The sum of the reference's own choices."""
    return plain(reduce(add, (each.chosen for each in sent)))


def plain(array: Any) -> Array:
    """The numbers of an array, in float64, without their bounds."""
    return np.asarray(array.value if isinstance(array, Rounded) else array, float)


def _sent_by(sight: Sight, node: Node, name: str) -> Iterator[Sent]:
    chosen = [gradient for read, gradient in sight.sent_back(node) if read == name]
    if definition(node.op).smooth:
        sets = [(gradient, gradient) for gradient in chosen]
    else:
        sets = [ends for read, ends in sight.subgradients(node) if read == name]
    for gradient, (low, high) in zip(chosen, sets, strict=True):
        yield Sent(node.name, gradient, low, high)


def _bound(array: Any) -> Array:
    error = array.error if isinstance(array, Rounded) else None
    return np.broadcast_to(0.0 if error is None else error, array.shape)
