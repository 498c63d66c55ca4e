"""Error bars of difference quotients.

Noise is measured as by More and Wild (2011), *Estimating computational noise*; the step is then chosen as in their
*Estimating derivatives of noisy simulations* (2012): large enough that noise over step does not matter. What a step
truncates is removed by Richardson's extrapolation, and bounded by what the last extrapolation still changed (Ridders,
1982).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# How many standard deviations of noise a bar has: a report holds some 10**4 quotients, and the noise of floating-point
# sums has no heavy tails.
DEVIATIONS = 5.0
# The orders of differences that noise is read from. Lower ones still hold the function, higher ones are too few.
ORDERS = (3, 4, 5)
# A number that is rounded once is off by up to u of its size, so its noise is taken for u / sqrt(3) of it or more.
ONCE = 0.6


@dataclass(frozen=True)
class Quotient:
    """A numerical derivative.

    value: the estimate.
    truncation, noise: the parts of the bar around it.
    step: the largest step that it used.
    """

    value: float
    truncation: float
    noise: float
    step: float

    @property
    def bar(self) -> float:
        """Half the width of the bar around the derivative."""
        return self.truncation + self.noise


def noise_of(values: Array) -> float:
    """The standard deviation of the noise of f from its values at equally spaced points, close together.

    The k-th differences of noise of deviation s have the deviation s sqrt((2k)! / k!^2).
    """
    deviations = []
    for k in ORDERS:
        differences = np.diff(values, k)
        factor = math.factorial(k) ** 2 / math.factorial(2 * k)
        deviations.append(math.sqrt(factor * float(np.mean(np.square(differences)))))
    return max(deviations)


def averaged(quotients: Sequence[float], steps: Sequence[float], sigma: float, truncation: float) -> Quotient:
    """The mean of central difference quotients at several steps, whose truncation is known from elsewhere.

    It is weighted by the squared steps, which leaves the least noise. Points that are near each other share some of
    their
    rounding: half of them count.
    """
    shared = 1.0 if len(steps) == 1 else 2.0
    noise = DEVIATIONS * sigma * math.sqrt(shared / (2.0 * math.fsum(h * h for h in steps)))
    return Quotient(mean(quotients, steps), truncation, noise, steps[0])


def mean(quotients: Sequence[float], steps: Sequence[float]) -> float:
    """The mean of difference quotients, weighted by their squared steps."""
    weights = np.square(steps)
    return float(np.sum(weights * quotients) / np.sum(weights))


def extrapolated(quotients: Sequence[float], steps: Sequence[float], sigma: float) -> Quotient:
    """The best entry of Richardson's table over central difference quotients at halved steps.

    quotients: largest step first, three or more. sigma: standard deviation of the noise of one value of f. An entry is
    off by no more than the last extrapolation changed; the noise of each is followed through its weights.
    """
    count = len(quotients)
    rows: list[list[Array]] = []
    weights = np.eye(count)
    for i in range(count):
        row = [weights[i]]
        for j in range(1, i + 1):
            row.append(row[j - 1] + (row[j - 1] - rows[i - 1][j - 1]) / (4.0**j - 1.0))
        rows.append(row)
    values = np.asarray(quotients)
    table = [[float(w @ values) for w in row] for row in rows]
    best: Quotient | None = None
    for i, row in enumerate(rows):
        for j, w in enumerate(row):
            noise = float(np.sqrt(np.sum(np.square(w / np.asarray(steps)))))
            truncation = _truncation(table, i, j)
            entry = Quotient(table[i][j], truncation, DEVIATIONS * sigma / math.sqrt(2.0) * noise, steps[0])
            if best is None or not entry.bar >= best.bar:
                best = entry
    assert best is not None
    return best


def _truncation(table: Sequence[Sequence[float]], i: int, j: int) -> float:
    """What the entry of step i and order j may be off by."""
    if j:
        return max(abs(table[i][j] - table[i][j - 1]), abs(table[i][j] - table[i - 1][j - 1]))
    # A plain quotient is off by c h^2: a third of what doubling its step changed, 4/3 of what halving it does.
    before = abs(table[i][0] - table[i - 1][0]) / 3.0 if i else 0.0
    return max([before, *(4.0 / 3.0 * abs(table[i][0] - later[0]) for later in table[i + 1 :])])
