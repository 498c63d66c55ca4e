"""Numerical derivatives that come with their own error bars.

The complex step (Squire and Trapp, 1998, *Using complex variables to estimate derivatives of real functions*)
has no subtraction and so no rounding noise, but needs a function that is analytic and written for complex
arrays. Central differences extrapolated to a step of zero (Ridders, 1982, *Accurate computation of F'(x) and
F'(x)F''(x)*) need nothing; their bar is what further extrapolation would still change, plus the noise of the
function over the step. Whether the complex step may be believed is found by comparing: it must lie within the
bar of the differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[Array], Any]

COMPLEX_STEP = 1e-30
DOUBLE = 2.0**-53
# How many roundoffs of its largest output a function may lose, in its value and in its complex step.
NOISE = 8.0
COMPLEX_NOISE = 2.0**12


@dataclass(frozen=True)
class Derivative:
    """A numerical derivative.

    value: an estimate.
    error: half the width of a bar around it, of the same shape.
    """

    value: Array
    error: Array

    def excess(self, claimed: Array) -> float:
        """How many half-widths a claimed derivative is away, at worst (up to 1: within); infinite for NaN."""
        with np.errstate(all="ignore"):
            off = np.abs(claimed - self.value)
            ratio = np.where(off == 0, 0.0, off / self.error)
        return float(np.max(np.where(np.isnan(ratio), np.inf, ratio), initial=0.0))


def central(function: Function, point: Array, direction: Array, step: float) -> Array:
    """The plain central difference (f(x + h v) - f(x - h v)) / 2h; its error is O(h^2) plus the noise of f over h."""
    high, low = function(point + step * direction), function(point - step * direction)
    return np.asarray((high - low) / (2.0 * step))


def extrapolated(
    function: Function,
    point: Array,
    direction: Array,
    *,
    roundoff: float = DOUBLE,
    first: float = 2.0**-4,
    halvings: int = 11,
) -> Derivative:
    """The derivative of f at x along v, by central differences and Neville's scheme over halved steps.

    point, direction: [...]. roundoff: that of the dtype in which f computes. first: the largest step times
    max |v|. For each element of f the entry with the narrowest bar is taken; a kink between x and x + h v
    spoils the larger steps alone.
    """
    step = first / max(float(np.max(np.abs(direction), initial=0.0)), np.finfo(float).tiny)
    best, error = np.asarray(np.nan), np.asarray(np.inf)
    above: list[Array] = []
    with np.errstate(all="ignore"):
        for _ in range(halvings):
            high, low = (
                np.asarray(function(point + step * direction)),
                np.asarray(function(point - step * direction)),
            )
            size = np.max(np.maximum(np.abs(high), np.abs(low)), initial=0.0)
            # The last factor: by so much at most the scheme amplifies the noise of its newest entry.
            noise = NOISE * roundoff * size / step * 2.5
            row = [(high - low) / (2.0 * step)]
            for j, old in enumerate(above, start=1):
                row.append(row[-1] + (row[-1] - old) / (4.0**j - 1.0))
                bar = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - old)) + noise
                better = bar < error  # false for NaN
                best, error = np.where(better, row[-1], best), np.where(better, bar, error)
            above = row
            step /= 2.0
    return Derivative(best, error)


def complex_step(function: Function, point: Array, direction: Array) -> Array | None:
    """The derivative Im f(x + ihv) / h; None where f takes no complex arrays.

    Wrong, in silence, where f is not analytic.
    """
    try:
        value = np.asarray(function(point + 1j * COMPLEX_STEP * direction))
    except TypeError:
        return None
    return value.imag / COMPLEX_STEP if np.iscomplexobj(value) else None


def jvp(function: Function, point: Array, direction: Array) -> Derivative:
    """The derivative of f at x along v: by the complex step if the differences bear it out, else by them."""
    differences = extrapolated(function, point, direction)
    exact = complex_step(function, point, direction)
    if exact is None or differences.excess(exact) > 1.0:
        return differences
    return Derivative(exact, _slop(exact))


def vjp(function: Function, point: Array, cotangent: Array, elements: Array | None = None) -> Derivative:
    """The gradient of <cotangent, f> at x, one element of x at a time, with its error bars.

    point: [...].
    elements: which elements of x, in row-major order; all by default. Gives a number for each of them.
    """
    probe = np.random.default_rng(0).uniform(0.5, 1.0, size=point.shape)
    checked = complex_step(function, point, probe)
    analytic = checked is not None and extrapolated(function, point, probe).excess(checked) <= 1.0
    which = np.arange(point.size) if elements is None else elements
    value, error = np.zeros(which.size), np.zeros(which.size)
    for i, element in enumerate(which):
        unit = np.zeros(point.shape)
        unit.flat[element] = 1.0
        if analytic:
            value[i] = np.sum(cotangent * complex_step(function, point, unit))
        else:
            column = extrapolated(function, point, unit)
            value[i] = np.sum(cotangent * column.value)
            error[i] = np.sum(np.abs(cotangent) * column.error)
    return Derivative(value, _slop(value) if analytic else error)


def _slop(value: Array) -> Array:
    """What rounding may do to a derivative by the complex step, element by element."""
    return np.full(value.shape, COMPLEX_NOISE * DOUBLE * np.max(np.abs(value), initial=0.0))
