"""What the worker's numbers say: a derivative with its bar for each direction, beside the framework's own gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.dtypes import Dtype
from gradconform.numeric import bars
from gradconform.numeric.bars import Quotient
from gradconform.numeric.probes import Direction, Probes

Array = NDArray[Any]

# What an honest gradient may itself be off by, in roundoffs of its largest element: a hundredth of what must be seen.
ALLOWED = 128.0


@dataclass(frozen=True)
class Measure:
    """The derivatives along one direction v, of the framework and by differences; per element where v is one element.

    direction: v.
    analytic: the captured gradient along v.
    quotient: the numerical derivative of f along v.
    allowed: what is added to the bar for the rounding of the gradient.
    largest: what a fault would be relative to.
    still: whether f was the same number at every point.
    """

    direction: Direction
    analytic: float
    quotient: Quotient
    allowed: float
    largest: float
    still: bool

    @property
    def bar(self) -> float:
        """Half the width of the whole bar around the numerical derivative."""
        return self.quotient.bar + self.allowed

    @property
    def ratio(self) -> float:
        """|analytic - numerical| / bar; NaN where there is no number."""
        off = abs(self.analytic - self.quotient.value)
        return 0.0 if off == 0 else off / self.bar if self.bar > 0 else math.inf


def measures(
    problem: Problem, gradients: Mapping[str, Array], probes: Probes, found: Array
) -> dict[str, list[Measure]]:
    """Leaf -> what was measured along its directions.

    A direction that goes through several leaves is filed under all their names, joined by a space.
    gradients: as captured, each of its leaf's shape.
    found: the worker's numbers, [steps of all directions].
    """
    values = list(probes.values(found))
    lines = {tuple(d.scale): _line(d, f) for d, f in values if d.spacing is not None}
    pooled = math.sqrt(float(np.mean(np.square(list(lines.values()))))) if lines else 0.0
    measured: dict[str, list[Measure]] = {}
    at = _Start(problem, gradients, probes)
    for direction, f in values:
        if direction.kind != "noise" and all(leaf in gradients for leaf in direction.scale):
            sigma = max(lines.get(tuple(direction.scale), 0.0), pooled)
            measured.setdefault(" ".join(direction.scale), []).append(at.measure(direction, f, sigma))
    return measured


def _line(direction: Direction, f: Array) -> float:
    return bars.noise_of(f[2 * len(direction.levels) :])


class _Start:
    """The point x that all directions start from, and the gradients there."""

    def __init__(self, problem: Problem, gradients: Mapping[str, Array], probes: Probes) -> None:
        self.probes = probes
        self.unit = Dtype.of(problem.dtype)
        self.wide = {leaf: g.astype(float) for leaf, g in gradients.items()}
        self.x = {leaf: problem.value(leaf) for leaf in gradients}
        self.largest = {leaf: float(np.max(np.abs(g), initial=0.0)) for leaf, g in self.wide.items()}

    def measure(self, direction: Direction, f: Array, sigma: float) -> Measure:
        """The derivatives along one direction.

        f: at the steps of the direction's levels, and then at the points that noise is read from.
        sigma: the standard deviation of the noise of f.
        """
        levels = direction.levels
        high, low = f[0 : 2 * len(levels) : 2], f[1 : 2 * len(levels) : 2]
        once = bars.ONCE * self.unit.roundoff * float(np.max(np.abs(f[: 2 * len(levels)])))
        sigma = max(sigma, once, self.unit.tiny)
        quotients = [float(a - b) / (2.0 * h) for a, b, h in zip(high, low, levels, strict=True)]
        analytic, magnitude = along(direction, self.wide, self.probes)
        missed = [self._realised(direction, h) - analytic for h in levels]
        if self.probes.eps is not None:
            quotient = _plain(quotients, missed, levels, sigma, direction)
        else:
            exact = [q - m for q, m in zip(quotients, missed, strict=True)]
            if direction.kinked:
                truncation = math.inf if direction.truncation is None else direction.truncation
                quotient = bars.averaged(exact, levels, sigma, truncation)
            else:
                quotient = bars.extrapolated(exact, levels, sigma)
        return self._scaled(direction, analytic, quotient, magnitude, bool(np.all(f == f[0])))

    def _scaled(
        self, direction: Direction, analytic: float, quotient: Quotient, magnitude: float, still: bool
    ) -> Measure:
        """The measure of a direction; where the direction is one element, in the units of that element's gradient."""
        rounding = ALLOWED * self.unit.roundoff
        if direction.element is None:
            largest = abs(analytic) if direction.kind == "aligned" else magnitude
            return Measure(direction, analytic, quotient, rounding * magnitude, largest, still)
        ((leaf, scale),) = direction.scale.items()
        quotient = Quotient(
            quotient.value / scale, quotient.truncation / scale, quotient.noise / scale, quotient.step * scale
        )
        largest = self.largest[leaf]
        return Measure(direction, analytic / scale, quotient, rounding * largest, largest, still)

    def _realised(self, direction: Direction, h: float) -> float:
        """<g, v> where v is the direction in which f was really moved, since x + h v and x - h v were rounded."""
        total = 0.0
        for leaf in direction.scale:
            g, x = self.wide[leaf], self.x[leaf]
            if direction.element is not None:
                # One element alone has moved.
                i = direction.element
                step = x.dtype.type(direction.scale[leaf] * h)
                at = x.reshape(-1)[i]
                gone = float(at + step) - float(at - step)
                return float(g.reshape(-1)[i]) * gone / (2.0 * h)
            up, down = (self.probes.moved(direction, leaf, x, sign * h) for sign in (1.0, -1.0))
            total += float(np.sum(g * (up.astype(float) - down.astype(float)))) / (2.0 * h)
        return total


def along(direction: Direction, gradients: Mapping[str, Array], probes: Probes) -> tuple[float, float]:
    """Gradients g by their leaves along a direction v: <g, v>, and the sum of |g v|."""
    if direction.element is not None:
        ((leaf, scale),) = direction.scale.items()
        product = float(gradients[leaf].reshape(-1)[direction.element]) * scale
        return product, abs(product)
    total = size = 0.0
    for leaf in direction.scale:
        products = gradients[leaf] * probes.along(direction, leaf, gradients[leaf].shape)
        total, size = total + float(np.sum(products)), size + float(np.sum(np.abs(products)))
    return total, size


def _plain(
    quotients: Sequence[float], missed: Sequence[float], levels: Sequence[float], sigma: float, direction: Direction
) -> Quotient:
    """The difference quotient as anyone would write it; all that is wrong with it goes into its bar."""
    truncation = abs(quotients[1] - quotients[0]) / 3.0 + abs(missed[0]) + (direction.truncation or 0.0)
    return bars.averaged(quotients[:1], levels[:1], sigma, truncation)
