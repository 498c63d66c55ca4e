"""How the error functions, gamma functions and normal distributions of SciPy pass on a rounding error.

Close to a zero, or far out in a tail, no library has these to the last digit of the result: what it computes is right
for an argument that was rounded, x (1 + u). So each is charged `ELEMENTARY` roundoffs of |y| + |x f'(x)|. What comes in
with the operand, |x' - x| <= e, is bounded over that whole interval by the steepest slope in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradconform.reference.tracked.rounding import ELEMENTARY, RULES, Part, Rounded

Array = NDArray[Any]

HURWITZ_ZETA = special._ufuncs._zeta
"""zeta(s, x), the sum of (x + k)^-s over k >= 0, as the ufunc that `special.zeta` calls."""

_SLOPE_OF_ERF = 2.0 / np.sqrt(np.pi)
_SLOPE_OF_QUANTILE = np.sqrt(2.0 * np.pi)


def _register(ufunc: Any, slope: Callable[[Array], Array], steepest: Callable[[Array, Array], Array]) -> None:
    """Register the rule of a function of one tensor.

    slope: x -> |f'(x)|. steepest: (x, e) -> that of the x' within e of x at which it is largest, or a bound on it.
    """

    def rule(like: Rounded, value: Array, a: Part) -> Rounded:
        x, e = a
        propagated = None if e is None else np.where(e == 0, 0.0, e * steepest(x, e))
        scale = np.abs(value) + np.where(x == 0, 0.0, np.abs(x) * slope(x))
        return like.rounded(value, propagated, ELEMENTARY, scale)

    RULES[ufunc] = rule


def slope_of_erfc(x: Array) -> Array:
    """2 exp(-x^2) / sqrt pi."""
    return np.asarray(_SLOPE_OF_ERF * np.exp(-np.square(x)))


def slope_of_erfinv(x: Array) -> Array:
    """sqrt(pi) exp(y^2) / 2, infinite where |x| is 1."""
    return np.asarray(np.exp(np.square(special.erfinv(x))) / _SLOPE_OF_ERF)


def slope_of_erfcx(x: Array) -> Array:
    """2 / sqrt pi - 2 x y, which is never negative."""
    return np.asarray(np.abs(_SLOPE_OF_ERF - 2.0 * x * special.erfcx(x)))


def slope_of_ndtri(x: Array) -> Array:
    """sqrt(2 pi) exp(y^2 / 2), infinite where x is 0 or 1."""
    return np.asarray(_SLOPE_OF_QUANTILE * np.exp(0.5 * np.square(special.ndtri(x))))


def slope_of_gammaln(x: Array) -> Array:
    """|digamma|."""
    return np.asarray(np.abs(special.digamma(x)))


def slope_of_digamma(x: Array) -> Array:
    """The trigamma function zeta(2, x), for positive x, where it falls."""
    return np.asarray(HURWITZ_ZETA(2.0, x))


def _left(x: Array, e: Array) -> Array:
    """The least x', but not below 0; a slope is infinite there."""
    return np.asarray(np.maximum(x - e, 0.0))


def _steepest_of_gammaln(x: Array, e: Array) -> Array:
    """digamma rises, so its magnitude is largest at one end."""
    return np.maximum(slope_of_gammaln(_left(x, e)), slope_of_gammaln(x + e))


def _steepest_of_ndtri(x: Array, e: Array) -> Array:
    """At the end that is nearer to 0 or to 1."""
    return np.maximum(slope_of_ndtri(_left(x, e)), slope_of_ndtri(np.minimum(x + e, 1.0)))


_register(special.erfc, slope_of_erfc, lambda x, e: slope_of_erfc(np.maximum(np.abs(x) - e, 0.0)))
_register(special.erfinv, slope_of_erfinv, lambda x, e: slope_of_erfinv(np.minimum(np.abs(x) + e, 1.0)))
_register(special.erfcx, slope_of_erfcx, lambda x, e: slope_of_erfcx(x - e))
_register(special.ndtri, slope_of_ndtri, _steepest_of_ndtri)
_register(special.gammaln, slope_of_gammaln, _steepest_of_gammaln)
_register(special.digamma, slope_of_digamma, lambda x, e: slope_of_digamma(_left(x, e)))


def _of_zeta(like: Rounded, value: Array, s: Part, x: Part) -> Rounded:
    """zeta(s, x) of a whole number s > 1 and a positive x, whose slope is -s zeta(s + 1, x) and falls in magnitude."""

    def slope(at: Array) -> Array:
        return np.asarray(s[0] * HURWITZ_ZETA(s[0] + 1.0, at))

    propagated = None if x[1] is None else np.where(x[1] == 0, 0.0, x[1] * slope(_left(x[0], x[1])))
    return like.rounded(value, propagated, ELEMENTARY, np.abs(value) + np.abs(x[0]) * slope(x[0]))


RULES[HURWITZ_ZETA] = _of_zeta
