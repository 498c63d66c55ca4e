"""The rules of `tracked/special_functions.py`, one by one: each bound holds, and none is idle."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked import special_functions
from gradconform.reference.tracked.rounding import RULES, Rounded
from gradconform.reference.tracked.special_functions import HURWITZ_ZETA
from scipy import special

SINGLE = Dtype.of("float32")
U = SINGLE.roundoff
WIDE = np.array([0.3, -1.7, 2.9, -4.0, 0.07, -0.5, 5.0])
# Of each function the points at which it is looked at, its domain, and the same function in more digits.
POINTS: dict[Any, tuple[Any, float, float, Any]] = {
    special.erfc: (WIDE, -np.inf, np.inf, mpmath.erfc),
    special.erfcx: (WIDE, -np.inf, np.inf, lambda v: mpmath.exp(v**2) * mpmath.erfc(v)),
    special.erfinv: (np.array([0.3, -0.7, 0.9, 0.97, 0.07, -0.5]), -1.0, 1.0, mpmath.erfinv),
    special.ndtri: (np.array([0.3, 0.5, 0.9, 0.01]), 0.0, 1.0, lambda v: mpmath.sqrt(2) * mpmath.erfinv(2 * v - 1)),
    special.gammaln: (np.array([0.3, 1.0, 2.0, 1.5, 11.0, 0.07]), 0.0, np.inf, mpmath.loggamma),
    special.digamma: (np.array([0.3, 1.4616321, 2.9, 11.0, 0.07]), 0.0, np.inf, mpmath.digamma),
}
every_function = pytest.mark.parametrize("ufunc", POINTS, ids=lambda ufunc: ufunc.__name__)


def tracked(value: Any, error: Any = None) -> Rounded:
    """An array with its error, in float32."""
    return Rounded(np.asarray(value, dtype=float), error, unit=SINGLE)


def slopes(ufunc: Any) -> Any:
    """|f'| at each point, in more digits than are needed."""
    x, *_, precise = POINTS[ufunc]
    with mpmath.workdps(30):
        return np.array([abs(float(mpmath.diff(precise, v))) for v in x.tolist()])


def farthest(ufunc: Any, x: Any, error: Any) -> Any:
    """How far a function gets from f(x) within the error of x, inside its domain."""
    _, low, high, _ = POINTS[ufunc]
    with np.errstate(all="ignore"):
        steps = [np.abs(ufunc(np.clip(x + t * error, low, high)) - ufunc(x)) for t in np.linspace(-1.0, 1.0, 201)]
    return np.max(steps, axis=0)


def test_every_rule_is_tested_here() -> None:
    """A rule that is added wants a test."""
    own = {ufunc for ufunc, rule in RULES.items() if rule.__module__ == special_functions.__name__}
    assert own == {*POINTS, HURWITZ_ZETA}


@every_function
def test_an_exact_array_is_charged_for_the_result_and_for_a_rounded_argument(ufunc: Any) -> None:
    """Two units of |y| + |x f'(x)|; what float32 gives lies within four of these bounds, as the judge allows."""
    x = POINTS[ufunc][0]
    found = ufunc(tracked(x))
    expected = 2.0 * U * (np.abs(found.value) + np.abs(x) * slopes(ufunc))
    np.testing.assert_allclose(found.bound(), expected, atol=2 * SINGLE.tiny, rtol=1e-9)
    near = x.astype(np.float32)
    assert np.all(np.abs(ufunc(near).astype(float) - ufunc(near.astype(float))) <= 4.0 * found.bound())


@every_function
def test_a_small_error_goes_through_the_derivative(ufunc: Any) -> None:
    """The farthest value within the error is within the bound, and takes up most of it."""
    x = POINTS[ufunc][0]
    error = 1e-4 * np.abs(x)
    bound = ufunc(tracked(x, error)).bound() - ufunc(tracked(x)).bound()
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


@pytest.mark.parametrize(
    ("ufunc", "x"), [(special.erfinv, 0.9), (special.ndtri, 0.9), (special.gammaln, 0.1), (special.digamma, 0.1)]
)
def test_an_error_that_reaches_a_pole_has_no_bound(ufunc: Any, x: float) -> None:
    """And the same number without an error has one."""
    assert np.isinf(ufunc(tracked([x], np.array([0.2]))).bound()[0])
    assert ufunc(tracked([x])).bound()[0] < 1e-5


def test_of_zeta_it_is_the_second_operand_that_has_an_error() -> None:
    """Its rule is held as those above, for the trigamma function and the next two."""
    x, e = np.array([0.3, 1.7, 2.9, 11.0]), 1e-4
    for s in (2.0, 3.0, 4.0):
        slope = s * HURWITZ_ZETA(s + 1.0, x)
        exact, moved = special.zeta(s, tracked(x)), special.zeta(s, tracked(x, e * x))
        np.testing.assert_allclose(exact.bound(), 2.0 * U * (exact.value + x * slope), rtol=1e-9)
        reached = HURWITZ_ZETA(s, x - e * x) - exact.value
        assert np.all(reached <= moved.bound() - exact.bound())
        assert np.all(reached >= 0.9 * (moved.bound() - exact.bound()))
