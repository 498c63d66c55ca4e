"""The derivatives of functions that dual numbers go through, against mpmath's to thirty digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from gradconform.reference.tracked import slopes
from gradconform.reference.tracked.dual import RULES, Dual
from scipy import special

INSIDE = np.array([-0.9, -0.3, 0.2, 0.7])
FUNCTIONS: dict[Any, tuple[Callable[[Any], Any], Any]] = {
    np.exp2: (lambda x: mpmath.mpf(2) ** x, 3 * INSIDE),
    np.log2: (lambda x: mpmath.log(x, 2), INSIDE + 1),
    np.log10: (mpmath.log10, INSIDE + 1),
    np.sin: (mpmath.sin, 3 * INSIDE),
    np.cos: (mpmath.cos, 3 * INSIDE),
    np.tan: (mpmath.tan, INSIDE),
    np.arcsin: (mpmath.asin, INSIDE),
    np.arccos: (mpmath.acos, INSIDE),
    np.arctan: (mpmath.atan, 3 * INSIDE),
    np.sinh: (mpmath.sinh, 3 * INSIDE),
    np.cosh: (mpmath.cosh, 3 * INSIDE),
    np.arcsinh: (mpmath.asinh, 3 * INSIDE),
    np.arccosh: (mpmath.acosh, INSIDE + 2.5),
    np.arctanh: (mpmath.atanh, INSIDE),
    np.sqrt: (mpmath.sqrt, INSIDE + 1),
    np.exp: (mpmath.exp, 3 * INSIDE),
    np.expm1: (mpmath.expm1, 3 * INSIDE),
    np.log: (mpmath.log, INSIDE + 1),
    np.log1p: (mpmath.log1p, INSIDE),
    np.tanh: (mpmath.tanh, 3 * INSIDE),
    special.erf: (mpmath.erf, 3 * INSIDE),
    special.erfc: (mpmath.erfc, 3 * INSIDE),
    special.erfcx: (lambda x: mpmath.exp(x * x) * mpmath.erfc(x), 3 * INSIDE),
    special.erfinv: (mpmath.erfinv, INSIDE),
    special.log_ndtr: (lambda x: mpmath.log(mpmath.ncdf(x)), 3 * INSIDE),
    special.ndtri: (lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1), (INSIDE + 1) / 2),
    special.gammaln: (mpmath.loggamma, INSIDE + 2),
    special.digamma: (mpmath.digamma, INSIDE + 2),
}


def slope_of(function: Callable[[Any], Any], x: float) -> float:
    """The derivative by mpmath, at thirty digits."""
    with mpmath.workdps(30):
        return float(mpmath.diff(function, mpmath.mpf(x)))


@pytest.mark.parametrize("ufunc", FUNCTIONS, ids=lambda ufunc: ufunc.__name__)
def test_the_slope_is_the_derivative(ufunc: Any) -> None:
    """Along a direction that is not one; the value is the function's own."""
    function, x = FUNCTIONS[ufunc]
    found = ufunc(Dual(x, np.full(x.shape, 1.5)))
    assert np.array_equal(found.value, ufunc(x))
    assert np.allclose(found.tangent, [1.5 * slope_of(function, each) for each in x], rtol=1e-12, atol=0)


def test_functions_of_two_numbers() -> None:
    """hypot in both operands, zeta in its second, power in both."""
    a, b = np.array([0.3, -2.0]), np.array([0.9, 0.5])
    both = np.hypot(Dual(a, np.array([1.0, 2.0])), Dual(b, np.array([3.0, -1.0])))
    assert np.allclose(both.tangent, (a * [1, 2] + b * [3, -1]) / np.hypot(a, b), rtol=1e-14)
    zeta = special.zeta(2.0, Dual(b, np.ones(2)))
    assert np.allclose(zeta.tangent, -2 * special.zeta(3.0, b), rtol=1e-14)
    power = np.power(Dual(b, np.ones(2)), Dual(a, np.ones(2)))
    assert np.allclose(power.tangent, a * b ** (a - 1) + b**a * np.log(b), rtol=1e-14)


def test_every_rule_of_one_tensor_is_tested() -> None:
    """A rule that is added without a line above is noticed."""
    others = {
        np.add,
        np.subtract,
        np.multiply,
        np.divide,
        np.power,
        np.maximum,
        np.minimum,
        np.hypot,
        np.arctan2,  # test_angles.py
        slopes.HURWITZ_ZETA,
    }
    others |= {np.negative, np.square, np.absolute, np.fmod, np.trunc, np.rint, np.floor, np.ceil}
    assert set(RULES) - others == set(FUNCTIONS)
