"""The steps along one direction, chosen on the reference: where kinks are, and where the bar would be narrowest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gradconform.numeric import bars, branches
from gradconform.numeric.point import Reference
from gradconform.numeric.probes import Direction, Probes
from gradconform.numeric.scales import SCALES

# The largest step is two to this power times the largest element of a leaf.
TOP = -1
# A step is first tried where noise alone would use up this share of what may be used.
SHARE = 1.0 / 16.0
# How far from there, in powers of two, a step is looked for: larger or, for the sake of kinks, smaller ones.
GROWTH, SMALLER, KINKED = 2, (0, 2, 4), range(2, -9, -1)
# Over how many steps a quotient is averaged where kinks leave no step that is large enough for one: the first count
# that is enough, as long as the count times the number of leaves stays below a limit.
AVERAGED, AVERAGED_LIMIT = (1, 8, 32), 400
# The truncation that the reference finds is the framework's but for rounding, which may decide a choice at x itself.
GUARD = 1.25


class Ladder:
    """Chooses the steps along one direction. A step is given as its exponent e: it is 2^e.

    What is chosen is given as fields of `Direction`.
    """

    def __init__(self, reference: Reference, probes: Probes, direction: Direction) -> None:
        self.reference, self.probes, self.direction = reference, probes, direction
        # Nearer points would share their rounding.
        self.apart = SCALES[reference.problem.dtype].spacing
        self.seen: dict[float, tuple[float, dict[str, int]]] = {}

    @cached_property
    def derivative(self) -> float:
        """The derivative of f along the direction, in the reference."""
        gradients = self.reference.gradients
        return sum(
            float(np.sum(gradients[leaf] * self.probes.along(self.direction, leaf, gradients[leaf].shape)))
            for leaf in self.direction.scale
        )

    def look(self, step: float) -> tuple[float, dict[str, int]]:
        """The reference's central difference quotient at a step, and node -> how many kinks lie within the step."""
        if step not in self.seen:
            up, down = (self.reference.at(self.probes, self.direction, sign * step) for sign in (1.0, -1.0))
            kinks = branches.flips(self.reference.base.choices, up.choices)
            for node, count in branches.flips(self.reference.base.choices, down.choices).items():
                kinks[node] = kinks.get(node, 0) + count
            self.seen[step] = ((up.f - down.f) / (2.0 * step), kinks)
        return self.seen[step]

    def clean(self, e: int) -> bool:
        """Whether no kink lies within 2^e, 2^(e-1) or 2^(e-2)."""
        # The smallest first: a kink within it is within the others too, and they need not be looked at.
        found = (self.look(h) for h in reversed(levels(e)))
        return all(math.isfinite(quotient) and not kinks for quotient, kinks in found)

    def smooth(self, e: int) -> float:
        """How wide the bar would be by extrapolation from 2^e, if f had the noise of the reference."""
        return bars.extrapolated([self.look(h)[0] for h in levels(e)], levels(e), self.reference.noise).bar

    def truncation(self, steps: Sequence[float]) -> float:
        """What the mean quotient over some steps is off by in the reference, or the one at half the first if more.

        Both are looked at since either error may cross zero.
        """
        mean = bars.mean([self.look(h)[0] for h in steps], steps)
        found = max(abs(mean - self.derivative), abs(self.look(steps[0] / 2.0)[0] - self.derivative))
        return GUARD * found if math.isfinite(found) else math.inf

    def choose(self, target: float) -> dict[str, Any]:
        """The steps at which the bar becomes as narrow as `target`, as far as that can be.

        Steps without a kink within them are taken where their bar is narrow enough. A target that is not a positive
        number means that f has no slope to tell: any bar will do then.
        """
        target = target if 0 < target < math.inf else math.inf
        e = self.start(target)
        for lower in SMALLER if len(self.direction.scale) == 1 else SMALLER[:1]:
            if self.clean(e - lower) and self.smooth(e - lower) <= target:
                return self.free_of_kinks(e - lower)
        return self.kinked(e, target)

    def start(self, target: float) -> int:
        """The exponent of the step at which noise alone takes up a small share of the target."""
        bottom = SCALES[self.reference.problem.dtype].bottom
        noise = bars.DEVIATIONS / math.sqrt(2.0) * self.reference.noise
        if target == math.inf:
            return TOP
        return max(bottom, min(TOP, math.ceil(math.log2(noise / (SHARE * target)))))

    def free_of_kinks(self, e: int) -> dict[str, Any]:
        """Three halved steps from 2^e, or from larger ones while no kink is within them and the bar gets narrower."""
        while e + GROWTH <= TOP and self.clean(e + GROWTH) and self.smooth(e + GROWTH) < self.smooth(e):
            e += GROWTH
        return {"levels": tuple(levels(e)), "truncation": None, "kinks": {}}

    def kinked(self, e: int, target: float) -> dict[str, Any]:
        """The steps where truncation, by the reference, and noise together are least; several if one is too noisy."""
        best, narrowest = [2.0**e], math.inf
        for count in self.counts():
            for exponent in (e + k for k in KINKED if e + k <= TOP):
                steps = [2.0**exponent * (1.0 - i / (2.0 * count)) for i in range(count)]
                noise = bars.averaged([0.0] * count, steps, self.reference.noise, 0.0).noise
                if noise > narrowest or (count > 1 and steps[0] - steps[1] < self.apart):
                    break
                truncation = self.truncation(steps[:1])
                if noise + truncation < narrowest:
                    best, narrowest = steps, noise + truncation
                if noise >= truncation or narrowest <= target:
                    # At half the step the noise alone is as much as both are here; or this is narrow enough.
                    break
            if narrowest <= target:
                break
        truncation = self.truncation(best)
        told = truncation if math.isfinite(truncation) else None
        return {"levels": tuple(best), "kinks": self.look(best[0])[1], "truncation": told, "kinked": True}

    def counts(self) -> list[int]:
        """Over how many steps a quotient may be averaged: only one along random signs or along several leaves."""
        once = self.direction.kind == "sign" or len(self.direction.scale) > 1
        return [n for n in AVERAGED if n == 1 or (not once and n * len(self.reference.leaves) <= AVERAGED_LIMIT)]

    def plain(self, eps: float) -> dict[str, Any]:
        """One fixed step of size `eps`, and twice that step, which shows what it truncates."""
        # One element, or the largest of a leaf, moves by eps; several leaves by eps times their sizes.
        scales = set(self.direction.scale.values())
        scale = scales.pop() if len(scales) == 1 else 1.0
        kinks = self.look(2.0 * eps / scale)[1]
        truncation = self.truncation([eps / scale]) if kinks else None
        return {"levels": (eps / scale, 2.0 * eps / scale), "kinks": kinks, "truncation": truncation}


def levels(e: int) -> list[float]:
    """Three halved steps: 2^e, 2^(e-1) and 2^(e-2)."""
    return [2.0**e, 2.0 ** (e - 1), 2.0 ** (e - 2)]
