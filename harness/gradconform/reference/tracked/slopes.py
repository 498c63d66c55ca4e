"""Derivatives of elementary and special functions, for dual numbers: each as a function of x and of the result y.

Formulas as in Abramowitz and Stegun (1964), chapters 4, 6, 7 and 23.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from gradconform.reference.tracked.dual import RULES, Dual, implements, slope

_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ROOT_PI_OVER_TWO = math.sqrt(math.pi) / 2.0
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)
_ROOT_TWO_OVER_PI = math.sqrt(2.0 / math.pi)
_ROOT_HALF = math.sqrt(0.5)
HURWITZ_ZETA = special._ufuncs._zeta
"""zeta(s, x), the sum of (x + k)^-s over k >= 0, as the ufunc that `special.zeta` calls."""

_LN_2, _LN_10 = math.log(2.0), math.log(10.0)

slope(np.exp2)(lambda x, y: _LN_2 * y)
slope(np.log2)(lambda x, y: 1.0 / (_LN_2 * x))
slope(np.log10)(lambda x, y: 1.0 / (_LN_10 * x))
slope(np.sin)(lambda x, y: np.cos(x))
slope(np.cos)(lambda x, y: -np.sin(x))
slope(np.tan)(lambda x, y: 1.0 + y * y)
slope(np.arcsin)(lambda x, y: 1.0 / np.sqrt(1.0 - x * x))
slope(np.arccos)(lambda x, y: -1.0 / np.sqrt(1.0 - x * x))
slope(np.arctan)(lambda x, y: 1.0 / (x * x + 1.0))
slope(np.sinh)(lambda x, y: np.cosh(x))
slope(np.cosh)(lambda x, y: np.sinh(x))
slope(np.arcsinh)(lambda x, y: 1.0 / np.hypot(x, 1.0))
slope(np.arccosh)(lambda x, y: 1.0 / np.sqrt(x * x - 1.0))
slope(np.arctanh)(lambda x, y: 1.0 / (1.0 - x * x))
slope(special.erfc)(lambda x, y: -_TWO_OVER_ROOT_PI * np.exp(-np.square(x)))
slope(special.erfcx)(lambda x, y: 2.0 * x * y - _TWO_OVER_ROOT_PI)
slope(special.erfinv)(lambda x, y: _ROOT_PI_OVER_TWO * np.exp(np.square(y)))
slope(special.log_ndtr)(lambda x, y: _ROOT_TWO_OVER_PI / special.erfcx(-_ROOT_HALF * x))
slope(special.ndtri)(lambda x, y: _ROOT_TWO_PI * np.exp(0.5 * np.square(y)))
slope(special.gammaln)(lambda x, y: special.digamma(x))
slope(special.digamma)(lambda x, y: special.zeta(2.0, x))


def _hypot(y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """(a da + b db) / sqrt(a^2 + b^2)."""
    parts = [value / y * tangent for value, tangent in zip(values, tangents, strict=True) if tangent is not None]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _zeta(_y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Of Hurwitz' zeta function of a constant order s: -s zeta(s + 1, x)."""
    order, x = values
    return -order * special.zeta(order + 1.0, x) * tangents[1]


def _fmod(_y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Of x - n y, n being a whole number that stays while the operands move a little: dx - n dy."""
    x, y = (np.asarray(getattr(value, "value", value)) for value in values)
    dx, dy = tangents
    by_divisor = None if dy is None else -np.trunc(x / y) * dy
    return by_divisor if dx is None else dx if by_divisor is None else dx + by_divisor


def _step(_y: Any, _values: Sequence[Any], _tangents: Sequence[Any]) -> Any:
    """A step function has the derivative zero."""
    return None


RULES[np.fmod] = _fmod
RULES.update(dict.fromkeys((np.trunc, np.rint, np.floor, np.ceil), _step))
RULES[np.hypot], RULES[HURWITZ_ZETA] = _hypot, _zeta


@implements(np.linalg.inv)
def _inverse(a: Dual) -> Dual:
    """Of the inverse Y of A: -Y dA Y (Giles, 2008, section 2.2.3)."""
    y = np.linalg.inv(a.value)
    return Dual(y, None if a.tangent is None else -np.matmul(np.matmul(y, a.tangent), y))


@implements(np.linalg.det)
def _determinant(a: Dual) -> Dual:
    """Of the determinant: det A tr(A^-1 dA) (Giles, 2008, section 2.2.4)."""
    y = np.linalg.det(a.value)
    if a.tangent is None:
        return Dual(y, None)
    return Dual(y, y * np.sum(np.swapaxes(np.linalg.inv(a.value), -1, -2) * a.tangent, axis=(-2, -1)))
