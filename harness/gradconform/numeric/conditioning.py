"""How much of a difference the conditioning of a network explains: its layers amplify the rounding of those before.

A framework's gradient is rounded layer by layer, and a difference quotient is not. What rounding alone makes of the
whole gradient is seen in the reference, moved by its own bounds (`reference/perturbed.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.numeric.measure import Measure, along
from gradconform.numeric.probes import Probes
from gradconform.reference.network import reference_of
from gradconform.reference.perturbed import deviations

Array = NDArray[Any]

RUNS = 8
# The largest deviation of so few runs, times this, is what an honest gradient is within: as the limit of a local row.
TIMES = 4.0


class Conditioning:
    """What an honest gradient of one problem may be off by; the reference is run when that is first asked."""

    def __init__(self, problem: Problem, probes: Probes) -> None:
        self.problem = problem
        self.probes = probes

    def widened(self, measures: Sequence[Measure]) -> list[Measure]:
        """The measures, their bars widened by what rounding alone makes of the gradient along each direction."""
        return [replace(m, allowed=m.allowed + TIMES * self._spread(m)) for m in measures]

    def _spread(self, measure: Measure) -> float:
        direction = measure.direction
        unit = next(iter(direction.scale.values())) if direction.element is not None else 1.0
        found = [abs(along(direction, run, self.probes)[0] / unit) for run in self._deviations]
        # Where no bound is known on the way, nobody knows how far off an honest gradient is.
        return max(found) if all(map(math.isfinite, found)) else math.inf

    @cached_property
    def _deviations(self) -> list[Mapping[str, Array]]:
        wanted = [f"grad/{leaf}" for leaf in self.problem.graph.wanted]
        expected = reference_of(self.problem)
        plain = {name: expected[name] for name in wanted if name in expected}
        runs = deviations(self.problem, plain, RUNS)
        return [{name.partition("/")[2]: array for name, array in run.items()} for run in runs]
