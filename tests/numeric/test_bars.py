"""Error bars: what is measured as noise, and whether a derivative lies within its bar as often as it must."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradconform.numeric import bars

STEPS = [2.0**-3, 2.0**-4, 2.0**-5]
FUNCTIONS = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "cube": (lambda x: x**3, lambda x: 3.0 * x**2),
    "line": (lambda x: 2.0 * x, lambda x: 2.0 + 0.0 * x),
}


def quotients(f, x, noise, draw):
    """Central differences at the steps, of a function with noise."""
    return [(f(x + h) - f(x - h) + noise * (draw() - draw())) / (2.0 * h) for h in STEPS]


def ratios(name, noise, told):
    """|error| / bar at many points, where the noise was said to be `told`."""
    f, slope = FUNCTIONS[name]
    draw = np.random.default_rng(1).standard_normal
    for x in np.linspace(-1.5, 1.5, 301):
        found = bars.extrapolated(quotients(f, x, noise, draw), STEPS, told)
        yield abs(found.value - slope(x)) / found.bar


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("noise", [1e-3, 1e-7])
def test_a_derivative_lies_within_its_bar(name, noise):
    """At each of 301 points, whether noise or truncation is what limits it."""
    assert max(ratios(name, noise, noise)) <= 1.0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_bar_that_is_told_of_too_little_noise_is_left(name):
    """The twin: noise that the bar does not know of takes some derivatives out of it."""
    assert max(ratios(name, 1e-3, 1e-6)) > 1.0


def test_extrapolation_is_used_where_truncation_matters():
    """exp at 1 with steps of an eighth: the bar is far narrower than what the plain quotient is off by."""
    plain = (math.exp(1.125) - math.exp(0.875)) / 0.25
    exact = [(math.exp(1 + h) - math.exp(1 - h)) / (2 * h) for h in STEPS]
    found = bars.extrapolated(exact, STEPS, 1e-16)
    assert abs(found.value - math.e) <= found.bar < abs(plain - math.e) / 100


@pytest.mark.parametrize("level", [1e-2, 1e-7])
def test_noise_is_measured(level):
    """The mean of many measurements is the deviation of the noise within a factor of 1.5, slope and bend aside."""
    draw = np.random.default_rng(2).standard_normal
    at = np.arange(8) * 1e-6
    found = [bars.noise_of(3.0 + 5.0 * at + 7.0 * at**2 + level * draw(8)) for _ in range(200)]
    assert level / 1.5 < np.mean(found) < 1.5 * level


def test_no_noise_is_measured_where_there_is_none():
    """A smooth function between points close together gives rounding alone."""
    assert bars.noise_of(np.exp(np.arange(8) * 1e-6)) < 1e-14


def test_a_mean_of_quotients_has_less_noise():
    """Eight quotients at one step, counted for four, halve the noise and nothing of the truncation."""
    one, eight = (bars.averaged([1.0] * n, [0.5] * n, 1e-6, 1e-3) for n in (1, 8))
    assert eight.noise == pytest.approx(one.noise / 2)
    assert eight.truncation == one.truncation == 1e-3
