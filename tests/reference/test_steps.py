"""The rule of `tracked/steps.py`: an error matters where it reaches across a jump, and nowhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.dual import Dual
from gradconform.reference.tracked.exactness import Exact
from gradconform.reference.tracked.rounding import Rounded
from gradconform.reference.tracked.steps import stairs, step

SINGLE = Dtype.of("float32")
FUNCTIONS = [np.floor, np.ceil, np.trunc, np.rint, np.sign]
each = pytest.mark.parametrize("function", FUNCTIONS, ids=[function.__name__ for function in FUNCTIONS])


def rounded(values: list[float], errors: list[float]) -> Rounded:
    """An array with these errors."""
    return Rounded(np.array(values), np.array(errors), unit=SINGLE)


@each
def test_no_number_within_reach_is_farther(function: Any) -> None:
    """The bound is what a search finds, neither more nor less."""
    rng = np.random.default_rng(6)
    x, e = rng.normal(0, 3, 200), rng.choice([1e-9, 0.1, 0.7, 2.5], 200)
    within = x + e * np.linspace(-1.0, 1.0, 4001)[:, None]
    np.testing.assert_array_equal(step(function, rounded(x, e)).bound(), np.abs(function(within) - function(x)).max(0))


def test_a_step_that_ignores_errors_would_be_noticed() -> None:
    """The twin: beside a jump the bound is not zero."""
    assert step(np.floor, rounded([0.99999999], [1e-7])).bound().tolist() == [1.0]
    assert step(np.floor, rounded([0.5], [1e-7])).error is None


@each
def test_what_is_exact_stays_exact_and_has_no_derivative(function: Any) -> None:
    """With a bound inside, in a proof, and as a dual number; of a complex number the real part counts."""
    x = np.array([0.5, -1.25, 2.0])
    assert step(function, Rounded(x, unit=SINGLE)).error is None
    assert isinstance(step(function, Exact(x, unit=SINGLE)), Exact)
    found = step(function, Dual(Rounded(x, unit=SINGLE), Rounded(x, unit=SINGLE)))
    assert found.tangent is None
    np.testing.assert_array_equal(found.value.value, function(x))
    np.testing.assert_array_equal(stairs(function, found), function(x))
    np.testing.assert_array_equal(step(function, x + 1e-30j), function(x))
