"""The rules of remainders and whole numbers: nothing rounds, and what errors move is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked import remainders
from gradconform.reference.tracked.remainders import nearest, remainder, truncated
from gradconform.reference.tracked.rounding import RULES, Rounded

SINGLE = Dtype.of("float32")


def tracked(value, error=None):
    """An array with its error, in float32."""
    return Rounded(np.asarray(value, dtype=float), error, unit=SINGLE)


def test_a_remainder_rounds_nothing():
    """float32 gives what float64 does, to the bit, however far the quotient is from 1."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=1000) * 10.0 ** rng.integers(-6, 7, size=1000)).astype(np.float32)
    y = rng.uniform(0.1, 3.0, size=1000).astype(np.float32)
    found = remainder(tracked(x), tracked(y))
    assert found.error is None
    np.testing.assert_array_equal(np.fmod(x, y).astype(float), found.value)


@pytest.mark.parametrize("relative", [1e-6, 1e-3, 0.2])
def test_what_errors_move_a_remainder_by_is_within_its_bound(relative):
    """At the corners of both intervals and between; where the whole number may be another, too."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.0, 4.0, size=500), rng.uniform(0.5, 2.0, size=500) * rng.choice([-1, 1], size=500)
    x[:5], y[:5] = [2.0, -3.0, 0.0, 4.0, 1.0], [1.0, 1.5, 1.0, -2.0, 1.0]
    ex, ey = relative * np.abs(x), relative * np.abs(y)
    found = remainder(tracked(x, ex), tracked(y, ey))
    steps = np.linspace(-1.0, 1.0, 9)
    moved = [np.abs(np.fmod(x + s * ex, y + t * ey) - found.value) for s in steps for t in steps]
    assert np.all(np.max(moved, axis=0) <= found.bound() * 1.001)


def test_where_the_whole_number_is_sure_the_bound_is_that_of_the_difference():
    """x - n y is off by e_x + |n| e_y; where nothing is off, by nothing, on a multiple as well."""
    found = remainder(
        tracked([7.5, -7.5, 4.0], np.array([0.125, 0.0, 0.0])), tracked([2.0, 2.0, 2.0], np.array([0, 0.01, 0]))
    )
    np.testing.assert_allclose(found.bound(), [0.125, 0.03, 0.0])


@pytest.mark.parametrize("whole", [truncated, nearest])
def test_a_whole_number_is_sure_or_off_by_as_many_as_lie_within_the_error(whole):
    """2.7 +- 0.1 is one whole number whichever way; 2.95 +- 0.1 and 2.45 +- 0.1 are two; -0.5 +- 2 is several."""
    x, error = np.array([2.7, 2.95, 2.45, -0.5]), np.array([0.1, 0.1, 0.1, 2.0])
    found = whole(tracked(x, error))
    moved = [np.abs(whole(x + t * error) - found.value) for t in np.linspace(-1.0, 1.0, 201)]
    np.testing.assert_array_equal(found.bound(), np.max(moved, axis=0))
    assert found.bound()[0] == 0.0
    assert whole(tracked(x)).error is None


def test_of_an_infinite_quotient_the_whole_number_is_sure():
    """And that of an unknown one is unknown."""
    assert truncated(tracked([np.inf], np.zeros(1))).bound().tolist() == [0.0]
    assert truncated(tracked([2.5], np.array([np.inf]))).bound().tolist() == [np.inf]


def test_every_rule_is_tested_here():
    """A rule that is added to the module wants a test."""
    own = {ufunc for ufunc, rule in RULES.items() if rule.__module__ == remainders.__name__}
    assert own == {np.fmod, np.trunc, np.rint}
