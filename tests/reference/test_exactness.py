"""The proof that nothing rounds: it goes through where nothing does, and stops where something could."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.exactness import Exact, InexactError, grain
from gradconform.reference.tracked.sums import scatter_sum, sum_of_products
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

SINGLE, DOUBLE = Dtype.of("float32"), Dtype.of("float64")


def exact(value, unit=SINGLE):
    """An array that proves its own exactness."""
    return Exact(np.asarray(value, dtype=float), unit=unit)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0], 1.0),
        ([0.5, 3.0], 0.5),
        ([0.0], np.inf),
        ([-12.0], 4.0),
        ([0.75, 0.0], 0.25),
        ([2.0**-140], 2.0**-140),
    ],
)
def test_the_grain_is_the_largest_power_of_two_that_divides_all(values, expected):
    """Zeros are multiples of everything."""
    assert grain(np.array(values)) == expected


@given(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=12), st.integers(-20, 20), st.randoms())
@settings(deadline=None)
def test_a_proved_sum_is_the_same_in_every_order(numbers, exponent, random):
    """Whatever the proof lets through, float32 sums to the same bits in any order."""
    terms = [n * 2.0**exponent for n in numbers]
    try:
        proved = np.sum(exact(terms)).value
    except InexactError:
        return
    random.shuffle(terms)
    total = np.float32(0)
    for term in terms:
        total += np.float32(term)
    assert total == proved


@given(st.integers(-(2**26), 2**26), st.integers(-(2**26), 2**26))
@settings(deadline=None)
def test_a_proved_product_is_exact(a, b):
    """Whatever the proof lets through, float32 multiplies without rounding."""
    if np.float32(a) != a or np.float32(b) != b:
        return
    try:
        proved = (exact(a) * exact(b)).value
    except InexactError:
        return
    assert np.float32(a) * np.float32(b) == proved == a * b


@pytest.mark.parametrize(
    "step",
    [
        lambda: exact([3.0, -1.5]) + exact([0.25, 7.0]),
        lambda: exact([3.0, -1.5]) - 2,
        lambda: exact([3.0, -1.5]) * exact([0.25, 7.0]),
        lambda: exact([3.0, -1.5]) / 4,
        lambda: exact([3.0, -1.5]) / exact([2.0, -0.5]),
        lambda: np.square(exact([3.0, -1.5])),
        lambda: np.maximum(exact([3.0, -1.5]), 0.0),
        lambda: -exact([3.0]),
        lambda: np.abs(exact([-3.0])),
        lambda: np.matmul(exact([[3.0, -1.5]]), exact([[2.0], [1.0]])),
        lambda: np.matmul(exact([[3.0, -1.5]]), np.array([[2.0], [1.0]])),
        lambda: scatter_sum((2,), [([0, 1], exact([1.0, 2.0])), ([1], exact([4.0]))]),
        lambda: sum_of_products((1, 1), [(..., exact([[3.0]]), exact([[0.5]]))] * 2),
        lambda: np.where(np.array([True, False]), exact([1.0, 2.0]), 0.5),
        lambda: np.pad(exact([1.0]), [(1, 0)], constant_values=-1.5),
    ],
)
def test_small_numbers_go_through(step):
    """Ring operations, choices and scalings of small numbers are exact, and stay proofs."""
    assert isinstance(step(), Exact)


BIG = 2.0**24


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda: exact([BIG]) + exact([1.0]), "more bits"),
        (lambda: np.sum(exact([BIG, -BIG, 1.0])), "more bits"),  # exact in this order, not in every one
        (lambda: exact([4097.0]) * exact([4097.0]), "more bits"),
        (lambda: np.square(exact([4097.0])), "more bits"),
        (lambda: np.matmul(exact([[4096.0, 1.0]]), exact([[4096.0], [1.0]])), "more bits"),
        (lambda: scatter_sum((1,), [([0], exact([BIG])), ([0], exact([1.0]))]), "more bits"),
        (lambda: exact([1.0]) / 3, "divide"),
        (lambda: exact([1.0]) * 0.1, "0.1"),
        (lambda: exact([1.0]) + 0.1, "0.1"),
        (lambda: np.maximum(exact([0.0]), 0.1), "0.1"),
        (lambda: np.where(np.array([True]), exact([0.0]), 0.1), "0.1"),
        (lambda: np.pad(exact([0.0]), [(1, 0)], constant_values=0.1), "0.1"),
        (lambda: exact([2.0**-100]) * exact([2.0**-100]), "underflow"),
        (lambda: exact([2.0**100]) * exact([2.0**100]), "overflow"),
        (lambda: exact([np.inf]) + exact([1.0]), "more bits"),
        (lambda: exact([np.nan]) + exact([1.0]), "more bits"),
    ],
)
def test_what_could_round_is_refused(step, why):
    """The message names the step and the reason."""
    with pytest.raises(InexactError, match=why):
        step()


@pytest.mark.parametrize("function", [np.exp, np.log, np.sqrt, np.tanh, np.reciprocal, special.erf, np.cbrt])
def test_functions_that_round_are_refused(function):
    """Even where the result would happen to be exact, as sqrt(4)."""
    with pytest.raises(InexactError, match=function.__name__):
        function(exact([4.0]))


def test_float64_has_more_room():
    """What float32 cannot hold, float64 may."""
    assert np.sum(exact([BIG, 1.0], DOUBLE)).value == BIG + 1
    with pytest.raises(InexactError):
        np.sum(exact([2.0**53, 1.0], DOUBLE))
