"""What the judge finds of one tensor, as a value: rows, blame, the bounds of routes and the evidence are made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.judge.compare import Comparison
from gradconform.reasons import Code, Reason
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import NAN, Blame, Check, Kind, Row, Verdict, blank

Array = NDArray[Any]

AT_KINKS = (Code.SUBGRADIENT, Code.DERIVATIVE_AT_NAN)
"""Why a gradient conforms that is not what the reference chose at a kink."""
HINTS = (Code.UNINFORMATIVE, Code.NONFINITE_EXPECTED, *AT_KINKS)
"""What is said of a tensor that conforms."""


@dataclass(frozen=True)
class Judgement:
    """One tensor of a capture held against what its node should have made of what it saw.

    tensor: its name in the capture, such as `grad/x`.
    node: the node whose tensor it is; empty where nothing reads an input.
    kind: what the tensor is.
    shape: the one that the problem says.
    verdict, reason: what the row of it will say.
    got: as captured; None where it is missing.
    expectation: what the reference gave: numbers to be met to the bit, or Rounded ones, which carry their bound. None
    where nobody can know, or where the tensor is rightly missing.
    comparison: of got and expectation; None where there is nothing to compare.
    culprits: the nodes to look at, joined by a space, if it is wrong.
    judged_from: the captured tensors from which the expectation was computed.
    blame: how the culprits were found; `joint` where they are several readers of the tensor.
    """

    tensor: str
    node: str
    kind: Kind
    shape: tuple[int, ...]
    verdict: Verdict
    reason: Reason = Reason()
    got: Array | None = None
    expectation: Any = None
    comparison: Comparison | None = None
    culprits: str = ""
    judged_from: tuple[str, ...] = ()
    blame: Blame = Blame.NONE

    @property
    def expected(self) -> Array:
        """The right numbers of the tensor, in float64."""
        rounded = isinstance(self.expectation, Rounded)
        return np.asarray(self.expectation.value if rounded else self.expectation, float)

    @property
    def bound(self) -> Array | float:
        """The largest honest |error|, of a shape that can be broadcast; 0.0 where equality is demanded or unknown."""
        error = self.expectation.error if isinstance(self.expectation, Rounded) else None
        return 0.0 if error is None else error

    @property
    def blamed(self) -> str:
        """The culprits where the tensor is wrong or not there; empty where it could not be judged."""
        wrong = self.verdict == Verdict.DIVERGES or (self.verdict == Verdict.MISSING and self.got is None)
        return self.culprits if wrong else ""

    def row(self, problem: Problem, capture: Capture, check: Check) -> Row:
        """The judgement as a row."""
        row = row_of(problem, capture, node=self.node, tensor=self.tensor, kind=self.kind, check=check)
        if self.comparison is not None:
            row = compared(row, self.shape, self.comparison)
        blame = self.blame if self.blamed else Blame.NONE
        return replace(
            row,
            shape=str(list(self.shape)),
            verdict=self.verdict,
            reason=self.reason,
            culprit=self.blamed,
            blame=blame,
        )


def row_of(problem: Problem, capture: Capture, *, node: str, tensor: str, kind: Kind, check: Check) -> Row:
    """The row of a tensor before anything is known of it."""
    op = problem.graph.by_name[node].op if node in problem.graph.by_name else ""
    return blank(
        spec=problem.spec,
        node=node,
        op=op,
        tensor=tensor,
        kind=kind,
        check=check,
        framework=capture.framework,
        version=capture.version,
        route=capture.route,
        dtype=problem.dtype,
    )


def verdict_of(comparison: Comparison) -> Verdict:
    """Whether a tensor conforms. Only a difference that the check judges makes it diverge."""
    if comparison.reason is Code.UNDECIDED:
        return Verdict.INCONCLUSIVE
    wrong = comparison.reason not in (None, *HINTS)
    return Verdict.DIVERGES if wrong else Verdict.CONFORMS


def reason_of(comparison: Comparison) -> Reason:
    """The code of what a comparison found, or an empty reason."""
    return Reason(comparison.reason or "")


def judged(row: Row, shape: tuple[int, ...], comparison: Comparison, culprits: str) -> Row:
    """The row with its figures and its verdict. culprits: the nodes to look at if it diverges."""
    verdict = verdict_of(comparison)
    culprit = culprits if verdict == Verdict.DIVERGES else ""
    return replace(compared(row, shape, comparison), verdict=verdict, reason=reason_of(comparison), culprit=culprit)


def measured(row: Row, shape: tuple[int, ...], comparison: Comparison) -> Row:
    """The row of a difference that is reported but not judged."""
    return replace(compared(row, shape, comparison), verdict=Verdict.MEASURED, reason=reason_of(comparison), ratio=NAN)


def compared(row: Row, shape: tuple[int, ...], comparison: Comparison) -> Row:
    """The row with the figures of a comparison; its verdict is left as it is."""
    worst = comparison.worst
    index = "" if worst is None else str([int(i) for i in np.unravel_index(worst, shape)])
    return replace(
        row,
        shape=str(list(shape)),
        ratio=comparison.ratio,
        max_abs_err=comparison.max_abs_err,
        max_rel_err=comparison.max_rel_err,
        worst_index=index,
        got=comparison.got,
        expected=comparison.expected,
        n_bad=comparison.n_bad,
        n_nonfinite=comparison.n_nonfinite,
        digits=comparison.digits,
    )
