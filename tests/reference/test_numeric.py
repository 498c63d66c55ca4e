"""Numerical differentiation against derivatives known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.reference.derivatives import Derivative, central, complex_step, extrapolated, jvp, vjp

X = np.array([0.3, -1.2, 2.1])
V = np.array([1.0, 0.5, -2.0])


@pytest.mark.parametrize(
    ("function", "slope"),
    [(np.exp, np.exp), (np.sin, np.cos), (np.tanh, lambda x: 1 - np.tanh(x) ** 2), (np.abs, np.sign)],
)
def test_the_extrapolated_derivative_is_within_its_bar(function, slope):
    """The bar holds the truth, and is narrow."""
    found = extrapolated(function, X, V)
    assert found.excess(slope(X) * V) <= 1.0
    assert np.max(found.error) < 1e-8


def test_the_bar_excludes_what_is_wrong():
    """The twin: a derivative off by a millionth, or NaN, lies outside."""
    found = extrapolated(np.exp, X, V)
    assert found.excess(np.exp(X) * V * (1 + 1e-6)) > 1.0
    assert found.excess(np.full(3, np.nan)) == np.inf


def test_a_coarse_function_gets_a_wide_bar():
    """A function computed in float32 has noise, which only the bar of its own roundoff covers."""

    def single(x):
        return np.exp(x.astype(np.float32)).astype(float)

    truth = np.exp(X) * V
    assert extrapolated(single, X, V, roundoff=2.0**-24).excess(truth) <= 1.0
    assert extrapolated(single, X, V).excess(truth) > 1.0


def test_a_kink_nearby_spoils_only_the_larger_steps():
    """|x| at 0.001 has slope 1, though a step of 0.06 reaches across."""
    found = extrapolated(np.abs, np.array([1e-3]), np.ones(1))
    assert found.excess(np.ones(1)) <= 1.0
    assert found.error[0] < 1e-8


def test_outside_the_domain_the_bar_is_infinite():
    """NaN from the function gives no estimate, never a narrow bar."""
    assert extrapolated(np.log, np.array([-1.0]), np.ones(1)).error[0] == np.inf


def test_a_larger_step_is_more_wrong():
    """The plain central difference has an error of h^2."""
    off = [abs(central(np.exp, X[:1], V[:1], h)[0] - np.exp(X[0])) for h in (1e-1, 1e-2)]
    assert 90 < off[0] / off[1] < 110


def test_the_complex_step_is_exact():
    """No rounding noise where the function is analytic."""
    np.testing.assert_allclose(complex_step(np.exp, X, V), np.exp(X) * V, rtol=1e-15)


@pytest.mark.parametrize("function", [np.abs, np.floor], ids=["real", "unsupported"])
def test_a_function_without_complex_values_has_no_complex_step(function):
    """|z| is real, and floor refuses complex numbers."""
    assert complex_step(function, X, V) is None


def test_a_complex_step_that_the_differences_contradict_is_not_used():
    """The conjugate is not analytic: its complex step has the wrong sign and is turned down."""
    np.testing.assert_array_equal(complex_step(np.conjugate, X, V), -V)
    np.testing.assert_allclose(jvp(np.conjugate, X, V).value, V, rtol=1e-8)
    np.testing.assert_allclose(vjp(np.conjugate, X, V).value, V, rtol=1e-8)


def test_the_gradient_is_gathered_element_by_element():
    """For f = A x the gradient of <w, f> is A' w."""
    a, w = np.arange(6.0).reshape(2, 3), np.array([0.5, -2.0])
    found = vjp(lambda x: a @ x, X, w)
    np.testing.assert_allclose(found.value, a.T @ w, rtol=1e-14)
    some = vjp(lambda x: a @ x, X, w, np.array([2, 0]))
    np.testing.assert_array_equal(some.value, found.value[[2, 0]])


def test_an_exact_claim_is_within_a_bar_of_nothing():
    """Where estimate and bar are exact, the same value has no excess and any other an infinite one."""
    nothing = Derivative(np.zeros(2), np.zeros(2))
    assert nothing.excess(np.zeros(2)) == 0.0
    assert nothing.excess(np.array([0.0, 1e-300])) == np.inf
