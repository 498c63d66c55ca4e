"""The bound of a sum of products: as derived, though measured in float32, and never smaller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.rounding import Rounded
from gradconform.reference.tracked.sums import sum_of_products

UNITS = [Dtype.of("float32"), Dtype.of("float64")]
every_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def derived(a: Any, b: Any, unit: Dtype) -> Any:
    """sqrt(K) u |a||b| + tiny, K counted term by term."""
    terms = np.where((a != 0)[:, :, None] & (b != 0), 1.0, 0.0).sum(axis=1)
    return np.sqrt(terms) * unit.roundoff * (np.abs(a) @ np.abs(b)) + unit.tiny


def drawn(*shape: int, scale: float = 1.0) -> Any:
    """Float32 numbers, in float64."""
    values = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)
    return values.astype(float) * scale


def product(a: Any, b: Any, unit: Dtype) -> Any:
    """a @ b with its bound."""
    return sum_of_products((a.shape[0], b.shape[1]), [(..., Rounded(a, unit=unit), b)])


@every_unit
@pytest.mark.parametrize("scale", [1.0, 2.0**-70, 2.0**60])
@pytest.mark.parametrize("length", [1, 2, 37, 5000])
def test_the_bound_is_the_derived_one(unit: Dtype, scale: float, length: int) -> None:
    """Never smaller, and hardly larger, also where float32 would overflow or underflow."""
    a, b = drawn(3, length, scale=scale), drawn(length, 4, scale=scale)
    got, expected = product(a, b, unit), derived(a, b, unit)
    np.testing.assert_array_equal(got.value, a @ b)
    assert np.all(got.error >= expected * (1 - 1e-12))
    assert np.all(got.error <= expected * 1.002)


@every_unit
def test_zeros_are_not_counted(unit: Dtype) -> None:
    """A row, and a column, with one nonzero element round once."""
    a, b = drawn(3, 50), drawn(50, 4)
    a[0, 1:] = 0
    b[:-1, 2] = 0
    got = product(a, b, unit).error
    np.testing.assert_allclose(got[0], derived(a, b, unit)[0], rtol=1e-5)
    np.testing.assert_allclose(got[:, 2], derived(a, b, unit)[:, 2], rtol=1e-5)
    assert got[1, 0] > 5 * unit.roundoff * (np.abs(a) @ np.abs(b))[1, 0]


@every_unit
def test_pieces_are_rounded_as_one_sum(unit: Dtype) -> None:
    """A product in pieces, made one at a time, has the bound of the whole, not the sum of their bounds."""
    a, b = drawn(3, 36), drawn(36, 4)
    pieces = ((..., Rounded(a[:, i : i + 6], unit=unit), b[i : i + 6]) for i in range(0, 36, 6))
    got, whole = sum_of_products((3, 4), pieces), product(a, b, unit)
    np.testing.assert_allclose(got.value, whole.value, rtol=1e-12)
    np.testing.assert_allclose(got.error, whole.error, rtol=1e-5)


def test_pieces_may_overlap_and_split_their_last_axis() -> None:
    """Each element counts the terms that really fall on it."""
    unit = UNITS[1]
    a, b = np.ones((2, 1)), Rounded(np.ones((1, 6)), unit=unit)
    places = [(..., slice(0, 2), slice(0, 3)), (..., slice(1, 3), slice(1, 4))]
    got = sum_of_products((2, 3, 4), ((place, a, b) for place in places))
    once = np.zeros((2, 3, 4))
    for place in places:
        once[place] += 1
    np.testing.assert_array_equal(got.value, once)
    np.testing.assert_allclose(got.error, once**1.5 * unit.roundoff + unit.tiny, rtol=1e-12)


@every_unit
def test_what_comes_with_the_operands_is_propagated(unit: Dtype) -> None:
    """ea |b| + |a| eb + ea eb is added."""
    a, b, ea, eb = drawn(3, 7), drawn(7, 4), np.full((3, 7), 1e-3), np.full((7, 4), 1e-4)
    terms = [(..., Rounded(a, ea, unit=unit), Rounded(b, eb, unit=unit))]
    extra = sum_of_products((3, 4), terms).error - product(a, b, unit).error
    np.testing.assert_allclose(extra, ea @ np.abs(b) + np.abs(a) @ eb + ea @ eb, rtol=1e-9)


def test_an_infinite_or_missing_number_shows_in_the_value() -> None:
    """No bound hides what is not finite."""
    a, b = drawn(2, 3), drawn(3, 2)
    a[0, 0], b[0, 1] = np.inf, np.nan
    got = product(a, b, UNITS[0]).value
    assert np.isinf(got[0, 0])
    assert np.isnan(got[0, 1])
    assert np.isnan(got[1, 1])
    assert np.isfinite(got[1, 0])
