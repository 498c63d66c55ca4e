"""A capture folder: opened, and checked to be whole and to answer its problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from gradconform.contract.files import Array, ContractError, Tensors, explained, read_document, sound_digest
from gradconform.contract.forms import Asked, CaptureForm, Difference
from gradconform.contract.problem import Problem
from gradconform.dtypes import Dtype


@dataclass(frozen=True)
class Capture:
    """A capture folder, opened: what one route of one framework gave for one problem.

    folder: where it is.
    status, reason: `ok`, `unsupported` or `crashed`, and why.
    framework, version, route: what captured; version is empty where the framework never came up.
    missing: tensor -> why it is not there.
    tensors: name -> array, each read when it is asked for; of what crashed, the outputs of the nodes that ran.
    asked: what became of each ask of a behaviour.
    cuts: missing tensor -> where its way to the output is cut: leaves that require no gradient, then nodes.
    remedies: tensor -> the line of code that would give its gradient.
    lines: `leaf`, `between` -> the line by which this route gets one, with {name} and {output} in it.
    at: the node at which the network crashed; empty where it did not, or nobody knows.
    accumulates: operator -> in which dtypes its sums accumulate, forward and backward, where one is not the problem's.
    changed: tensor of the problem (`value/x`, `cotangent/y`) -> how it differs from what was drawn.
    repeated: tensor -> how that of a second run in the same process differs.
    """

    folder: Path
    status: str
    reason: str
    framework: str
    version: str
    route: str
    missing: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, Array] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    cuts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remedies: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    changed: Mapping[str, Difference] = field(default_factory=dict)
    repeated: Mapping[str, Difference] = field(default_factory=dict)
    accumulates: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def accumulates_in(self, operator: str, unit: Dtype, *, backward: bool) -> Dtype:
        """The dtype in which the adapter says that sums of an operator accumulate. unit: the problem's dtype."""
        told = self.accumulates.get(operator)
        return unit if told is None else Dtype.of(told[backward])


def read_capture(folder: Path, problem: Problem) -> Capture:
    """Open a capture folder and check that it is whole and answers this problem. Raises ContractError."""
    place = folder / "capture.json"
    try:
        form = CaptureForm.model_validate(read_document(place))
    except ValidationError as error:
        raise ContractError(f"{place}: {explained(error)}") from error
    head = (form.status, form.reason or "", form.framework, form.version or "", form.route)
    # What ended before it had read its problem cannot repeat the digest.
    answers = (problem.digest,) if form.status == "ok" else (problem.digest, None)
    if form.problem not in answers:
        raise ContractError(f"{folder}: answers another problem (its digest differs); capture this one again")
    partly = form.status == "crashed" and form.at is not None
    if form.status != "ok" and not partly:
        return Capture(folder, *head)
    path = folder / "capture.safetensors"
    if sound_digest(path) != form.digest:
        raise ContractError(f"{path}: damaged or not whole (its digest differs from capture.json's)")
    tensors = Tensors(path)
    if partly:
        if form.at not in {node.name for node in problem.nodes}:
            raise ContractError(f"{place}: at is {form.at!r}; expected a node of the problem; capture this one again")
        return Capture(folder, *head, tensors=tensors, at=form.at or "", accumulates=form.accumulates)
    for mistake in _asked_mistakes(problem, form.asked, tensors):
        raise ContractError(f"{place}: {mistake}")
    for mistake in (*_cut_mistakes(problem, form), *_difference_mistakes(problem, form)):
        raise ContractError(f"{place}: {mistake}")
    lines = {str(kind): line for kind, line in form.lines.items()}
    capture = Capture(folder, *head, dict(form.missing), tensors, form.asked, form.cuts, form.remedies, lines)
    return replace(capture, changed=form.changed, repeated=form.repeated, accumulates=form.accumulates)


def _cut_mistakes(problem: Problem, form: CaptureForm) -> Iterator[str]:
    """What is wrong with places: they are of a tensor that is not missing, or at no node or leaf of the problem."""
    known = {node.name for node in problem.nodes} | set(problem.graph.leaves)
    for tensor, places in form.cuts.items():
        if tensor not in form.missing:
            yield f"cuts has {tensor}, which is not missing"
        for name in sorted(set(places) - known):
            yield f"cuts has {name!r} for {tensor}; expected nodes, or leaves that require no gradient"


def _difference_mistakes(problem: Problem, form: CaptureForm) -> Iterator[str]:
    """What is wrong with differences: they are of no tensor of the problem, or figures are none."""
    own = {f"value/{name}" for name in problem.graph.leaves} | {f"cotangent/{problem.output}"}
    captured = {address.tensor for address in problem.graph.addresses()}
    for part, differences, known in (("changed", form.changed, own), ("repeated", form.repeated, captured)):
        for tensor, difference in differences.items():
            if tensor not in known:
                yield f"{part} has {tensor!r}; expected tensors of this problem"
            elif difference.n and not difference.is_of_figures:
                yield f"{part} has {difference.was!r} and {difference.now!r} for {tensor}; expected figures"


def _asked_mistakes(problem: Problem, asked: tuple[Asked, ...], tensors: Tensors) -> Iterator[str]:
    """What a capture of a behaviour lacks: an answer for each ask, in the order of these, each value with its array."""
    if tuple(answer.ask for answer in asked) != problem.asks:
        came, expected = (", ".join(names) or "nothing" for names in ([a.ask for a in asked], problem.asks))
        yield f"asked is about {came}; expected {expected}"
    for i, answer in enumerate(asked):
        if (f"ask/{i}" in tensors) != (answer.outcome == "value"):
            expected = f"expected ask/{i} in the tensors for a value, and only then"
            yield f"{answer.ask} has outcome {answer.outcome}; {expected}"
    known = {node.name for node in problem.nodes} | set(problem.graph.leaves)
    for answer in asked:
        for name in sorted(set(answer.nodes) - known):
            yield f"asked has {name!r} as a place for {answer.ask}; expected nodes, or leaves that require no gradient"
