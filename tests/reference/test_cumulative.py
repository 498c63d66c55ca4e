"""Running sums: each is charged as the sum of its own terms, and proved exact as one."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.cumulative import running_sum
from gradconform.reference.tracked.exactness import Exact, InexactError
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")
# The judge's constant: an honest computation stays below so many bounds.
ALLOWED = 4.0


def tracked(value, error=None):
    """An array with its error, in float32."""
    return Rounded(np.asarray(value, dtype=float), error, unit=SINGLE)


def in_blocks(x, size):
    """The running sums of float32 numbers, of blocks first and then of their totals."""
    blocks = np.cumsum(x.reshape(-1, size), axis=1, dtype=np.float32)
    before = np.concatenate([[np.float32(0)], np.cumsum(blocks[:-1, -1], dtype=np.float32)])
    return (blocks + before[:, None]).reshape(-1)


DRAWS = {
    "normal": lambda rng: rng.normal(0.3, 0.7, size=4096),
    "centred": lambda rng: rng.normal(size=4096),
    "positive": lambda rng: rng.uniform(0.0, 1.0, size=4096),
    "equal": lambda rng: np.full(4096, 0.1),
    "two": lambda rng: rng.choice([0.1, 0.7], size=4096),
    "zeros": lambda rng: rng.normal(size=4096) * (rng.uniform(size=4096) < 0.01),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=list(DRAWS))
def test_running_sums_in_any_order_are_within_their_bounds(draw):
    """One term after the other, and in blocks."""
    x = draw(np.random.default_rng(0)).astype(np.float32)
    found = running_sum(tracked(x), 0)
    for got in (np.cumsum(x, dtype=np.float32), in_blocks(x, 64)):
        assert np.all(np.abs(got.astype(float) - found.value) <= ALLOWED * found.bound())


def test_a_running_sum_is_charged_as_a_sum_of_its_terms():
    """The bound of each is that of `np.sum` over the terms up to it."""
    x = np.random.default_rng(1).normal(size=(3, 12)).astype(np.float32)
    found = running_sum(tracked(x), 1)
    for k in range(12):
        total = np.sum(tracked(x)[:, : k + 1], axis=1)
        np.testing.assert_allclose(found.bound()[:, k], total.bound(), rtol=1e-12, atol=SINGLE.tiny)


def test_one_term_and_zeros_round_nothing():
    """Nor does a wrong value pass for a right one."""
    assert running_sum(tracked([[1.5], [2.5]]), 1).error is None
    found = running_sum(tracked([0.0, 1.5, 0.0, 0.3]), 0)
    assert np.all(found.bound()[:3] <= SINGLE.tiny)
    assert 0.0 < found.bound()[3] < 1e-6


def test_errors_of_terms_add_up():
    """Along the axis alone."""
    error = np.array([[0.1, 0.2], [0.4, 0.8]])
    found = running_sum(tracked(np.ones((2, 2)), error), 1).bound()
    np.testing.assert_allclose(found, [[0.1, 0.3], [0.4, 1.2]], rtol=1e-6)


def test_small_numbers_are_proved_exact_and_large_ones_are_not():
    """2^24 ones are the last whole number of float32 that has a neighbour."""
    small = running_sum(Exact(np.arange(1.0, 9.0), unit=SINGLE), 0)
    np.testing.assert_array_equal(small.value, np.cumsum(np.arange(1.0, 9.0)))
    with pytest.raises(InexactError, match="cumsum"):
        running_sum(Exact(np.array([2.0**24, 1.0, 1.0]), unit=SINGLE), 0)
