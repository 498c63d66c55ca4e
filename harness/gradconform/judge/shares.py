"""Elements that share one gradient, as those that tie in a pooling window do: however they share it, its sum is known.

A group is all elements that share with one another, in whichever tensors they lie and by whichever nodes. The gradients
of a group sum to what the reference's own choices sum to; each by itself lies between its ends, which is asked of it
elsewhere. Nothing is said of a group of which an element cannot be seen, is at a kink of a node that lets nobody share,
or lies in another tensor that is wrong by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.judge.sight import CannotSee, Sight
from gradconform.judge.subgradients import Sent, chosen_of, ends_of, sent_to
from gradconform.reference.tracked.ties import ALONE, joined
from gradconform.rows import LIMIT

Array = NDArray[Any]
Numbers = NDArray[np.int64]

# The judge's own sums are in float64.
OWN_ROUNDOFF = 2.0**-53


def of_wrong_sums(sight: Sight, name: str, sent: list[Sent], got: Array) -> NDArray[np.bool_]:
    """Which elements of the gradient of the tensor `name` have, together with those they share with, not what there is.

    sent: what its readers send back. got: as captured.
    """
    table = _Table()
    table.add(sight, name)
    groups = table.numbered()
    if name not in groups:
        return np.zeros(got.shape, dtype=bool)
    sums = _Sums(1 + max(int(np.max(numbers, initial=ALONE)) for numbers in groups.values()), sight.unit.roundoff)
    for tensor, numbers in groups.items():
        sums.add(numbers, _off(table.nodes, sent, got) if tensor == name else _off_another(sight, table.nodes, tensor))
    return np.asarray(sums.wrong[groups[name]] & (groups[name] != ALONE))


@dataclass
class _Table:
    """Who shares: the tensors that a tensor's elements share a gradient with, the tensors that those do, and so on.

    nodes: those that let elements share.
    numbers: tensor -> the numbers that each of these nodes gave its elements; numbers of two nodes differ.
    """

    nodes: set[str] = field(default_factory=set)
    numbers: dict[str, list[Numbers]] = field(default_factory=dict)
    size: int = 0

    def add(self, sight: Sight, tensor: str) -> None:
        """Take in the readers of a tensor, and those of each tensor that they let share with it."""
        for node in sight.problem.graph.senders(tensor):
            if node.name in self.nodes:
                continue
            try:
                shares = dict(sight.shares(node))
            except CannotSee:
                continue
            if shares:
                self.nodes.add(node.name)
                for read, numbers in shares.items():
                    self.numbers.setdefault(read, []).append(np.where(numbers == ALONE, ALONE, numbers + self.size))
                self.size += 1 + max(int(np.max(numbers, initial=ALONE)) for numbers in shares.values())
                for read in shares:
                    self.add(sight, read)

    def numbered(self) -> Mapping[str, Numbers]:
        """Tensor -> the number of each element's group, ALONE for one that shares with none."""
        pairs = list(self._pairs())
        one, other = (np.concatenate(side) for side in zip(*pairs, strict=True)) if pairs else _NO_PAIRS
        groups = joined(
            self.size, np.concatenate([one, np.arange(self.size)]), np.concatenate([other, np.arange(self.size)])
        )
        return {
            tensor: np.where(number == ALONE, ALONE, groups[number])
            for tensor, given in self.numbers.items()
            for number in [np.max(given, axis=0)]
        }

    def _pairs(self) -> Iterator[tuple[Numbers, Numbers]]:
        """The numbers that one element has of two nodes."""
        for given in self.numbers.values():
            last = np.max(given, axis=0)
            for numbers in given:
                both = (numbers != ALONE) & (numbers != last)
                yield numbers[both], last[both]


_NO_PAIRS = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


@dataclass(frozen=True)
class _Off:
    """How far a gradient is from the reference's own choice; all of the tensor's shape.

    off: the difference. bound: what of it rounding may have made. scale: the largest right magnitude.
    known: whether none but the nodes that let elements share leaves a choice.
    """

    off: NDArray[np.float64]
    bound: NDArray[np.float64]
    scale: NDArray[np.float64]
    known: NDArray[np.bool_]


def _off(sharing: set[str], sent: list[Sent], got: Array) -> _Off:
    ends = ends_of(sent)
    free = np.zeros(got.shape, dtype=bool)
    for each in sent:
        if each.node not in sharing:
            free |= each.kinked
    scale, off = np.maximum(np.abs(ends.low), np.abs(ends.high)), got.astype(float) - chosen_of(sent)
    return _Off(off, ends.bound, scale, ~free & np.isfinite(scale) & np.isfinite(off))


def _off_another(sight: Sight, sharing: set[str], tensor: str) -> _Off | None:
    """That of another tensor than the one that is judged; None where it says nothing of that one."""
    if sight.is_trusted(f"grad/{tensor}"):
        return None
    try:
        got, sent = sight.captured(f"grad/{tensor}"), sent_to(sight, tensor)
    except CannotSee:
        return None
    return _off(sharing, sent, got) if np.all(ends_of(sent).hold(got.astype(float))) else None


class _Sums:
    """The sums of what is off over the groups, each taken in tensor by tensor."""

    def __init__(self, count: int, roundoff: float) -> None:
        self.count = count
        self.roundoff = roundoff
        self.off, self.bound, self.scale, self.members = (np.zeros(count) for _ in range(4))
        self.unknown = np.zeros(count, dtype=bool)

    def add(self, numbers: Numbers, found: _Off | None) -> None:
        """Take in one tensor, by the numbers of its elements' groups; None for one that says nothing."""
        inside = numbers != ALONE
        groups = numbers[inside]
        if found is None:
            self.unknown[groups] = True
            return
        self.unknown[groups[~found.known[inside]]] = True
        with np.errstate(invalid="ignore"):
            self.off += np.bincount(groups, found.off[inside], self.count)
            self.bound += np.bincount(groups, found.bound[inside], self.count)
            self.scale += np.bincount(groups, found.scale[inside], self.count)
        self.members += np.bincount(groups, minlength=self.count)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which sums are further off than rounding explains: that of the shares, and that of summing them here."""
        own = np.sqrt(self.members) * OWN_ROUNDOFF
        honest = self.bound + (self.roundoff + own) * self.scale
        return np.asarray(~self.unknown & (np.abs(self.off) > LIMIT * honest))
