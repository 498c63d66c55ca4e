"""What is right of a gradient whose element lies on a kink: any of its subgradients.

A gradient that is not what the reference's own choice makes it, is held against the set of all that can be right. Each
reader of its tensor sends back a number between two ends (`Operator.subgradients`), and their ends add. Where elements
share one gradient, as those that tie in a pooling window do, they may share it as they like, but their sum is known: it
is held too, over every group of elements that share, in whichever tensors they lie. What lies on no kink stays held as
it was, by the same bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.graph import Node
from gradconform.judge.judgement import Judgement
from gradconform.judge.sight import CannotSee, Sight
from gradconform.reasons import Code
from gradconform.reference import OPERATORS
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT

Array = NDArray[Any]

# The judge's own sums are in float64.
OWN_ROUNDOFF = 2.0**-53


@dataclass(frozen=True)
class Nearest:
    """What a gradient should be, at kinks the subgradient that is nearest to it.

    expectation: plain numbers or Rounded ones, as that of the reference's own choice is.
    code: why it is right where that one would not have it.
    """

    expectation: Any
    code: Code


@dataclass(frozen=True)
class _Sent:
    """What one reader sends back to a tensor: the reference's choice, and the ends of what is right."""

    node: str
    chosen: Any
    low: Any
    high: Any

    @property
    def width(self) -> Array:
        """How far the ends are apart: 0.0 where there is but one right number, else positive, infinite or NaN."""
        return np.asarray(_value(self.high) - _value(self.low))


def nearest(sight: Sight, name: str, judgement: Judgement) -> Nearest | None:
    """What of the gradient of the tensor `name` can be right, or None where the kinks of its readers explain nothing.

    judgement: of that gradient, against the reference's own choice.
    """
    got = judgement.got
    comparison = judgement.comparison
    if got is None or comparison is None or comparison.reason not in (Code.VALUE, Code.NOT_BITWISE, Code.NONFINITE):
        return None
    if all(OPERATORS[node.op].smooth for node in _readers(sight, name)):
        return None
    sent = _sent_to(sight, name)
    low, high = reduce(add, (each.low for each in sent)), reduce(add, (each.high for each in sent))
    below, above, wide = _value(low), _value(high), got.astype(float)
    anything = np.isneginf(below) & np.isposinf(above)
    missed = ~_agrees(wide, judgement.expected, judgement.bound)
    taken = missed & (anything | (_within(wide, low, high) & (below < above)))
    if np.any(taken & ~anything):
        taken &= anything | ~_of_wrong_sums(sight, name, sent, got)
    if not taken.any():
        return None
    value = np.where(taken, np.where(anything, wide, np.clip(wide, below, above)), judgement.expected)
    code = Code.DERIVATIVE_AT_NAN if np.any(taken & anything) else Code.SUBGRADIENT
    if not isinstance(judgement.expectation, Rounded):
        return Nearest(value, code)
    error = np.where(taken, np.where(anything, 0.0, np.maximum(_error(low), _error(high))), judgement.bound)
    return Nearest(Rounded(value, error, unit=sight.unit), code)


def _of_wrong_sums(sight: Sight, name: str, sent: list[_Sent], got: Array) -> Array:
    """Which elements of a tensor share a gradient with others, and together have not what there is of it."""
    wrong = np.zeros(got.shape, dtype=bool)
    for node in _readers(sight, name):
        try:
            shares = sight.shares(node)
        except CannotSee:
            continue
        numbers = dict(shares)
        if numbers.get(name) is not None:
            groups = _Groups(1 + max(int(np.max(each, initial=0)) for each in numbers.values()), sight.unit.roundoff)
            for tensor, theirs in numbers.items():
                own = tensor == name
                groups.add(theirs, _off(sight, node, tensor, sent if own else None, got if own else None))
            wrong |= groups.wrong[numbers[name]] & (numbers[name] >= 0)
    return wrong


@dataclass(frozen=True)
class _Off:
    """How far the gradient of one tensor is from the reference's choice, element by element.

    off: the difference. honest: what of it rounding may have made. scale: the largest right magnitude.
    known: whether nobody but the node that is asked about leaves a choice there.
    """

    off: Array
    honest: Array
    scale: Array
    known: Array


def _off(sight: Sight, node: Node, tensor: str, sent: list[_Sent] | None, got: Array | None) -> _Off | None:
    """How far a captured gradient is from the reference's choice; None where that says nothing of the node.

    sent, got: of the tensor that is judged; None of another one, which has to be right by itself.
    """
    other = sent is None or got is None
    if sent is None or got is None:
        if sight.is_trusted(f"grad/{tensor}"):
            return None
        try:
            got, sent = sight.captured(f"grad/{tensor}"), _sent_to(sight, tensor)
        except CannotSee:
            return None
    expected, low, high = (reduce(add, (getattr(each, end) for each in sent)) for end in ("chosen", "low", "high"))
    below, above, wide = _value(low), _value(high), got.astype(float)
    if other and not np.all(_within(wide, low, high)):
        return None
    free = np.zeros(got.shape, dtype=bool)
    for each in sent:
        if each.node != node.name:
            free |= each.width != 0
    scale, off = np.maximum(np.abs(below), np.abs(above)), wide - _value(expected)
    honest = np.maximum(_error(low), _error(high)) + np.zeros(got.shape)
    return _Off(off, honest, scale, ~free & np.isfinite(scale) & np.isfinite(off))


class _Groups:
    """The sums over groups of elements that share one gradient, in any number of tensors."""

    def __init__(self, count: int, roundoff: float) -> None:
        self.count = count
        self.roundoff = roundoff
        self.off, self.honest, self.scale, self.members = (np.zeros(count) for _ in range(4))
        self.unknown = np.zeros(count, dtype=bool)

    def add(self, numbers: Array, found: _Off | None) -> None:
        """Take in one tensor, by the numbers of its elements' groups; None for one that cannot be seen."""
        inside = numbers >= 0
        groups = numbers[inside]
        if found is None:
            self.unknown[groups] = True
            return
        self.unknown[groups[~found.known[inside]]] = True
        with np.errstate(invalid="ignore"):
            self.off += np.bincount(groups, found.off[inside], self.count)
            self.honest += np.bincount(groups, found.honest[inside], self.count)
            self.scale += np.bincount(groups, found.scale[inside], self.count)
        self.members += np.bincount(groups, minlength=self.count)

    @property
    def wrong(self) -> Array:
        """Which sums are further off than rounding explains: that of each share, and that of summing them here."""
        own = np.sqrt(self.members) * OWN_ROUNDOFF * self.scale
        return np.asarray(~self.unknown & (np.abs(self.off) > LIMIT * (self.honest + self.roundoff * self.scale + own)))


def _sent_to(sight: Sight, name: str) -> list[_Sent]:
    """What each reader sends back to a tensor, once for each read. Raises CannotSee."""
    return [each for node in reversed(list(_readers(sight, name))) for each in _sent_by(sight, node, name)]


def _sent_by(sight: Sight, node: Node, name: str) -> Iterator[_Sent]:
    chosen = [gradient for read, gradient in sight.sent_back(node) if read == name]
    if OPERATORS[node.op].smooth:
        sets = [(gradient, gradient) for gradient in chosen]
    else:
        sets = [ends for read, ends in sight.subgradients(node) if read == name]
    for gradient, (low, high) in zip(chosen, sets, strict=True):
        yield _Sent(node.name, gradient, low, high)


def _readers(sight: Sight, name: str) -> Iterator[Node]:
    """The nodes that read a tensor and that the output depends on."""
    return (n for n in sight.problem.graph.readers.get(name, ()) if n.name in sight.problem.on_path)


def _agrees(got: Array, expected: Array, bound: Array | float) -> Array:
    """Which elements are as expected, within the limit; those beyond the dtype's largest number are left out."""
    near = np.abs(got - expected) <= LIMIT * np.asarray(bound)
    return np.asarray(near | (got == expected) | (np.isnan(got) & np.isnan(expected)))


def _within(got: Array, low: Any, high: Any) -> Array:
    """Which elements lie between two ends, or no further outside than the limit of an end's bound."""
    return np.asarray((got >= _value(low) - LIMIT * _error(low)) & (got <= _value(high) + LIMIT * _error(high)))


def _value(array: Any) -> Array:
    return np.asarray(array.value if isinstance(array, Rounded) else array, float)


def _error(array: Any) -> Array:
    error = array.error if isinstance(array, Rounded) else None
    return np.zeros(()) if error is None else error
