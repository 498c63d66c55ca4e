"""Equal terms err together: their bound is wide enough for it, and that of random terms is as narrow as ever."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.equal_terms import FEW, excess
from gradconform.reference.tracked.rounding import Rounded
from gradconform.reference.tracked.sums import scatter_sum, sum_of_products

SINGLE = Dtype.of("float32")
DOUBLE = Dtype.of("float64")
U = SINGLE.roundoff
ALLOWED = 4.0
K = 4096
RANDOM = np.random.default_rng(5)


def tracked(value: object) -> Rounded:
    """An array that is exact so far."""
    return Rounded(np.asarray(value, dtype=float), unit=SINGLE)


def one_after_another(terms: np.ndarray) -> float:
    """The sum in float32, as a plain loop makes it."""
    return float(np.cumsum(terms.astype(np.float32), dtype=np.float32)[-1])


def off(terms: np.ndarray, bound: float) -> float:
    """By how many bounds a plain loop is off."""
    return abs(one_after_another(terms) - float(np.sum(terms.astype(np.float32), dtype=float))) / bound


ALIKE: dict[str, Callable[[], np.ndarray]] = {
    "one value": lambda: np.full(K, 1 / 3),
    "one value, many": lambda: np.full(50176, 1 / 49),
    "two values in turns": lambda: np.where(np.arange(K) % 2, 1 / 3, 1 / 7),
    "two values, one after the other": lambda: np.where(np.arange(K) < K // 3, 1 / 3, 1 / 7),
    "ten values": lambda: RANDOM.integers(1, 11, K) / 30.0,
    "one value but for the last digits": lambda: (1 + 1e-6 * RANDOM.standard_normal(K)) / 3,
    "one value but for what a sum forgets": lambda: (1 + 1e-5 * RANDOM.standard_normal(K)) / 3,
    "one value among zeros": lambda: np.where(np.arange(K) % 3, 1 / 3, 0.0),
}


@pytest.mark.parametrize("terms", list(ALIKE.values()), ids=list(ALIKE))
def test_a_plain_loop_over_equal_terms_is_within_the_bound(terms: Callable[[], np.ndarray]) -> None:
    """Each of these is honest."""
    numbers = terms().astype(np.float32).astype(float)
    assert off(numbers, float(np.sum(tracked(numbers)).bound())) < ALLOWED


def test_the_root_of_their_number_would_blame_equal_terms() -> None:
    """The twin: the rule for different terms, which is what an excess of 0 gives."""
    numbers = np.full(50176, 1 / 49, dtype=np.float32).astype(float)
    assert off(numbers, np.sqrt(50176) * U * float(np.sum(numbers))) > ALLOWED


def test_multiplicities_are_counted() -> None:
    """K^2 - K where all are equal; the sum over the groups where some are; zeros are no terms, signs tell apart."""
    assert excess(np.full(100, 0.1), U) == 100**2 - 100
    groups = np.concatenate([np.full(60, 0.1), np.full(40, -0.1), np.zeros(50)])
    assert excess(RANDOM.permutation(groups), U) == 60**2 + 40**2 - 100
    assert excess(np.zeros(100), U) == 0
    rows = np.stack([np.full(80, 0.3), RANDOM.standard_normal(80), np.where(np.arange(80) < 20, 0.3, 0.0)])
    np.testing.assert_array_equal(excess(rows, U), [80**2 - 80, 0, 20**2 - 20])


DIFFERENT: dict[str, Callable[[int], np.ndarray]] = {
    "normal": lambda n: RANDOM.standard_normal(n),
    "positive": lambda n: RANDOM.uniform(0.5, 1.0, n),
    "rectified": lambda n: np.maximum(RANDOM.standard_normal(n), 0.0),
    "of all sizes": lambda n: np.exp(5 * RANDOM.standard_normal(n)),
    "around one": lambda n: 1 + 0.1 * RANDOM.standard_normal(n),
}


@pytest.mark.parametrize("terms", [17, 64, 1000, 50000, 400000])
@pytest.mark.parametrize("kind", DIFFERENT)
@pytest.mark.parametrize("unit", [SINGLE, DOUBLE], ids=["float32", "float64"])
def test_random_terms_are_judged_as_sharply_as_ever(kind: str, terms: int, unit: Dtype) -> None:
    """Their factor is the root of their number, but for the few that meet by chance."""
    numbers = DIFFERENT[kind](terms).astype(np.float32).astype(float)
    assert excess(numbers, unit.roundoff) <= 0.1 * terms + 4


def test_a_sum_so_large_that_it_forgets_its_terms_sees_them_equal() -> None:
    """Two million numbers near one, in float32: each is rounded to the same few places; in float64 they differ."""
    numbers = 1 + 0.01 * RANDOM.standard_normal(2 * 10**6)
    assert excess(numbers, U) > 0.1 * len(numbers) ** 2
    assert excess(numbers, DOUBLE.roundoff) < 0.1 * len(numbers)


def test_products_of_constants_err_together_and_others_do_not() -> None:
    """Where both factors are constant the bound grows as K does; where one is not, as its root."""
    constant, random = np.full((2, K), 0.1), RANDOM.standard_normal((2, K))
    alike = (tracked(constant) @ constant.T).bound() / np.abs(constant @ constant.T)
    np.testing.assert_allclose(alike, K * U, rtol=1e-3)
    for left, right in [(constant, random), (random, constant), (random, random)]:
        sharp = (tracked(left) @ right.T).bound() / (np.abs(left) @ np.abs(right.T))
        np.testing.assert_allclose(sharp, np.sqrt(K) * U, rtol=1e-2)


def test_products_in_pieces_may_be_equal_across_them() -> None:
    """Nine windows of a constant image and a constant filter are one sum of equal terms."""
    image, filter_ = np.full((5, 200), 0.1), np.full((200, 3), 0.3)
    found = sum_of_products((5, 3), [(..., tracked(image), filter_)] * 9)
    assert np.all(found.bound() > 0.99 * 1800 * U * found.value)
    other = sum_of_products((5, 3), [(..., tracked(image), RANDOM.standard_normal((200, 3)))] * 9)
    assert np.all(other.bound() < 1.01 * np.sqrt(1800) * U * 1800 * 0.1 * 3)


@pytest.mark.parametrize(("value", "least", "most"), [("equal", 2990.0, 3001.0), ("random", 54.0, 56.0)])
def test_a_scattered_sum_knows_its_equal_terms(value: str, least: float, most: float) -> None:
    """A padding token that comes 3000 times under the gradient of a mean, and under another gradient."""
    parts = np.full((3000, 2), 0.1) if value == "equal" else RANDOM.standard_normal((3000, 2))
    found = scatter_sum((4, 2), ((np.array([1]), tracked(part[None])) for part in parts))
    factor = found.bound()[1] / (U * np.abs(parts).sum(axis=0))
    assert np.all(factor > least)
    assert np.all(factor < most)


def test_few_terms_need_no_look() -> None:
    """Four times the root of sixteen is sixteen: the limit covers them, and their bound stays narrow."""
    assert ALLOWED * np.sqrt(FEW) >= FEW
    assert float(np.sum(tracked(np.full(FEW, 0.1))).bound()) < 1.01 * np.sqrt(FEW - 1) * U * FEW * 0.1
