"""Functions that are constant between jumps: rounding to whole numbers, and the sign.

Their derivative is zero, and on a jump there is none, so that any number is right there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradconform.reference.operator import Dims, Operator, operator
from gradconform.reference.tracked.steps import stairs, step
from gradconform.reference.tracked.ties import tied


@operator(elementwise=True, moves=True)
def floor(x: Any) -> Any:
    """The largest whole number that is not above x."""
    return step(np.floor, x)


@operator(elementwise=True, moves=True)
def ceil(x: Any) -> Any:
    """The smallest whole number that is not below x."""
    return step(np.ceil, x)


@operator(elementwise=True, moves=True)
def trunc(x: Any) -> Any:
    """x without its digits behind the point: the nearest whole number towards zero."""
    return step(np.trunc, x)


@operator(elementwise=True, moves=True)
def round(x: Any) -> Any:
    """The nearest whole number, of two the even one (IEEE 754-2019, section 4.3.1)."""
    return step(np.rint, x)


@operator(elementwise=True, moves=True)
def sign(x: Any) -> Any:
    """1 where x > 0, -1 where x < 0, and 0 at 0."""
    return step(np.sign, x)


def _flat(op: Operator, function: Callable[[Any], Any], jumps: Callable[[Any], Any]) -> None:
    """What all have in common; jumps: of x, where the nearest jump to it is."""

    @op.vjp
    def vjp(dy: Any, x: Any) -> Any:
        return (np.where(np.zeros(x.shape, dtype=bool), dy, 0.0),)

    @op.choices
    def choices(x: Any) -> Any:
        return stairs(function, x)

    @op.subgradients
    def subgradients(dy: Any, x: Any) -> Any:
        free = tied(x, jumps(x)) | np.isnan(x)
        (dx,) = vjp(dy, x)
        return ((np.where(free, -np.inf, dx), np.where(free, np.inf, dx)),)

    @op.shape
    def shape(x: Dims) -> Dims:
        return x


def _nearest(x: Any) -> Any:
    return stairs(np.rint, x)


_flat(floor, np.floor, _nearest)
_flat(ceil, np.ceil, _nearest)
_flat(trunc, np.trunc, lambda x: np.where(_nearest(x) == 0, np.inf, _nearest(x)))
_flat(round, np.rint, lambda x: stairs(np.floor, x) + 0.5)
_flat(sign, np.sign, lambda x: np.zeros(x.shape))
