"""Running sums: each element of the result is a sum of all terms up to its own, and is charged as one.

A framework that adds term after term rounds the sum of the first k terms k - 1 times; one that adds in blocks, less
often. So the rule is that of a sum (`Rounded.total`), for each element with its own number of terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.tracked.arrays import Tracked, implements
from gradconform.reference.tracked.equal_terms import FEW, excess
from gradconform.reference.tracked.exactness import Exact, grain
from gradconform.reference.tracked.rounding import UNDERFLOWS, Rounded


def running_sum(a: Any, axis: int) -> Any:
    """The sum of all elements up to each along an axis: `np.cumsum`, of arrays of any type."""
    return np.cumsum(a, axis=axis)


@implements(np.cumsum)
def _cumsum(a: Tracked, axis: int) -> Tracked:
    assert isinstance(a, Rounded | Exact)
    return _rounded(a, axis) if isinstance(a, Rounded) else _exact(a, axis)


def _rounded(a: Rounded, axis: int) -> Rounded:
    """sqrt(k - 1) u sum|a| over the first k terms that may not be zero; where many are equal, more.

    What equal terms add is counted over all terms of the axis, which is no less than over the first of them.
    """
    value = np.cumsum(a.value, axis=axis)
    propagated = None if a.error is None else np.cumsum(a.error, axis=axis)
    counts = a.value != 0 if a.error is None else (a.value != 0) | (a.error > UNDERFLOWS * a.unit.underflow)
    together = np.maximum(np.cumsum(counts, axis=axis) - 1.0, 0.0)
    if not together.any():
        return a.like(value, propagated)
    if np.max(together) >= FEW:
        many = excess(np.moveaxis(a.value, axis, -1), a.summed_in.roundoff)
        together = np.where(together > 0, together + np.expand_dims(many, axis), 0.0)
    return a.summed(value, propagated, np.sqrt(together) * np.cumsum(np.abs(a.value), axis=axis))


def _exact(a: Exact, axis: int) -> Exact:
    """Raises InexactError where a partial sum could round."""
    largest = float(np.max(np.sum(np.abs(a.value), axis=axis), initial=0.0))
    return a.checked(np.cumsum(a.value, axis=axis), largest, grain(a.value), "cumsum")
