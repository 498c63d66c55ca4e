"""The rows of the numerical check: one for each leaf, or one for all where they were moved together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, ContractError, Problem, read_capture
from gradconform.numeric import FOLDER
from gradconform.numeric.conditioning import Conditioning
from gradconform.numeric.measure import Measure, measures
from gradconform.numeric.probes import answers, read
from gradconform.numeric.scales import SCALES
from gradconform.reasons import Code, Reason, detailed
from gradconform.rows import NAN, Kind, Row, Verdict, blank

Array = NDArray[Any]
CHECK = "numeric"
# Above it a row diverges: the bar is no rounding bound of one operation, but what was measured.
LIMIT = 1.0


@dataclass(frozen=True)
class Finding:
    """What is said of one leaf.

    verdict, reason: of its row.
    worst: the measure that decides; None where there is none.
    """

    verdict: Verdict
    reason: Reason
    worst: Measure | None = None


def rows(problem: Problem, capture: Capture, probed: Path) -> Iterator[Row]:
    """The rows of the numerical check of a capture, where the forward was differenced beside it.

    probed: the problem folder with the probes.
    """
    folder = capture.folder / FOLDER
    if not folder.is_dir() or problem.exact:
        return
    row = blank(
        spec=problem.spec,
        check=CHECK,
        framework=capture.framework,
        version=capture.version,
        route=capture.route,
        dtype=problem.dtype,
    )
    try:
        forward = read_capture(folder, problem)
        if forward.status != "ok":
            yield replace(row, verdict=Verdict(forward.status), reason=Reason(forward.reason))
            return
        measured = measured_in(problem, capture, forward, probed)
    except ContractError as error:
        yield replace(row, verdict=Verdict.CRASHED, reason=Reason(str(error)))
        return
    for leaves in grouped(problem, measured):
        yield _row(problem, capture, row, leaves, measured.get(" ".join(leaves), []))


def measured_in(problem: Problem, capture: Capture, found: Capture, probed: Path) -> dict[str, list[Measure]]:
    """What was measured: leaf, or all leaves joined by a space -> the measures along its directions.

    found: the capture of the forward alone.
    probed: the problem folder with the probes that were asked for; where it has none, the problem's own are taken.
    Raises ContractError.
    """
    # Another machine may have chosen other steps for the same problem.
    place = next((p for p in (probed, problem.folder) if (p / FOLDER / "probes.json").exists()), problem.folder)
    probes = read(place / FOLDER, problem)
    measured = measures(problem, gradients(problem, capture), probes, answers(found.tensors, probes))
    conditioning = Conditioning(problem, probes)
    # The conditioning costs several runs of the reference: it is asked where it decides.
    return {leaves: conditioning.widened(each) if _beyond(each) else each for leaves, each in measured.items()}


def _beyond(measured: Sequence[Measure]) -> bool:
    return any(m.ratio > LIMIT for m in measured)


def gradients(problem: Problem, capture: Capture) -> dict[str, Array]:
    """Leaf -> its captured gradient; zeros where the output does not depend on the leaf."""
    captured = {}
    for name in problem.graph.wanted:
        leaf, array = problem.graph.leaves[name], capture.tensors.get(f"grad/{name}")
        if array is None and capture.missing.get(f"grad/{name}") == Code.NOT_ON_PATH:
            array = np.zeros(leaf.shape, leaf.dtype)
        if array is not None and array.shape == leaf.shape:
            captured[name] = array
    return captured


def grouped(problem: Problem, measured: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The leaves that share a row: each by itself, or all together where they were moved together."""
    leaves = problem.graph.wanted
    if len(leaves) > 1 and " ".join(leaves) in measured:
        yield leaves
    else:
        yield from ((leaf,) for leaf in leaves)


def _row(problem: Problem, capture: Capture, row: Row, leaves: Sequence[str], measured: Sequence[Measure]) -> Row:
    finding = _missing(capture, leaves[0]) if not measured else judged(measured, problem.dtype)
    if len(leaves) == 1:
        leaf, readers = problem.graph.leaves[leaves[0]], problem.graph.readers.get(leaves[0], ())
        row = replace(
            row,
            tensor=f"grad/{leaves[0]}",
            kind=Kind(leaf.kind),
            node=readers[0].name if readers else "",
            op=readers[0].op if readers else "",
            shape=str(list(leaf.shape)),
        )
    else:
        finding = replace(finding, reason=Reason(f"all {len(leaves)} tensors along one direction: {finding.reason}"))
    worst = finding.worst
    if worst is None:
        return replace(row, verdict=finding.verdict, reason=finding.reason)
    off = [abs(m.analytic - m.quotient.value) for m in measured]
    scale = max(m.largest for m in measured)
    element = worst.direction.element
    index = "" if element is None else str([int(i) for i in np.unravel_index(element, problem.graph.shape(leaves[0]))])
    diverges = finding.verdict == Verdict.DIVERGES
    return replace(
        row,
        ratio=worst.ratio,
        max_abs_err=max(off),
        max_rel_err=max(off) / scale if scale > 0 else NAN,
        worst_index=index,
        got=worst.analytic,
        expected=worst.quotient.value,
        n_bad=sum(m.ratio > LIMIT for m in measured),
        verdict=finding.verdict,
        reason=finding.reason,
        culprit=row.node if diverges else "",
    )


def _missing(capture: Capture, leaf: str) -> Finding:
    said = capture.missing.get(f"grad/{leaf}", "it has another shape")
    return Finding(Verdict.INCONCLUSIVE, Reason(f"no gradient to hold against: {said}"))


def judged(measured: Sequence[Measure], dtype: str) -> Finding:
    """What is said of one leaf from what was measured.

    A derivative outside its bar diverges; else the leaf conforms where the bars are narrow enough to have seen a fault.
    """
    if any(not math.isfinite(m.analytic) for m in measured):
        return Finding(Verdict.DIVERGES, Reason(Code.NONFINITE))
    unbarred = next((m for m in measured if not math.isfinite(m.bar) or not math.isfinite(m.quotient.value)), None)
    if unbarred is not None:
        return Finding(Verdict.INCONCLUSIVE, Reason(f"no finite bar{_kinks(unbarred)}"))
    worst = max(measured, key=lambda m: m.ratio)
    if worst.ratio > LIMIT:
        return Finding(Verdict.DIVERGES, detailed(Code.VALUE, told(worst)), worst)
    # Random signs see what should be zero; what could have been seen is said of the others.
    scaled = [m for m in measured if m.direction.kind != "sign"] or list(measured)
    widest = max(scaled, key=lambda m: m.bar)
    if widest.largest == 0.0 and all(m.still for m in measured):
        return Finding(Verdict.CONFORMS, Reason(f"zero: f is the same number at every point; {told(worst)}"), worst)
    # A fault of the size to be seen moves the gradient by two bars: past the bar, wherever it was within it before.
    if widest.bar <= SCALES[dtype].resolution / 2.0 * widest.largest:
        return Finding(Verdict.CONFORMS, Reason(told(worst)), worst)
    share = f"{widest.bar / widest.largest:.1e}" if widest.largest > 0 else "infinitely many"
    wide = f"bar of {share} times the gradient, expected {SCALES[dtype].resolution / 2.0:.0e} or less"
    return Finding(Verdict.INCONCLUSIVE, Reason(f"{wide}; {told(widest)}"), worst)


def told(measure: Measure) -> str:
    """The step, the bar and the kinks of one measure, in words."""
    quotient = measure.quotient
    parts = f"{quotient.noise:.1e} noise, {quotient.truncation:.1e} truncation, {measure.allowed:.1e} rounding"
    kind = measure.direction.kind
    way = "" if kind == "element" else f" along {'its own direction' if kind == 'aligned' else 'random signs'}"
    return f"step {quotient.step:.1e}{way}, bar {measure.bar:.1e} ({parts}){_kinks(measure)}"


def _kinks(measure: Measure) -> str:
    nodes = measure.direction.kinks
    if not nodes:
        return ""
    first, count = next(iter(nodes)), sum(nodes.values())
    others = f" and {len(nodes) - 1} more nodes" if len(nodes) > 1 else ""
    return f", {'kink' if count == 1 else f'{count} kinks'} at {first}{others}"
