"""The rounding bounds of inverses and determinants: they hold for all that they speak of, and are not idle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked import inverses
from gradconform.reference.tracked.exactness import Exact, InexactError
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")
FUNCTIONS = [np.linalg.inv, np.linalg.det]
every_function = pytest.mark.parametrize("function", FUNCTIONS)


def matrices(size: int, count: int = 20) -> Any:
    """Random matrices of float32 numbers, [count, size, size]."""
    return np.random.default_rng(size).normal(size=(count, size, size)).astype(np.float32).astype(float)


def ratios(function: Any, a: Any, error: Any, moved: Any) -> Any:
    """How far the function of moved matrices is from that of `a`, in bounds."""
    found = function(Rounded(a, error, unit=SINGLE))
    return np.abs(function(moved) - found.value) / found.bound()


@every_function
@pytest.mark.parametrize("size", [2, 3, 7, 20])
def test_float32_lies_within_the_bound(function: Any, size: int) -> None:
    """And at least at a hundredth of it."""
    a = matrices(size)
    found = ratios(function, a, None, a.astype(np.float32))
    assert 0.01 < np.max(found) < 1.0


def test_a_determinant_of_one_number_is_that_number() -> None:
    """Whatever its bound leaves room for."""
    a = matrices(1)
    assert np.all(ratios(np.linalg.det, a, None, a.astype(np.float32)) < 1e-3)


@every_function
@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("amount", [1e-5, 1e-3])
def test_an_error_that_came_in_is_within_the_bound(function: Any, size: int, amount: float) -> None:
    """And of the worst of many perturbations a tenth or more is used."""
    a, rng = matrices(size), np.random.default_rng(1)
    error = amount * np.abs(a)
    signs = [rng.choice([-1.0, 1.0], a.shape) for _ in range(50)]
    found = np.max([ratios(function, a, error, a + sign * error) for sign in signs], axis=0)
    known = np.isfinite(function(Rounded(a, error, unit=SINGLE)).bound())
    assert np.max(found[known]) <= 1.0
    assert np.max(found[known]) > 0.1


@every_function
def test_of_a_matrix_that_may_be_singular_nothing_is_known(function: Any) -> None:
    """Where the error reaches it, and where it is singular; the twin: with a smaller error the bound is finite."""
    a = np.array([[1.0, 2.0], [2.0, 4.001]])
    assert np.isfinite(function(Rounded(a, np.full((2, 2), 1e-6), unit=SINGLE)).bound()).all()
    if function is np.linalg.inv:
        assert np.isinf(function(Rounded(a, np.full((2, 2), 1e-2), unit=SINGLE)).bound()).all()
    else:
        assert np.isinf(function(Rounded([[1.0, 2.0], [2.0, 4.0]], unit=SINGLE)).bound())


def test_rows_are_exchanged_as_the_largest_pivot_asks() -> None:
    """What is rounded is a few times the matrix at most, though its first pivot is tiny, and in the matrix's order."""
    a = np.array([[1e-8, 1.0, 2.0], [1.0, 1.0, 0.0], [0.5, 3.0, 1.0]])
    found = inverses._magnitude(a)
    assert np.all(np.sqrt(3) * found >= np.abs(a) * (1 - 1e-12))
    assert np.max(found) < 10.0


@every_function
def test_neither_is_exact(function: Any) -> None:
    """Of a matrix of small integers, too: there are divisions."""
    with pytest.raises(InexactError, match="is not exact in floating point"):
        function(Exact(np.eye(2), unit=SINGLE))
