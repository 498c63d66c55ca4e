"""Whether the other ways of asking a framework for its gradients give what the primary one gave.

A tensor that is identical to the bit agrees. One that is not is judged by the local check on what its own route saw;
where that route does not keep what such a judgement needs, the difference from the primary's tensor is held against
the bound of the primary's. Beyond that, a route that keeps every output has its gradients held against the whole
backward of the reference from these, with a bound that travels: `torch.func.vjp` differentiates silu and a cross
entropy of logits by other kernels than backward() does, so that all gradients further up round otherwise. A route that
shows only where it ended, as compiled code does, may have rounded otherwise on the way, and layers amplify that:
beyond the bound its difference is then measured, not judged.

The layout `expanded` has numbers of its own: it is judged by the local check alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.dtypes import Dtype, is_float
from gradconform.judge import expanded
from gradconform.judge.compare import Comparison, compare
from gradconform.judge.judgement import AT_KINKS, HINTS, Judgement, judged, measured, row_of
from gradconform.judge.known import Known
from gradconform.judge.listing import Listing
from gradconform.judge.local import LocalCheck, why_missing
from gradconform.judge.sight import CannotSee, Proof, Sight
from gradconform.reasons import Code, Reason
from gradconform.reference.network import backward
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import NAN, Blame, Check, CheckKind, Kind, Row, Verdict

Array = NDArray[Any]

# What a route may say of a tensor that the primary one gave: by its nature it does not keep it, or cannot read it
# safely.
HONEST = (Code.NOT_RETAINED, Code.BUFFER_REUSED)
ROUTE_OF_PRIMARY = Check(CheckKind.ROUTE, "primary")
"""Of a route that gave nothing, where the name of the primary one is not known."""

UNSEEN = Reason("beyond the bound of one node, but what was computed on the way was not kept")
NONE_THERE = Reason("the primary route has none")


class Primary:
    """The primary capture of a framework, and how far each of its tensors may honestly be off.

    `note` takes in each judgement of that capture while the local check makes it, and only the bound of it is kept.
    """

    def __init__(self, problem: Problem, capture: Capture) -> None:
        self.problem = problem
        self.capture = capture
        self.unit = Dtype.of(problem.dtype)
        self.bounds: dict[str, Array | float] = {}
        self.culprits: dict[str, str] = {}

    def note(self, judgement: Judgement) -> None:
        """Take in one judgement of the primary capture, and keep its bound."""
        self.bounds[judgement.tensor] = judgement.bound
        self.culprits[judgement.tensor] = judgement.culprits


class Travelled:
    """The gradients that follow from the outputs which a route kept, by the whole backward of the reference."""

    def __init__(self, sight: Sight) -> None:
        self.sight, self.problem = sight, sight.problem

    def compared(self, tensor: str, got: Array, before: Comparison) -> Comparison:
        """A gradient within the bound that travelled to it; else the comparison that was made before."""
        name = tensor.partition("/")[2]
        right = self._gradients.get(name) if tensor.startswith("grad/") else None
        if not isinstance(right, Rounded):
            return before
        shape = self.problem.graph.shapes[name]
        comparison = _without_hint(compare(got, right.value, right.bound(), self.sight.unit, shape))
        return before if comparison.reason is not None else comparison

    @cached_property
    def _gradients(self) -> dict[str, Any]:
        """By tensor; none where an output is not what it should be, which has a row of its own."""
        graph = self.problem.graph
        outputs = [output.name for node in graph.nodes for output in node.outputs]
        try:
            kept = {name: self.sight.captured(f"output/{name}") for name in outputs}
        except CannotSee:
            return {}
        # An updated running statistic is called like the buffer that the node was given.
        kept.update({name: self.problem.value(name) for name in graph.leaves})
        tensors = {name: self._rounded(array) for name, array in kept.items()}
        return backward(graph, tensors, self._rounded(self.problem.cotangent))

    def _rounded(self, array: Array) -> Any:
        return Rounded(array, unit=self.sight.unit) if is_float(array) else array


def rows(
    primary: Primary, others: Sequence[Capture], proof: Proof | None = None, entries: Sequence[Known] = ()
) -> Iterator[Row]:
    """One row for each tensor of each other route, beside the primary's. entries: the divergences that are listed."""
    problem, check = primary.problem, Check(CheckKind.ROUTE, primary.capture.route)
    for other in others:
        if other.route == expanded.ROUTE:
            yield from _alone(LocalCheck(expanded.expanded(problem), other), check, entries)
            continue
        local = LocalCheck(problem, other, proof)
        own = {row.tensor: row for row in _alone(local, check, entries)}
        travelled = Travelled(local.sight) if _shows_its_way(problem, other) else None
        for tensor, node, kind, shape in problem.graph.addresses():
            row = row_of(problem, other, node=node, tensor=tensor, kind=Kind(kind), check=check)
            yield _beside(primary, other, own[tensor], row, shape, travelled)


def _alone(local: LocalCheck, check: Check, entries: Sequence[Known]) -> Iterator[Row]:
    """The judgements of a capture by itself, as rows, which hold no arrays; what is listed is so for every route."""
    listing = Listing(local.problem, local.capture, entries)
    for judgement in local.judgements():
        yield listing.marked(judgement, judgement.row(local.problem, local.capture, check))


def _beside(
    primary: Primary, other: Capture, own: Row, row: Row, shape: tuple[int, ...], travelled: Travelled | None
) -> Row:
    """The row of one tensor of another route.

    own: its judgement by the local check of its own route. travelled: of a route that keeps every output.
    """
    problem, tensor = primary.problem, row.tensor
    expected, got = primary.capture.tensors.get(tensor), other.tensors.get(tensor)
    if got is None:
        reason = other.missing.get(tensor, "no reason given")
        honest = own.verdict == Verdict.CONFORMS or reason == primary.capture.missing.get(tensor) or reason in HONEST
        verdict = Verdict.MEASURED if honest else Verdict.MISSING
        blamed = "" if honest else own.culprit
        absent, _ = why_missing(problem, other, tensor)
        absence = replace(row, shape=str(list(shape)), verdict=verdict, reason=absent, culprit=blamed)
        return replace(absence, blame=own.blame if blamed else Blame.NONE)
    if expected is None or expected.shape != shape:
        # The primary one is judged for that by itself.
        return replace(row, shape=str(list(shape)), verdict=Verdict.MEASURED, reason=NONE_THERE)
    comparison = compare(got, expected.astype(float), primary.bounds.get(tensor, 0.0), primary.unit, shape)
    comparison = _without_hint(comparison)
    lost = comparison.reason is Code.VALUE and own.verdict == Verdict.MISSING
    if lost and travelled is None:
        return replace(measured(row, shape, comparison), reason=UNSEEN)
    if lost and travelled is not None:
        comparison = travelled.compared(tensor, got, comparison)
    if comparison.reason is not None and own.verdict == Verdict.CONFORMS:
        # That its own route chose otherwise at a kink is worth a word; that little was tested is not said twice.
        hint = own.reason.code if own.reason.code in AT_KINKS else None
        comparison = replace(comparison, reason=hint, ratio=own.ratio, n_bad=0, digits=NAN)
    made = judged(row, shape, comparison, own.culprit or primary.culprits.get(tensor, row.node))
    senders = problem.graph.senders(tensor.partition("/")[2])
    several = " ".join(node.name for node in senders) == made.culprit and len(senders) > 1
    if made.verdict.wrong and own.verdict == Verdict.KNOWN:
        made = replace(made, verdict=own.verdict, reason=own.reason)
    return replace(made, blame=Blame.JOINT if several else Blame.NONE)


def _shows_its_way(problem: Problem, capture: Capture) -> bool:
    return all(f"output/{output.name}" in capture.tensors for node in problem.nodes for output in node.outputs)


def _without_hint(comparison: Comparison) -> Comparison:
    """The comparison without a hint such as `uninformative`, which is given once, of the primary capture."""
    hint = comparison.reason in HINTS
    return replace(comparison, reason=None) if hint else comparison
