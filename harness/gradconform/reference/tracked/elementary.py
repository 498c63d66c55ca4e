"""How logarithms and powers to a base, functions of an angle and hyperbolic functions pass on a rounding error.

Each is charged `ELEMENTARY` roundoffs of its result, as in `rounding.py`. What comes in with the operand is bounded
over the whole interval |x' - x| <= e, and never as the difference of two values, which would cancel where e is small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.rounding import ELEMENTARY, RULES, Part, Rounded, smooth

Array = NDArray[np.float64]

LN_2 = np.log(2.0)
LN_10 = np.log(10.0)


def of_exp2(_: Array, y: Array, e: Array) -> Array:
    """2^x' = y 2^(x' - x)."""
    return np.where(np.isinf(y), 0.0, y * np.expm1(e * LN_2))


def of_log2(x: Array, _: Array, e: Array) -> Array:
    """log(x' / x) / log 2, farthest where x' is least; infinite where x' may be 0."""
    return np.asarray(-np.log1p(-np.minimum(e / x, 1.0)) / LN_2)


def of_log10(x: Array, _: Array, e: Array) -> Array:
    """log(x' / x) / log 10, farthest where x' is least; infinite where x' may be 0."""
    return np.asarray(-np.log1p(-np.minimum(e / x, 1.0)) / LN_10)


def of_sin(x: Array, _: Array, e: Array) -> Array:
    """The slope is |cos x'| <= |cos x| + e; no two sines are farther apart than 2."""
    return np.minimum(e * np.minimum(np.abs(np.cos(x)) + e, 1.0), 2.0)


def of_cos(x: Array, _: Array, e: Array) -> Array:
    """The slope is |sin x'| <= |sin x| + e; no two cosines are farther apart than 2."""
    return np.minimum(e * np.minimum(np.abs(np.sin(x)) + e, 1.0), 2.0)


def of_tan(_: Array, y: Array, e: Array) -> Array:
    """tan(x + d) - tan x = t (1 + y^2) / (1 - y t) with t = tan d; infinite where a pole may lie between."""
    t = np.tan(np.minimum(e, 0.5 * np.pi))
    room = np.where(e < 0.5 * np.pi, 1.0 - np.abs(y) * t, 0.0)
    return np.where(room > 0.0, t * (1.0 + y * y) / room, np.inf)


def of_arcsin(x: Array, _: Array, e: Array) -> Array:
    """The slope is steepest where |x'| is largest; no step of e climbs more than the last one before 1.

    That is arccos(1 - e) = 2 arcsin(sqrt(e / 2)).
    """
    largest = np.minimum(np.abs(x) + e, 1.0)
    last = 2.0 * np.arcsin(np.sqrt(np.minimum(0.5 * e, 1.0)))
    return np.fmin(e / np.sqrt((1.0 - largest) * (1.0 + largest)), last)


def of_arccos(x: Array, y: Array, e: Array) -> Array:
    """arccos x is pi / 2 - arcsin x."""
    return of_arcsin(x, y, e)


def of_arctan(x: Array, _: Array, e: Array) -> Array:
    """The slope is steepest where |x'| is least; no two angles are farther apart than pi."""
    return np.minimum(e / (1.0 + np.square(np.maximum(np.abs(x) - e, 0.0))), np.pi)


def of_sinh(x: Array, y: Array, e: Array) -> Array:
    """sinh(|x| + e) - sinh |x| = 2 cosh(|x| + e/2) sinh(e/2), and no other x' is farther."""
    return np.where(np.isinf(y), 0.0, 2.0 * np.cosh(np.abs(x) + 0.5 * e) * np.sinh(0.5 * e))


def of_cosh(x: Array, y: Array, e: Array) -> Array:
    """cosh(|x| + e) - cosh x = 2 sinh(|x| + e/2) sinh(e/2), and no other x' is farther."""
    return np.where(np.isinf(y), 0.0, 2.0 * np.sinh(np.abs(x) + 0.5 * e) * np.sinh(0.5 * e))


def of_arcsinh(x: Array, _: Array, e: Array) -> Array:
    """The slope is steepest where |x'| is least; no step of e climbs more than the one around 0."""
    least = np.maximum(np.abs(x) - e, 0.0)
    return np.minimum(e / np.hypot(least, 1.0), 2.0 * np.arcsinh(0.5 * e))


def of_arccosh(x: Array, _: Array, e: Array) -> Array:
    """The slope is steepest where x' is least; no step of e climbs more than the first one after 1."""
    least = np.maximum(x - e, 1.0)
    first = 2.0 * np.arcsinh(np.sqrt(0.5 * e))  # arccosh(1 + e), without the sum
    return np.fmin(e / np.sqrt((least - 1.0) * (least + 1.0)), first)


def of_arctanh(x: Array, _: Array, e: Array) -> Array:
    """artanh x' - artanh x = artanh((x' - x) / (1 - x x')), farthest where |x'| is largest; infinite if it may be 1."""
    size = np.abs(x)
    room = (1.0 - size) * (1.0 + size) - size * e
    return np.where(size + e < 1.0, np.arctanh(np.minimum(e / room, 1.0)), np.inf)


smooth(np.exp2, of_exp2)
smooth(np.log2, of_log2)
smooth(np.log10, of_log10)
smooth(np.sin, of_sin)
smooth(np.cos, of_cos)
smooth(np.tan, of_tan)
smooth(np.arcsin, of_arcsin)
smooth(np.arccos, of_arccos)
smooth(np.arctan, of_arctan)
smooth(np.sinh, of_sinh)
smooth(np.cosh, of_cosh)
smooth(np.arcsinh, of_arcsinh)
smooth(np.arccosh, of_arccosh)
smooth(np.arctanh, of_arctanh)


def _of_hypot(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    """The length of (x, y), which moves by no more than x and y do together."""
    errors = [np.asarray(error) for _, error in (a, b) if error is not None]
    return like.rounded(value, np.asarray(sum(errors)) if errors else None, ELEMENTARY)


RULES[np.hypot] = _of_hypot
