"""What is right of a gradient whose element lies on a kink: any of its subgradients.

A gradient that is not what the reference's own choice makes it is held against the set of all that can be right. Each
reader of its tensor sends back a number between two ends (`Operator.subgradients`), and their ends add. Where elements
share one gradient their sum is held too (`shares.py`). What lies on no kink stays held as it was, by the same bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.judge.judgement import Judgement
from gradconform.judge.shares import of_wrong_sums
from gradconform.judge.sight import Sight
from gradconform.judge.subgradients import ends_of, plain, sent_to
from gradconform.reasons import Code
from gradconform.reference.inserted import definition
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT

Array = NDArray[Any]


@dataclass(frozen=True)
class Nearest:
    """What a gradient should be, at kinks the subgradient that is nearest to it.

    expectation: plain numbers or Rounded ones, as that of the reference's own choice is.
    code: why it is right where that one would not have it.
    """

    expectation: Any
    code: Code


def nearest(sight: Sight, name: str, judgement: Judgement) -> Nearest | None:
    """What of the gradient of the tensor `name` can be right, or None where the kinks of its readers explain nothing.

    judgement: of that gradient, against the reference's own choice.
    """
    got, comparison = judgement.got, judgement.comparison
    if got is None or comparison is None or comparison.reason not in (Code.VALUE, Code.NOT_BITWISE, Code.NONFINITE):
        return None
    senders = sight.problem.graph.senders(name)
    if all(definition(node.op).smooth for node in senders):
        return None
    sent = sent_to(sight, name)
    ends, wide = ends_of(sent), got.astype(float)
    missed = ~_agrees(wide, judgement.expected, judgement.bound)
    between = missed & ends.hold(wide) & (ends.low < ends.high) & ~ends.open
    if between.any():
        between &= ~of_wrong_sums(sight, name, sent, got)
    aside = missed & (ends.open | (np.isnan(wide) & _multiplied(sight, name)))
    if not np.any(between | aside):
        return None
    value = np.where(between, np.clip(wide, ends.low, ends.high), np.where(aside, wide, judgement.expected))
    # A kink that an infinity arrives at lets any number be right as well, and nothing there is no number.
    at_nan = aside.any() and any(map(sight.holds_nan, senders))
    code = Code.DERIVATIVE_AT_NAN if at_nan else Code.SUBGRADIENT
    if not isinstance(judgement.expectation, Rounded):
        return Nearest(value, code)
    error = np.where(between, ends.bound, np.where(aside, 0.0, judgement.bound))
    return Nearest(Rounded(value, error, unit=sight.unit), code)


def _multiplied(sight: Sight, name: str) -> Array:
    """Where a function that chooses, element by element, was handed NaN or an infinity.

    Where it sends nothing back, a framework that selects gives 0, and one that multiplies by 0 gives NaN.
    """
    found = np.zeros(sight.shapes[name], bool)
    for node in sight.problem.graph.senders(name):
        operator = definition(node.op)
        if operator.elementwise and not operator.smooth:
            dy, _ = sight.handed(node)
            found |= ~np.isfinite(plain(dy))
    return found


def _agrees(got: Array, expected: Array, bound: Array | float) -> Array:
    """Which elements are as expected, within the limit."""
    near = np.abs(got - expected) <= LIMIT * np.asarray(bound)
    return np.asarray(near | (got == expected) | (np.isnan(got) & np.isnan(expected)))
