"""Whether the other ways of asking a framework for its gradients give what the primary one gave.

A tensor that is identical to the bit agrees. One that is not is judged by the local check on what its own route saw;
where that route does not keep what such a judgement needs, the difference from the primary's tensor is held against
the bound of the primary's. A route that shows only where it ended, as compiled code does, may have rounded otherwise on
the way, and layers amplify that: beyond the bound its difference is then measured, not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.judge.compare import Comparison, compare
from gradconform.judge.end_to_end import addresses
from gradconform.judge.local import LocalCheck, Proof, judged, measured, row_of, why_missing
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import Reason, Row, Verdict

Array = NDArray[Any]

# What a route may say of a tensor that the primary one gave: by its nature it does not keep it, or cannot read it
# safely.
HONEST = ("not_retained", "buffer_reused")
UNSEEN = "beyond the bound of one node, but what was computed on the way was not kept"


class _Bounds(LocalCheck):
    """The local check of the primary capture, which remembers each bound."""

    def __init__(self, problem: Problem, capture: Capture, proof: Proof | None = None) -> None:
        super().__init__(problem, capture, proof)
        self.bounds: dict[str, Array | float] = {}
        self.culprits: dict[str, str] = {}

    def _against(self, row: Row, shape: tuple[int, ...], expected: Any, culprit: str) -> Row:
        known = expected.error if isinstance(expected, Rounded) else None
        self.bounds[row.tensor] = 0.0 if known is None else known
        self.culprits[row.tensor] = culprit
        return super()._against(row, shape, expected, culprit)


def rows(problem: Problem, primary: Capture, others: Sequence[Capture], proof: Proof | None = None) -> Iterator[Row]:
    """One row for each tensor of each other route, beside the primary's."""
    check = _Bounds(problem, primary, proof)
    for _ in check.rows():
        pass
    for other in others:
        own = {row.tensor: row for row in LocalCheck(problem, other, proof).rows()}
        for tensor, node, kind, shape in addresses(problem):
            row = row_of(problem, other, node=node, tensor=tensor, kind=kind, check=f"route:{primary.route}")
            yield _compared(check, other, own[tensor], row, shape)


def _compared(check: _Bounds, other: Capture, own: Row, row: Row, shape: tuple[int, ...]) -> Row:
    tensor = row.tensor
    expected, got = check.capture.tensors.get(tensor), other.tensors.get(tensor)
    if got is None:
        reason = other.missing.get(tensor, "no reason given")
        honest = own.verdict == Verdict.CONFORMS or reason == check.capture.missing.get(tensor) or reason in HONEST
        verdict = Verdict.MEASURED if honest else Verdict.MISSING
        blamed = "" if honest else own.culprit
        said, _ = why_missing(check.problem, other, tensor)
        return replace(row, shape=str(list(shape)), verdict=verdict, reason=said, culprit=blamed)
    if expected is None or expected.shape != shape:
        # The primary one is judged for that by itself.
        return replace(row, shape=str(list(shape)), verdict=Verdict.MEASURED, reason="the primary route has none")
    found = compare(got, expected.astype(float), check.bounds.get(tensor, 0.0), check.unit, shape)
    found = _without_hint(found)
    if found.reason is Reason.VALUE and own.verdict == Verdict.MISSING and not _shows_its_way(check.problem, other):
        return replace(measured(row, shape, found), reason=UNSEEN)
    if found.reason is not None and own.verdict == Verdict.CONFORMS:
        found = replace(found, reason=None, ratio=own.ratio, n_bad=0)
    return judged(row, shape, found, own.culprit or check.culprits.get(tensor, row.node))


def _shows_its_way(problem: Problem, capture: Capture) -> bool:
    return all(f"output/{name}" in capture.tensors for node in problem.nodes for name, _ in node.outputs)


def _without_hint(found: Comparison) -> Comparison:
    """`uninformative` is said of the primary capture, once."""
    return replace(found, reason=None) if found.reason == "uninformative" else found
