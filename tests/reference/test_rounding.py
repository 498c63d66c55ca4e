"""The rules of running error analysis, one by one: each bound holds, and none is idle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked import rounding
from gradconform.reference.tracked.rounding import RULES, Rounded
from gradconform.reference.tracked.sums import scatter_sum, sum_of_products
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

SINGLE = Dtype.of("float32")
U = SINGLE.roundoff
A = np.array([[0.3, -1.7, 2.9], [11.0, 0.07, -0.5]], dtype=np.float32)
B = np.array([[1.1, 0.6, -2.3], [0.9, 3.1, 0.2]], dtype=np.float32)


def tracked(value, error=None):
    """An array with its error, in float32."""
    return Rounded(np.asarray(value, dtype=float), error, unit=SINGLE)


def within(got, expected, allowed=1.0):
    """Whether a float32 result is within so many bounds."""
    return bool(np.all(np.abs(np.asarray(got, dtype=float) - expected.value) <= allowed * expected.bound()))


BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum]
UNARY = [np.negative, np.absolute, np.square, np.exp, np.tanh, special.erf, np.expm1]
POSITIVE = [np.sqrt, np.log, np.log1p]


@pytest.mark.parametrize("ufunc", BINARY)
def test_one_operation_of_two_arrays_is_within_its_bound(ufunc):
    """What float32 gives lies within the bound, and the bound is at most a few units."""
    found = ufunc(tracked(A), tracked(B))
    assert within(ufunc(A, B), found)
    assert np.all(found.bound() <= 2.0 * U * np.abs(found.value) + SINGLE.tiny)


@pytest.mark.parametrize("ufunc", UNARY + POSITIVE)
def test_one_function_of_an_array_is_within_its_bound(ufunc):
    """The same for functions of one array."""
    x = np.abs(A) if ufunc in POSITIVE else A
    found = ufunc(tracked(x))
    assert within(ufunc(x), found)
    assert np.all(found.bound() <= 2.0 * U * np.abs(found.value) + SINGLE.tiny)


@pytest.mark.parametrize("ufunc", UNARY + POSITIVE)
def test_an_error_that_came_in_goes_through_the_derivative(ufunc):
    """f(x + e) - f(x) is within the bound of f(x +- e), and takes up most of it."""
    x = np.abs(A).astype(float)
    error = 1e-4 * x
    found = ufunc(tracked(x, error))
    moved = np.abs(ufunc(x + error) - ufunc(x))
    assert np.all(moved <= found.bound() * 1.001)
    assert np.all(moved >= 0.5 * (found.bound() - 2.0 * U * np.abs(found.value)) - 1e-9)


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.divide])
def test_errors_of_both_operands_add_up(ufunc):
    """The worst of the four corners of two intervals is within the bound, and no other bound would do."""
    ea, eb = 1e-5 * np.abs(A.astype(float)), 1e-5 * np.abs(B.astype(float))
    found = ufunc(tracked(A, ea), tracked(B, eb))
    a, b = A.astype(float), B.astype(float)
    corners = [np.abs(ufunc(a + s * ea, b + t * eb) - ufunc(a, b)) for s in (-1, 1) for t in (-1, 1)]
    assert np.all(np.max(corners, axis=0) <= found.bound() * 1.001)
    assert np.all(np.max(corners, axis=0) >= 0.9 * found.bound())


def test_every_rule_is_tested_here():
    """A rule that is added wants a test; those of another module have it in the file that is called like the module."""
    own = {ufunc for ufunc, rule in RULES.items() if rule.__module__ == rounding.__name__}
    assert own == {*BINARY, *UNARY, *POSITIVE, np.power}


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, 1.3])
def test_powers_are_within_their_bounds(exponent):
    """Also where the exponent itself is rounded when written in float32."""
    x = np.abs(A)
    assert within(np.power(x, np.float32(exponent)), np.power(tracked(x), exponent))


def test_a_power_at_zero_has_a_finite_bound():
    """0 to the power 1.3 is 0, however the exponent is rounded."""
    assert np.all(np.isfinite(np.power(tracked([0.0, 2.0]), 1.3).bound()))


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=40), st.randoms())
@settings(deadline=None, max_examples=60)
def test_a_sum_in_any_order_is_within_four_bounds(numbers, random):
    """sqrt(K) u sum|a| is a bound for likely roundings; the judge allows four times that."""
    found = np.sum(tracked(numbers))
    random.shuffle(numbers)
    total = np.float32(0)
    for number in numbers:
        total += np.float32(number)
    assert within(total, found, 4.0)


def test_a_sum_is_charged_for_its_terms():
    """No rounding for one term, sqrt(K - 1) u sum|a| for K; zeros do not count."""
    assert np.sum(tracked([3.0, 0.0, 0.0])).error is None
    bound = np.sum(tracked([1.0, 2.0, 0.0, -4.0, 0.5, 0.0, 2.5])).bound()
    assert bound == pytest.approx(2.0 * U * 10.0)


def test_a_zero_that_may_not_be_one_counts_as_a_term():
    """1 + (0 +- e) rounds, though the second is zero here; one that is zero but for underflow does not."""
    assert np.sum(tracked([1.0, 0.0], np.array([0.0, 1e-6]))).bound() == pytest.approx(U + 1e-6)
    assert np.sum(tracked([1.0, 0.0], np.array([0.0, SINGLE.tiny]))).bound() < 2 * SINGLE.tiny


@pytest.mark.parametrize("shapes", [((5, 300), (300, 4)), ((2, 3, 40), (2, 40, 5)), ((1, 1), (1, 1))])
def test_a_product_of_matrices_is_within_its_bound(shapes):
    """Honest errors stay below the bound itself, which is no more than sqrt(K) units of |A||B|."""
    rng = np.random.default_rng(3)
    a, b = (rng.normal(0.3, 0.7, size=s).astype(np.float32) for s in shapes)
    found = np.matmul(tracked(a), tracked(b))
    assert within(a @ b, found)
    scale = np.abs(a.astype(float)) @ np.abs(b.astype(float))
    assert np.all(found.bound() <= 1.01 * math.sqrt(a.shape[-1]) * U * scale + SINGLE.tiny)


def test_errors_of_factors_go_through_a_product_of_matrices():
    """|ea| |B| + |A| |eb| is in the bound, whichever of the two has an error."""
    a, b = np.abs(A[:, :2]).astype(float), np.abs(B[:, :2]).astype(float)
    e = np.full((2, 2), 0.01)
    for found, through in (
        (np.matmul(tracked(a, e), tracked(b)), e @ b),
        (np.matmul(tracked(a), tracked(b, e)), a @ e),
        (np.matmul(tracked(a, e), b), e @ b),
    ):
        assert np.all(found.bound() >= through)
        assert np.all(found.bound() <= through + 3 * U * (a @ b) + SINGLE.tiny)


def test_pieces_of_a_sum_are_rounded_as_one():
    """Gathering in pieces costs no more than the number of terms says."""
    parts = [
        (slice(0, 2), tracked([1.0, 2.0])),
        (slice(1, 3), tracked([4.0, 8.0])),
        (slice(1, 2), tracked([-1.0])),
    ]
    found = scatter_sum((3,), parts)
    np.testing.assert_array_equal(found.value, [1.0, 5.0, 8.0])
    np.testing.assert_allclose(found.bound(), [0.0, math.sqrt(2) * 7 * U, 0.0], atol=2 * SINGLE.tiny)
    products = sum_of_products((2, 2), [(..., tracked(A), tracked(B.T)), (..., tracked(A), tracked(B.T))])
    assert within(2 * (A @ B.T), products)


def test_a_scattered_sum_whose_pieces_carry_errors_passes_them_on():
    """Errors of the pieces add up where the pieces do."""
    parts = [([0, 1], tracked([1.0, 2.0], np.array([0.1, 0.2]))), ([1], tracked([4.0], np.array([0.4])))]
    np.testing.assert_allclose(scatter_sum((2,), parts).bound(), [0.1, 0.6], rtol=1e-5)


@pytest.mark.parametrize("factor", [2.0, 0.5, -4, 1])
def test_scaling_by_a_power_of_two_rounds_nothing(factor):
    """Only underflow is left in the bound."""
    assert np.all((tracked(A) * factor).bound() <= SINGLE.tiny)
    assert np.all((tracked(A) / factor).bound() <= SINGLE.tiny)


def test_a_computed_number_is_no_exact_factor():
    """The twin: a power of two, or zero, with an error of its own may be another number in the framework."""
    half = tracked(0.5, np.asarray(1e-9))
    assert np.all((tracked(A) * half).bound() > U * np.abs(A) * 0.5)
    assert np.all((tracked(A) / half).bound() > U * np.abs(A) * 2)
    assert np.all((tracked(A) + tracked(0.0, np.asarray(1e-9))).bound() > U * np.abs(A))


def test_a_constant_is_charged_for_being_written():
    """0.1 is another number in float32; 0.5 and 3 are not."""
    assert np.all((tracked(A) * 0.1).bound() > (tracked(A) * np.asarray(0.1)).bound())
    np.testing.assert_array_equal((tracked(A) * 3).bound(), (tracked(A) * np.asarray(3.0)).bound())


def test_adding_zero_rounds_nothing():
    """x + 0 is x."""
    assert (tracked(A) + 0.0).error is None


def test_a_choice_has_the_error_of_what_was_chosen():
    """Where one is surely larger only its error counts; where they may change places, the larger of both."""
    a = tracked([1.0, 5.0, 2.0], np.array([0.1, 0.2, 0.3]))
    b = tracked([4.0, 1.0, 2.1], np.array([0.5, 0.6, 0.1]))
    np.testing.assert_array_equal(np.maximum(a, b).bound(), [0.5, 0.2, 0.3])
    np.testing.assert_array_equal(np.minimum(a, b).bound(), [0.1, 0.6, 0.3])
    assert np.maximum(tracked(A), tracked(B)).error is None
    assert np.maximum(tracked(A), 0.0).error is None


def test_a_choice_of_a_written_constant_has_its_error():
    """min(x, 0.1) is off where it is 0.1, and exact where it is x."""
    found = np.minimum(tracked([0.05, 0.7]), 0.1).bound()
    assert found[0] == 0.0
    assert 0.0 < found[1] < U


def test_where_takes_the_error_of_the_branch():
    """Also where value and error do not have the same shape before they broadcast."""
    found = np.where(A > 0, tracked(A), tracked([1.0, 2.0, 3.0], np.array([0.1, 0.2, 0.3])))
    np.testing.assert_array_equal(found.bound(), [[0, 0.2, 0], [0, 0, 0.3]])
    one = np.where(np.array([True, False]), tracked(1.0, np.asarray(0.5)), tracked([3.0, 4.0]))
    np.testing.assert_array_equal(one.bound(), [0.5, 0.0])
    assert np.where(np.array([True]), tracked([1.0]), tracked([2.0], np.array([0.5]))).error is None


def test_padding_has_the_error_of_the_constant():
    """A border of 0.1 is off by writing it; one of 0.5 is not."""
    found = np.pad(tracked([1.0], np.array([0.25])), [(1, 1)], constant_values=0.1)
    assert found.bound()[1] == 0.25
    assert 0 < found.bound()[0] < U
    assert np.pad(tracked([1.0]), [(1, 1)], constant_values=0.5).error is None


@pytest.mark.parametrize(
    "how",
    [
        lambda a: a[:, 1:],
        lambda a: a.T,
        lambda a: a.reshape(3, 2),
        lambda a: a.transpose(1, 0),
        lambda a: np.reshape(a, (6,)),
        lambda a: np.transpose(a),
        lambda a: np.moveaxis(a, 0, 1),
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.expand_dims(a, 0),
        lambda a: np.flip(a, 1),
        lambda a: np.broadcast_to(a, (2, 2, 3)),
        lambda a: np.concatenate([a, a], axis=1),
        lambda a: np.take_along_axis(a, np.array([[2], [0]]), axis=1),
        lambda a: np.ravel(a),
        lambda a: np.squeeze(a[:1]),
        lambda a: np.repeat(a, 2, axis=0),
    ],
)
def test_what_moves_values_moves_errors_alike(how):
    """Value and error take the same way, and an exact array stays exact."""
    error = np.abs(A).astype(float) * 0.01
    found = how(tracked(A, error))
    np.testing.assert_array_equal(found.value, how(A.astype(float)))
    np.testing.assert_array_equal(found.bound(), how(error))
    assert how(tracked(A)).error is None


def test_joining_exact_and_inexact_keeps_both():
    """The exact part gets zeros."""
    found = np.concatenate([tracked([1.0]), tracked([2.0], np.array([0.5]))])
    np.testing.assert_array_equal(found.bound(), [0.0, 0.5])


def test_comparisons_look_at_values():
    """Masks are plain arrays."""
    np.testing.assert_array_equal(tracked(A) > 0, A > 0)
    np.testing.assert_array_equal(np.argmax(tracked(A), axis=1), np.argmax(A, axis=1))


def test_an_exact_element_stays_exact_beside_an_infinite_slope():
    """sqrt has an infinite slope at 0, which times no error is no error."""
    assert np.sqrt(tracked([0.0, 4.0], np.array([0.0, 0.1]))).bound()[0] <= SINGLE.tiny


@pytest.mark.parametrize("function", [np.cbrt, np.cumprod, np.add.reduce])
def test_what_has_no_rule_is_refused(function):
    """A function without a rule must not pass as exact."""
    with pytest.raises(TypeError):
        function(tracked(A))


def test_the_two_dtypes_have_their_units():
    """Half the spacing at 1, and the smallest normal number."""
    assert SINGLE.roundoff == 2.0**-24
    assert Dtype.of("float64").roundoff == 2.0**-53
    assert Dtype.of("float64").tiny == 2.0**-1022


LARGE = [0.3, 0.9, 1.5]
"""Errors over the value: below it, and above it."""


@pytest.mark.parametrize("relative", LARGE)
@pytest.mark.parametrize("ufunc", UNARY + POSITIVE)
def test_an_error_of_the_size_of_the_value_is_bounded_over_all_it_may_be(ufunc, relative):
    """The farthest of a hundred numbers within the error lies within the bound; where one is a pole, it is infinite."""
    x = (np.abs(A) if ufunc in POSITIVE else A).astype(float)
    error = relative * np.abs(x)
    found = ufunc(tracked(x, error)).bound()
    low = 0.0 if ufunc in POSITIVE else -np.inf
    with np.errstate(divide="ignore"):
        moved = [np.abs(ufunc(np.maximum(x + t * error, low)) - ufunc(x)) for t in np.linspace(-1, 1, 101)]
    assert np.all(np.max(moved, axis=0) <= found * 1.001)
    assert np.all(np.isfinite(found)) or (ufunc in (np.log, np.log1p) and relative > 0.5)


@pytest.mark.parametrize("relative", LARGE)
@pytest.mark.parametrize("ufunc", [np.multiply, np.divide])
def test_both_errors_may_be_of_the_size_of_the_values(ufunc, relative):
    """First order alone would miss ea eb, and the smaller divisor; a divisor that may be zero has no bound."""
    a, b = A.astype(float), B.astype(float)
    ea, eb = relative * np.abs(a), relative * np.abs(b)
    found = ufunc(tracked(A, ea), tracked(B, eb)).bound()
    if ufunc is np.divide and relative > 1:
        assert np.all(np.isinf(found))
        return
    corners = [np.abs(ufunc(a + s * ea, b + t * eb) - ufunc(a, b)) for s in (-1, 1) for t in (-1, 1)]
    assert np.all(np.max(corners, axis=0) <= found * 1.001)
    assert np.all(np.max(corners, axis=0) >= 0.9 * found)


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, 1.3])
@pytest.mark.parametrize("relative", [0.3, 0.9])
def test_powers_of_an_uncertain_base_are_bounded(exponent, relative):
    """Over the whole interval again."""
    x = np.abs(A).astype(float)
    moved = [np.abs((x + t * relative * x) ** exponent - x**exponent) for t in np.linspace(-1, 1, 101)]
    assert np.all(np.max(moved, axis=0) <= np.power(tracked(x, relative * x), exponent).bound() * 1.001)


def test_what_cancels_to_zero_has_the_product_of_the_errors():
    """(0 +- e)^2 is at most e^2, which is all there is; first order has nothing."""
    zero = tracked(np.zeros(2), np.array([1e-3, 2.0]))
    for found in (zero * zero, np.square(zero)):
        np.testing.assert_allclose(found.bound(), [1e-6, 4.0], rtol=1e-6)
    assert np.all(
        np.matmul(tracked(np.zeros((2, 2)), np.ones((2, 2))), tracked(np.zeros((2, 2)), np.ones((2, 2)))).bound() >= 2.0
    )


def test_an_infinity_is_exact():
    """Whatever is added to it or rounded beside it; its functions are as sure."""
    masked = tracked([-np.inf, 1.0]) + tracked([0.3, 0.3], np.array([1e-3, 1e-3]))
    assert masked.bound()[0] == 0
    assert masked.bound()[1] > 1e-3
    probability = np.exp(masked)
    assert probability.value[0] == 0
    assert probability.bound()[0] <= SINGLE.tiny
    share = probability / np.sum(probability)
    assert np.all(np.isfinite(share.bound()))
    assert np.all(share.bound() < 1e-2)
    assert np.tanh(tracked([np.inf])).bound() <= 2 * U + SINGLE.tiny
    assert np.isfinite((tracked([1.0]) / tracked([np.inf])).bound())
    assert (tracked([np.inf]) * tracked([2.0], np.array([0.1]))).bound() == 0
    assert np.log(tracked([0.0])).bound() == 0


def test_an_infinity_that_rounding_made_is_not():
    """The twin: a divisor or an operand of log that may be zero, a factor of an infinity that has either sign."""
    uncertain = tracked([0.0], np.array([1e-6]))
    for found in (1.0 / uncertain, np.log(uncertain), tracked([np.inf]) * tracked([1e-7], np.array([1e-6]))):
        assert np.isinf(found.bound())


def test_what_is_unknown_stays_unknown_and_zero_times_it_is_zero():
    """An infinite error goes through sums and functions; an exact zero hides it."""
    unknown = tracked([1.0, 2.0], np.array([np.inf, 1e-3]))
    for found in (unknown + 1.0, unknown * 3.0, np.exp(unknown), np.square(unknown), unknown / 7.0, unknown * unknown):
        assert np.isinf(found.bound()[0])
        assert np.isfinite(found.bound()[1])
    assert np.isinf(np.sum(unknown).bound())
    assert np.all(np.isfinite((unknown * tracked([0.0, 1.0])).bound()))


def test_a_sure_zero_divides_as_surely_beside_one_that_is_not():
    """Each element by itself: the first divisor is zero, the second may be, the third is not."""
    found = 1.0 / tracked([0.0, 0.0, 2.0], np.array([0.0, 1e-6, 1e-6]))
    assert found.bound()[0] == 0
    assert np.isinf(found.bound()[1])
    assert 0 < found.bound()[2] < 1e-6
