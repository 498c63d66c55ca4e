"""The sum of what several readers of a tensor send back to it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from gradconform.reference.tracked.rounding import Rounded


def plus(a: Any, b: Any) -> Any:
    """The sum of two parts of one gradient, each [...] and perhaps `Rounded`, in whichever order a framework adds them.

    It may add the K terms of one part, one by one, to the other part that is there already: then each of them rounds a
    number as large as that, sqrt(K - 1) u |other| more than the one addition (Higham and Mary, 2019). This is large
    beside the bound of the sum where the part of many terms is small: a shortcut around a convolution, for one.
    """
    total = a + b
    if not isinstance(total, Rounded):
        return total
    parts = [part if isinstance(part, Rounded) else total.like(np.asarray(part, float), None) for part in (a, b)]
    terms = [part.terms for part in parts]
    total.terms = sum(terms)
    more = [np.sqrt(k - 1.0) * np.abs(other.value) for k, other in zip(terms, reversed(parts), strict=True) if k > 1]
    if more and total.error is not None:
        rounded = np.where(np.isfinite(total.value), reduce(np.maximum, more), 0.0)
        total.error = total.error + total.unit.roundoff * rounded
    return total
