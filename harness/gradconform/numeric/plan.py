"""Directions and steps, chosen on the reference before any framework runs.

The directions and steps do not depend on what a framework gives, so that all are asked the same. The reference says
three things, and none of them is the derivative that is tested: where kinks are, how large f's noise must be at least,
and what a step would truncate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.draws import stream
from gradconform.numeric.ladder import Ladder
from gradconform.numeric.point import Reference
from gradconform.numeric.probes import Direction, Probes, write
from gradconform.numeric.scales import SCALES, check_dtypes

Array = NDArray[Any]

# What is aimed at, of the bar that is needed: a framework may be noisier than the reference thinks.
AIM = 0.5
# Element by element where elements times nodes are at most this; a direction for each leaf up to so many elements.
ELEMENTWISE, LEAFWISE = 4096, 10_000_000
# Noise is read along this many lines at most.
LINES = 16


def plan(problem: Problem, eps: float | None = None, only: Sequence[str] = ()) -> Probes:
    """The probes of a problem: directions, and the steps along each.

    eps: the step of plain differences; by default each direction has its own steps.
    only: the leaves to difference, each element by itself; by default the size of the network decides.
    """
    reference = Reference(problem)
    chosen = _elements(reference, only) if only else _directions(reference)
    chosen = _with_lines(problem, chosen)
    probes = Probes(problem.digest, tuple(d for d, _ in chosen), _vectors(reference, chosen), eps)
    stepped = tuple(_stepped(reference, probes, direction, target) for direction, target in chosen)
    return Probes(problem.digest, stepped, probes.vectors, eps)


def prepare(problem: Problem, folder: Path, eps: float | None = None, only: Sequence[str] = ()) -> None:
    """Choose the probes of a problem and write them to a folder. eps, only: as for `plan`.

    Raises ContractError in a dtype that numerical derivatives are not taken in.
    """
    check_dtypes([problem.dtype])
    write(folder, plan(problem, eps, only))


def _directions(reference: Reference) -> list[tuple[Direction, float]]:
    """Directions whose steps are not chosen yet, each with how wide its bar may be."""
    problem = reference.problem
    resolution = SCALES[problem.dtype].resolution / 2.0
    sizes = {leaf: math.prod(shape) for leaf, shape in reference.leaves.items()}
    count = sum(sizes.values())
    if count > LEAFWISE:
        return _along(reference, list(sizes), "", resolution)
    if count * len(problem.nodes) > ELEMENTWISE:
        return [found for leaf in sizes for found in _along(reference, [leaf], f"{leaf}/", resolution)]
    return _elements(reference, list(sizes))


def _elements(reference: Reference, leaves: Sequence[str]) -> list[tuple[Direction, float]]:
    """A direction for every element of some leaves, and one for each leaf to read noise from."""
    resolution = SCALES[reference.problem.dtype].resolution / 2.0
    chosen = []
    for leaf in leaves:
        size, scale = math.prod(reference.leaves[leaf]), {leaf: _scale(reference.x[leaf])}
        largest = float(np.max(np.abs(reference.gradients[leaf]), initial=0.0))
        target = resolution * largest * scale[leaf]
        chosen += [(Direction(kind="element", scale=scale, element=i), target) for i in range(size)]
        chosen.append((Direction(kind="noise", scale=scale, vector=f"sign/{leaf}/"), 0.0))
    return chosen


def _with_lines(problem: Problem, chosen: list[tuple[Direction, float]]) -> list[tuple[Direction, float]]:
    """The directions, with a spacing for those that noise is read along.

    These move every element of a leaf; where there are many, some are taken, evenly spread.
    """
    able = [i for i, (direction, _) in enumerate(chosen) if direction.kind in ("sign", "noise")]
    # None is able where a network has no leaf to be moved.
    every = set(able[:: max(-(-len(able) // LINES), 1)])
    spacing = {"spacing": SCALES[problem.dtype].spacing}
    return [(d.model_copy(update=spacing) if i in every else d, t) for i, (d, t) in enumerate(chosen)]


def _along(reference: Reference, leaves: list[str], place: str, resolution: float) -> list[tuple[Direction, float]]:
    """One direction along the gradient of some leaves, and one of random signs, each with how wide its bar may be."""
    scale = {leaf: _scale(reference.x[leaf]) for leaf in leaves}
    gradients = {leaf: reference.gradients[leaf] for leaf in leaves}
    size = math.sqrt(sum(float(np.sum(np.square(g * scale[leaf]))) for leaf, g in gradients.items()))
    along = sum(
        float(np.sum(g * scale[leaf] * _aligned(reference, leaf).astype(float))) for leaf, g in gradients.items()
    )
    aligned = Direction(kind="aligned", scale=scale, vector=f"aligned/{place}")
    sign = Direction(kind="sign", scale=scale, vector=f"sign/{place}")
    return [(aligned, resolution * abs(along)), (sign, resolution * size)]


def _vectors(reference: Reference, chosen: list[tuple[Direction, float]]) -> dict[str, Array]:
    vectors = {}
    for direction, _ in chosen:
        for leaf in direction.scale if direction.element is None else ():
            make = _aligned if direction.kind == "aligned" else _signs
            vectors[direction.vector + leaf] = make(reference, leaf)
    return vectors


def _scale(x: Array) -> float:
    """The power of two at or below the largest magnitude in an array; 1 where that is zero or not finite."""
    largest = float(np.max(np.abs(x), initial=0.0))
    return 2.0 ** math.floor(math.log2(largest)) if 0 < largest < math.inf else 1.0


def _aligned(reference: Reference, leaf: str) -> Array:
    """A vector along the reference's gradient of a leaf, in few bits.

    Each element is multiplied by a number between 1/2 and 3/2, and the largest magnitude is 1 at most.
    """
    g = reference.gradients[leaf]
    largest = float(np.max(np.abs(g), initial=0.0))
    if not 0 < largest < math.inf:
        return np.zeros(g.shape, np.float16)
    drawn = stream(0, f"numeric/aligned/{leaf}").uniform(0.5, 1.5, g.shape)
    return (g / largest * drawn / 1.5).astype(np.float16)


def _signs(reference: Reference, leaf: str) -> Array:
    drawn: Array = stream(0, f"numeric/sign/{leaf}").integers(0, 2, reference.leaves[leaf], dtype=np.int8)
    return (2 * drawn - 1).astype(np.int8)


def _stepped(reference: Reference, probes: Probes, direction: Direction, target: float) -> Direction:
    """The direction with its steps chosen. target: how wide its bar may be."""
    told: dict[str, Any] = {}
    if direction.kind != "noise":
        ladder = Ladder(reference, probes, direction)
        told |= ladder.plain(probes.eps) if probes.eps is not None else ladder.choose(AIM * target)
    return direction.model_copy(update=told)
