"""The rules of `tracked/elementary.py`, one by one: each bound holds, and none is idle."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked import elementary
from gradconform.reference.tracked.rounding import RULES, Rounded

SINGLE = Dtype.of("float32")
U = SINGLE.roundoff
WIDE = np.array([0.3, -1.7, 2.9, 11.0, 0.07, -0.5])
INSIDE = np.array([0.3, -0.7, 0.9, 0.97, 0.07, -0.5])
ABOVE_0 = np.array([0.3, 1.7, 2.9, 11.0, 0.07, 0.5])
ABOVE_1 = np.array([1.3, 1.7, 2.9, 11.0, 1.07, 1.5])
# Of each function the points at which it is looked at, and its domain.
POINTS: dict[Any, tuple[Any, float, float]] = {
    np.exp2: (WIDE, -np.inf, np.inf),
    np.log2: (ABOVE_0, 0.0, np.inf),
    np.log10: (ABOVE_0, 0.0, np.inf),
    np.sin: (WIDE, -np.inf, np.inf),
    np.cos: (WIDE, -np.inf, np.inf),
    np.tan: (WIDE, -np.inf, np.inf),
    np.arcsin: (INSIDE, -1.0, 1.0),
    np.arccos: (INSIDE, -1.0, 1.0),
    np.arctan: (WIDE, -np.inf, np.inf),
    np.sinh: (WIDE, -np.inf, np.inf),
    np.cosh: (WIDE, -np.inf, np.inf),
    np.arcsinh: (WIDE, -np.inf, np.inf),
    np.arccosh: (ABOVE_1, 1.0, np.inf),
    np.arctanh: (INSIDE, -1.0, 1.0),
}
PRECISE: dict[Any, Any] = {
    np.exp2: lambda v: 2**v,
    np.log2: lambda v: mpmath.log(v, 2),
    np.log10: mpmath.log10,
    np.sin: mpmath.sin,
    np.cos: mpmath.cos,
    np.tan: mpmath.tan,
    np.arcsin: mpmath.asin,
    np.arccos: mpmath.acos,
    np.arctan: mpmath.atan,
    np.sinh: mpmath.sinh,
    np.cosh: mpmath.cosh,
    np.arcsinh: mpmath.asinh,
    np.arccosh: mpmath.acosh,
    np.arctanh: mpmath.atanh,
}
every_function = pytest.mark.parametrize("ufunc", POINTS, ids=lambda ufunc: ufunc.__name__)


def tracked(value: Any, error: Any = None) -> Rounded:
    """An array with its error, in float32."""
    return Rounded(np.asarray(value, dtype=float), error, unit=SINGLE)


def farthest(ufunc: Any, x: Any, error: Any) -> Any:
    """How far a function gets from f(x) within the error of x, inside its domain."""
    _, low, high = POINTS[ufunc]
    with np.errstate(all="ignore"):
        steps = [np.abs(ufunc(np.clip(x + t * error, low, high)) - ufunc(x)) for t in np.linspace(-1.0, 1.0, 201)]
    return np.max(steps, axis=0)


def test_every_rule_is_tested_here() -> None:
    """A rule that is added wants a test."""
    assert {ufunc for ufunc, rule in RULES.items() if rule.__module__ == elementary.__name__} == {*POINTS, np.hypot}


@every_function
def test_a_function_of_an_exact_array_is_charged_two_units(ufunc: Any) -> None:
    """What float32 gives lies within four of these bounds, as the judge allows."""
    x = POINTS[ufunc][0].astype(np.float32)
    found = ufunc(tracked(x))
    np.testing.assert_allclose(found.bound(), 2.0 * U * np.abs(found.value), atol=2 * SINGLE.tiny, rtol=1e-12)
    assert np.all(np.abs(ufunc(x).astype(float) - found.value) <= 4.0 * found.bound())


@every_function
def test_a_small_error_goes_through_the_derivative(ufunc: Any) -> None:
    """The farthest value within the error is within the bound, and takes up most of it."""
    x = POINTS[ufunc][0]
    error = 1e-4 * np.abs(x)
    bound = ufunc(tracked(x, error)).bound() - 2.0 * U * np.abs(ufunc(x))
    moved = farthest(ufunc, x, error)
    assert np.all(moved <= bound * (1 + 1e-6))
    assert np.all(moved >= 0.9 * bound)


@every_function
@pytest.mark.parametrize("relative", [0.02, 0.3, 0.9, 1.5])
def test_a_large_error_is_bounded_over_all_that_it_may_be(ufunc: Any, relative: float) -> None:
    """Where the interval reaches a pole the bound is infinite."""
    x = POINTS[ufunc][0]
    error = relative * np.abs(x)
    bound = ufunc(tracked(x, error)).bound()
    assert not np.any(np.isnan(bound))
    assert np.all(farthest(ufunc, x, error) <= bound * (1 + 1e-9))


@pytest.mark.parametrize(("ufunc", "x", "error"), [(np.tan, 1.5, 0.1), (np.log2, 1e-3, 2e-3), (np.arctanh, 0.9, 0.2)])
def test_an_error_that_reaches_a_pole_has_no_bound(ufunc: Any, x: float, error: float) -> None:
    """And the same number without an error has one."""
    assert np.isinf(ufunc(tracked([x], np.array([error]))).bound()[0])
    assert ufunc(tracked([x])).bound()[0] < 1e-5


@every_function
def test_an_error_of_a_float64_roundoff_is_not_lost(ufunc: Any) -> None:
    """A bound that was the difference of two float64 numbers would be 0, or too large, here."""
    x, e = POINTS[ufunc][0], 2.0**-60
    reach = getattr(elementary, f"of_{ufunc.__name__}")
    slope = [abs(float(mpmath.diff(PRECISE[ufunc], v))) for v in x.tolist()]
    np.testing.assert_allclose(reach(x, ufunc(x), np.full(x.shape, e)), e * np.array(slope), rtol=1e-9)


def test_the_length_of_a_vector_moves_no_farther_than_its_end() -> None:
    """Nearly as far where one component is all of it; two units where both are exact."""
    x, y = np.array([3.0, 300.0, -4.0]), np.array([4.0, 0.5, -1e-3])
    exact, moved = (
        np.hypot(tracked(x), tracked(y)),
        np.hypot(tracked(x, 1e-3 * np.abs(x)), tracked(y, 1e-3 * np.abs(y))),
    )
    np.testing.assert_allclose(exact.bound(), 2.0 * U * np.hypot(x, y), rtol=1e-9)
    reached = np.hypot(1.001 * x, 1.001 * y) - np.hypot(x, y)
    assert np.all(reached <= (moved.bound() - exact.bound()) * (1 + 1e-9))
    assert np.all(reached[1:] >= 0.9 * (moved.bound() - exact.bound())[1:])
    assert np.all(np.hypot(tracked(x), 1.0).bound() == 2.0 * U * np.hypot(x, 1.0) + SINGLE.tiny)
