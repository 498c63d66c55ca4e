"""Who is to blame where a wrong tensor made its neighbours look wrong.

A stale or spoilt tensor was not what its neighbours saw, so what they rightly made of the right numbers does not fit
the captured ones. Each diverging row is therefore judged once more, in the same order, with the diverging tensors that
it was judged from replaced by what was expected of them. A row that conforms then was never its own node's fault: the
culprit of what was replaced takes its place. The verdicts stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradconform.contract import Capture, Problem
from gradconform.judge.local import LocalCheck, Proof
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import Row, Verdict


def rows(problem: Problem, capture: Capture, proof: Proof | None = None) -> Iterator[Row]:
    """The rows of the local check, each with the nodes that are to blame."""
    first = list(LocalCheck(problem, capture, proof).rows())
    # In an exact problem the right value of every tensor is known, and the check looks at it by itself.
    if problem.exact or not any(row.verdict == Verdict.DIVERGES for row in first):
        yield from first
    else:
        yield from _SecondLook(problem, capture, first).rows()


class _SecondLook(LocalCheck):
    """The local check once more, with expected tensors in the place of diverging ones."""

    def __init__(self, problem: Problem, capture: Capture, first: Sequence[Row]) -> None:
        super().__init__(problem, capture)
        self.first: Mapping[str, Row] = {row.tensor: row for row in first}
        self.trusted: dict[str, tuple[Any, str]] = {}

    def _tensor(self, name: str) -> Any:
        trusted = self.trusted.get(f"output/{name}")
        return super()._tensor(name) if trusted is None else trusted[0]

    def _captured(self, name: str) -> Any:
        trusted = self.trusted.get(name)
        return super()._captured(name) if trusted is None else trusted[0]

    def _wrapped(self, array: Any) -> Any:
        return array if isinstance(array, Rounded) else super()._wrapped(array)

    def _against(self, row: Row, shape: tuple[int, ...], expected: Any, culprit: str) -> Row:
        first = self.first[row.tensor]
        if first.verdict != Verdict.DIVERGES:
            return first
        again = super()._against(row, shape, expected, culprit)
        blamed = [self.trusted[name][1] for name in self._judged_from(row.tensor) if name in self.trusted]
        if again.verdict == Verdict.CONFORMS and blamed:
            return replace(first, culprit=" ".join(dict.fromkeys(" ".join(blamed).split())))
        self.trusted[row.tensor] = (expected, first.culprit)
        return first

    def _judged_from(self, tensor: str) -> Iterator[str]:
        """The captured tensors from which the expectation of this one was computed."""
        kind, _, name = tensor.partition("/")
        nodes = [n for n in self.problem.nodes if name in dict(n.outputs)] if kind == "output" else self.readers[name]
        for node in nodes:
            yield from (f"output/{read}" for read in node.reads)
            if kind == "grad":
                yield f"grad/{node.name}"
