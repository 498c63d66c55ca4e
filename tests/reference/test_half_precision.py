"""Bounds in half precision: sums that accumulate in single, steps that are stored, and steps that overflow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import BFLOAT16, FLOAT16, FLOAT32, HALF, Dtype
from gradconform.judge.compare import compare
from gradconform.reasons import Code
from gradconform.reference.tracked.cumulative import running_sum
from gradconform.reference.tracked.rounding import Rounded
from gradconform.reference.tracked.sums import scatter_sum
from gradconform.rows import LIMIT

every_half = pytest.mark.parametrize("dtype", HALF, ids=lambda dtype: dtype.name)
TERMS = 3000


def numbers(dtype: Dtype, *shape: int) -> Any:
    """Numbers of half precision, some of them negative."""
    return np.random.default_rng(5).normal(0.3, 0.7, shape).astype(dtype.numpy)


def tracked(array: Any, dtype: Dtype, summed_in: Dtype) -> Rounded:
    """The same numbers with a bound, sums of which accumulate in a dtype."""
    return Rounded(array.astype(float), unit=dtype, summed_in=summed_in)


def worst(found: Any, got: Any) -> float:
    """The largest error of what was computed in half precision over its bound."""
    return float(np.max(np.abs(got.astype(float) - found.value) / found.bound()))


def in_turn(terms: Any) -> Any:
    """The sum along the first axis, term after term, stored after each."""
    total = terms[0]
    for term in terms[1:]:
        total = (total + term).astype(terms.dtype)
    return total


@every_half
def test_a_sum_in_single_errs_by_one_roundoff(dtype: Dtype) -> None:
    """The bound is that of what is stored, and not a root of the number of terms wider."""
    x = numbers(dtype, TERMS, 20)
    bound = tracked(x, dtype, FLOAT32).total(0, False)
    assert np.all(bound.bound() <= 1.1 * dtype.roundoff * np.abs(bound.value) + 1e-3 * dtype.roundoff * TERMS)
    assert worst(bound, x.astype(np.float32).sum(0).astype(dtype.numpy)) <= 1.0


@every_half
def test_a_sum_in_half_is_beyond_it(dtype: Dtype) -> None:
    """The twin: added one after the other in the dtype; where that was declared it is within."""
    x = numbers(dtype, TERMS, 20)
    assert worst(tracked(x, dtype, FLOAT32).total(0, False), in_turn(x)) > LIMIT
    assert worst(tracked(x, dtype, dtype).total(0, False), in_turn(x)) <= LIMIT


@every_half
def test_products_and_running_sums_accumulate_there_too(dtype: Dtype) -> None:
    """One rounding of each product's sum, and of each running sum."""
    x, y = numbers(dtype, 4, TERMS), numbers(dtype, TERMS, 3)
    product = tracked(x, dtype, FLOAT32) @ tracked(y, dtype, FLOAT32)
    assert worst(product, (x.astype(np.float32) @ y.astype(np.float32)).astype(dtype.numpy)) <= 1.0
    running = running_sum(tracked(x, dtype, FLOAT32), 1)
    honest = np.cumsum(x.astype(np.float32), 1)
    assert worst(running, honest.astype(dtype.numpy)) <= 1.0
    halves = np.stack([in_turn(x[:, : n + 1].T) for n in range(0, TERMS, 500)], 1)
    at = Rounded(running.value[:, ::500], running.bound()[:, ::500] + dtype.smallest, unit=dtype)
    assert worst(at, halves) > LIMIT


@every_half
def test_terms_that_are_added_apart_are_stored_in_between(dtype: Dtype) -> None:
    """x - m - s in two steps: a bound for one sum in single would blame who stores x - (m + s) or (x - m) - s."""
    x = np.array([[-300.0], [-298.0], [-301.0]])
    parts = [
        (..., tracked(p.astype(dtype.numpy), dtype, FLOAT32)) for p in (x, np.full((3, 1), 298.0), np.full((3, 1), 2.3))
    ]
    together, apart = scatter_sum(x.shape, parts), scatter_sum(x.shape, parts, apart=True)
    np.testing.assert_array_equal(apart.value, together.value)
    assert np.all(apart.bound() > 50 * together.bound())


@pytest.mark.parametrize(("dtype", "unknown"), [(FLOAT16, True), (BFLOAT16, False), (FLOAT32, False)])
def test_a_step_beyond_the_largest_number_leaves_all_open(dtype: Dtype, unknown: bool) -> None:
    """The square of 300 is infinite in float16 alone, and the root of that is no 300; nor is a product of matrices."""
    x = Rounded(np.full((1, 1), 300.0), unit=dtype)
    for found in (np.sqrt(x * x), np.sqrt(x @ x)):
        assert float(found.value[0, 0]) == 300.0
        assert bool(np.isinf(found.bound()).all()) is unknown


def test_what_overflows_at_last_is_judged() -> None:
    """Infinity of the right sign is right where the result itself is too large, however wide the bound."""
    expected, bound = np.array([90000.0, -90000.0, 2.0]), np.array([np.inf, np.inf, 1e-3])
    right = np.array([np.inf, -np.inf, 2.0], np.float16)
    assert compare(right, expected, bound, FLOAT16, (3,)).reason is None
    assert compare(-right, expected, bound, FLOAT16, (3,)).reason is Code.VALUE
    flipped = np.array([-np.inf, -np.inf, 2.0], np.float16)
    assert compare(flipped, expected, bound, FLOAT16, (3,)).reason is Code.UNDECIDED
    finite = np.array([60000.0, -np.inf, 2.0], np.float16)
    assert compare(finite, expected, bound, FLOAT16, (3,)).reason is Code.UNDECIDED
