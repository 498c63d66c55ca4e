"""The rounding error of sums of products of matrices, measured in about the time of the products."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import FLOAT32, Dtype
from gradconform.reference.tracked.equal_terms import excess
from gradconform.reference.tracked.overflow import overflowing

Array = NDArray[Any]
Split = Callable[[Any], tuple[Array, Array | None]]


def rounded_products(
    shape: tuple[int, ...], terms: Iterable[tuple[Any, Any, Any]], split: Split, unit: Dtype, summed_in: Dtype
) -> tuple[Array, Array]:
    """Value and error of zeros of `shape` with `a @ b` added at `index` for each (index, a, b).

    error = sum(ea |b| + |a| eb + ea eb) + sqrt(K) u sum|a||b|, K being at most how many of an element's terms are
    not zero: no more than its row has, and no more than its column has. Equal terms count as `equal_terms` says, a
    product being equal to another where both factors are. u is that of `summed_in`; where this is wider than `unit`,
    the sum is rounded once more to be stored. See `sums.sum_of_products`.
    """
    value, scale, propagated, count = _Gathered(shape), _Gathered(shape), _Gathered(shape), _Count(shape)
    left = right = None
    with np.errstate(all="ignore"):
        for index, a, b in terms:
            # An operand that comes again is not measured again.
            left = left if left is not None and left.given is a else _Factor(a, split, summed_in)
            right = right if right is not None and right.given is b else _Factor(b, split, summed_in)
            product = left.value @ right.value
            scale.add(index, _magnitude(left, right, product))
            count.add(index, left, right, product.shape)
            value.add(index, product)
            if left.error is not None:
                propagated.add(index, left.error @ np.abs(right.value))
            if right.error is not None:
                propagated.add(index, np.abs(left.value) @ right.error)
                if left.error is not None:
                    propagated.add(index, left.error @ right.error)
        error = scale.total()
        error *= np.sqrt(count.total()) * summed_in.roundoff
        error += unit.underflow
        if summed_in != unit:
            error += unit.roundoff * np.abs(value.total())
        if propagated.parts:
            error += propagated.total()
        if not np.isfinite(error.sum()):
            # An infinite product is sure; one that is finite beside what is unknown is not.
            error = np.where(np.isfinite(value.total()), np.where(np.isnan(error), np.inf, error), 0.0)
    return value.total(), overflowing(value.total(), error, unit)


class _Gathered:
    """A float64 array that begins as its first part where that covers it, which spares adding it to zeros."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.parts = 0
        self.sum: Array | None = None

    def add(self, index: Any, part: Array) -> None:
        """Add a part, which this array may keep as its own memory."""
        self.parts += 1
        if self.sum is None and index is ... and part.size == math.prod(self.shape):
            self.sum = part.reshape(self.shape).astype(float, copy=False)
            return
        total = self.total()
        place = total[index]
        place += part.reshape(place.shape)

    def total(self) -> Array:
        """The sum of the parts."""
        if self.sum is None:
            self.sum = np.zeros(self.shape)
        return self.sum


class _Factor:
    """One operand of a product of matrices; what is measured of it is measured once."""

    def __init__(self, given: Any, split: Split, unit: Dtype) -> None:
        self.given = given
        self.value, self.error = split(given)
        self.roundoff = unit.roundoff
        self.single = unit.largest <= FLOAT32.largest

    @cached_property
    def magnitude(self) -> Array:
        """|value| in float32, infinite where that dtype cannot hold it."""
        into = np.empty_like(self.value, dtype=np.float32)
        np.abs(self.value, out=into, casting="same_kind")
        return into

    @cached_property
    def largest(self) -> float:
        """The largest magnitude of the operand."""
        return float(np.max(self.magnitude, initial=0.0))

    @cached_property
    def in_rows(self) -> Array:
        """How many elements of each row of the operand are not zero, [..., R, 1]."""
        return self._nonzero(-1)

    @cached_property
    def in_columns(self) -> Array:
        """How many elements of each column of the operand are not zero, [..., 1, C]."""
        return self._nonzero(-2)

    @cached_property
    def equal_in_rows(self) -> Array:
        """What equal elements of each row add to their number, [..., R, 1]."""
        return excess(self.value, self.roundoff)[..., None]

    @cached_property
    def equal_in_columns(self) -> Array:
        """What equal elements of each column add to their number, [..., 1, C]."""
        return excess(np.swapaxes(self.value, -1, -2), self.roundoff)[..., None, :]

    def _nonzero(self, axis: int) -> Array:
        return np.asarray((self.value != 0).view(np.uint8).sum(axis=axis, keepdims=True, dtype=np.uint32))


def _magnitude(left: _Factor, right: _Factor, product: Array) -> Array:
    """The product of magnitudes, |left| @ |right|, rounded up.

    A bound needs few digits, and float32 is twice as fast. A sum of K products is wrong there by less than
    (K + 2) 2**-23 of itself, which is added, and by what underflows: less than K 2**-149 (1 + both largest
    factors), which times sqrt(K) u is lost beside the underflow that every bound allows. Where that, or the
    range, does not hold, float64 does the work.
    """
    terms = left.value.shape[-1]
    if terms == 1:
        return np.abs(product)
    slack = (terms + 2.0) * 2.0**-23
    if left.single and slack < 0.05:
        largest = 1.0 + left.largest + right.largest
        if largest**2 * terms < 1e30 and largest * terms**1.5 < 1e12:
            magnitude = np.asarray(left.magnitude @ right.magnitude)
            magnitude *= np.float32(1.0 + slack)
            return magnitude
    return np.asarray(np.abs(left.value) @ np.abs(right.value))


class _Count:
    """How many terms that are not zero each element of a sum gets at most, by its row and by its column."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.rows: Array | None = None
        self.columns: Array | None = None
        # Terms of different products may be equal, too: the roots of what they add are added.
        self.equal_in_rows: Array | None = None
        self.equal_in_columns: Array | None = None

    def add(self, index: Any, left: _Factor, right: _Factor, product: tuple[int, ...]) -> None:
        """Count the terms of one product; in a row only where the last axis does not stand for several."""
        row, last = len(product) - 2, len(product) - 1
        if self.columns is None:
            self.columns = np.zeros((*self.shape[:row], 1, *self.shape[last:]))
            if self.columns[index].ndim == len(product):
                self.rows = np.zeros((*self.shape[:last], 1, *self.shape[last + 1 :]))
        place = self.columns[index]
        place += right.in_columns.reshape(*right.in_columns.shape[:-1], *place.shape[last:])
        if self.rows is not None:
            place = self.rows[index]
            place += left.in_rows
        if _equal(left, right):
            self._add_equal(index, left, right, last)

    def _add_equal(self, index: Any, left: _Factor, right: _Factor, last: int) -> None:
        assert self.columns is not None
        if self.equal_in_columns is None:
            self.equal_in_columns = np.zeros(self.columns.shape)
            self.equal_in_rows = None if self.rows is None else np.zeros(self.rows.shape)
        place = self.equal_in_columns[index]
        place += np.sqrt(right.equal_in_columns).reshape(*right.in_columns.shape[:-1], *place.shape[last:])
        if self.equal_in_rows is not None:
            place = self.equal_in_rows[index]
            place += np.sqrt(left.equal_in_rows)

    def total(self) -> Array:
        """The counts, in a shape that broadcasts over the sum's."""
        assert self.columns is not None
        columns, rows = self.columns, self.rows
        if self.equal_in_columns is not None:
            columns = columns + np.square(self.equal_in_columns)
        if rows is not None and self.equal_in_rows is not None:
            rows = rows + np.square(self.equal_in_rows)
        if rows is None or np.max(columns, initial=0.0) <= np.min(rows, initial=np.inf):
            return columns
        if np.max(rows, initial=0.0) <= np.min(columns, initial=np.inf):
            return rows
        return np.minimum(rows, columns)


def _equal(left: _Factor, right: _Factor) -> bool:
    """Whether both factors of a product have equal elements along it; the smaller is looked at first."""
    if left.value.shape[-1] < 2:
        return False
    if left.value.size < right.value.size:
        return bool(left.equal_in_rows.any()) and bool(right.equal_in_columns.any())
    return bool(right.equal_in_columns.any()) and bool(left.equal_in_rows.any())
