"""The reference of one problem at any point of a direction: f, what it chose on the way, and how noisy f is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.dtypes import Dtype, is_float, wide
from gradconform.numeric import bars, branches
from gradconform.numeric.probes import Direction, Probes
from gradconform.reference.network import backward

Array = NDArray[Any]

# At how many points the noise of the reference is sampled, and what a framework's may be above it.
SAMPLES, SAFETY = 8, 1.5
# Above so many elements two points have to do: a forward of VGG16 takes seconds.
LARGE = 10_000_000


@dataclass(frozen=True)
class Point:
    """The reference at one point of a direction.

    f: the sum of cotangent times output.
    choices: what each node with kinks chose on the way.
    """

    f: float
    choices: branches.Choices


class Reference:
    """The reference of one problem, at the problem's own numbers x and at any point x + h v."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.unit = Dtype.of(problem.dtype)
        self.x = {name: problem.value(name) for name in problem.graph.leaves}
        self.wide = {name: wide(a) for name, a in self.x.items()}
        self.cotangent = problem.cotangent.astype(float)
        self.base = branches.forward(problem, self.wide)
        self.f = self._f(self.base)

    def _f(self, forward: branches.Forward) -> float:
        return float(np.sum(self.cotangent * forward.values[self.problem.output]))

    @cached_property
    def leaves(self) -> dict[str, tuple[int, ...]]:
        """Leaf -> shape, of the leaves that a gradient is asked of."""
        return {name: self.problem.graph.leaves[name].shape for name in self.problem.graph.wanted}

    @cached_property
    def gradients(self) -> dict[str, Array]:
        """The gradient of f in each leaf that one is asked of."""
        with np.errstate(all="ignore"):
            found = backward(self.problem.graph, self.base.values, self.cotangent)
        return {name: np.asarray(found.get(name, np.zeros(shape))) for name, shape in self.leaves.items()}

    @cached_property
    def noise(self) -> float:
        """How noisy f must at least be in the dtype: its own rounding, or what the reference loses in float32.

        Only the step is chosen by it; the bar has the noise of the framework.
        """
        large = sum(a.size for a in self.x.values()) > LARGE
        lost = [self._lost(np.float32(1.0 + k * 2.0**-12)) for k in range(2 if large else SAMPLES)]
        found = SAFETY * float(np.std(lost)) * self.unit.roundoff * 2.0**24
        once = bars.ONCE * self.unit.roundoff * abs(self.f)
        return max(found if math.isfinite(found) else 0.0, once, self.unit.tiny)

    def _lost(self, factor: Any) -> float:
        """The error of f when it is computed in float32, where all leaves are multiplied by a factor."""
        narrow = {name: a.astype(np.float32) if is_float(a) else a for name, a in self.x.items()}
        narrow.update({leaf: narrow[leaf] * factor for leaf in self.leaves})
        given = {name: wide(a) for name, a in narrow.items()}
        return self._f(branches.forward(self.problem, narrow)) - self._f(branches.forward(self.problem, given))

    def at(self, probes: Probes, direction: Direction, step: float) -> Point:
        """The reference at x + step v, as far as the dtype can tell that from x."""
        moved = {leaf: wide(probes.moved(direction, leaf, self.x[leaf], step)) for leaf in direction.scale}
        found = branches.forward(self.problem, moved, self.base)
        return Point(self._f(found), found.choices)
