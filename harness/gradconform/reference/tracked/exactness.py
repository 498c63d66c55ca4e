"""Proof that a computation rounds nothing, in any order of its sums.

If every number is a multiple of a power of two g, and no partial sum can exceed 2**p g (p: the bits of the
dtype's significand), then every partial sum is representable, so every order of summation gives the same
bits. `Exact` carries values through the reference's own code and checks just that at each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import Dtype
from gradconform.reference.tracked.arrays import Tracked, peek
from gradconform.reference.tracked.rounding import constant_error

Array = NDArray[Any]


class InexactError(ArithmeticError):
    """A step of a computation could round; the message says which one and why."""


class Exact(Tracked):
    """An array of which every element is known to be representable in the dtype under test.

    value: [...], float64.
    """

    def __init__(self, value: Any, *, unit: Dtype) -> None:
        self.value = np.asarray(value, dtype=float)
        self.error = None
        self.unit = unit

    def like(self, value: Array, error: Array | None) -> Self:
        """A new array in the same dtype under test."""
        return type(self)(value, unit=self.unit)

    def split(self, operand: Any) -> tuple[Array, Array | None]:
        """Value and error of an operand.

        Raises InexactError for a Python number that the dtype under test does not have.
        """
        value, error = super().split(operand)
        if isinstance(operand, int | float) and constant_error(self.unit, value.astype(float)) is not None:
            raise InexactError(f"the constant {operand} is rounded when written in {self.unit.name}")
        return value, error

    def checked(self, value: Array, largest: float, grain: float, step: str) -> Self:
        """The result of a step: its terms are multiples of `grain`, its partial sums stay below `largest`."""
        # Not `>`: `largest` is itself a float64, rounded perhaps from just above the limit of float64.
        if not np.isfinite(largest) or largest * self.unit.roundoff >= grain:
            raise InexactError(f"{step}: partial sums of up to {largest:.3g} in steps of {grain:.3g} need more bits")
        if grain < self.unit.underflow:
            raise InexactError(f"{step}: steps of {grain:.3g} underflow")
        if largest > self.unit.largest:
            raise InexactError(f"{step}: partial sums of up to {largest:.3g} overflow")
        return self.like(value, None)

    def arithmetic(self, ufunc: Any, operands: Sequence[Any]) -> Any:
        """The result of a ring operation, a choice, or a scaling by powers of two.

        Raises InexactError for any other ufunc.
        """
        values = [self.split(o)[0].astype(float) for o in operands]
        if ufunc is np.matmul:
            a, b = (o if isinstance(o, Tracked) else self.like(np.asarray(o, float), None) for o in operands)
            shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-1])
            return scattered_products(shape, [(..., a, b)])
        if ufunc in (np.negative, np.absolute, np.maximum, np.minimum):
            return self.like(ufunc(*values), None)
        if ufunc in (np.add, np.subtract):
            largest = _largest(values[0]) + _largest(values[1])
            return self.checked(ufunc(*values), largest, min(map(grain, values)), ufunc.__name__)
        if ufunc is np.divide and _is_power_of_two(values[1]):
            return self._product(ufunc, values[0], 1.0 / values[1], values)
        if ufunc is np.multiply:
            return self._product(ufunc, values[0], values[1], values)
        if ufunc is np.square:
            return self._product(ufunc, values[0], values[0], values)
        raise InexactError(f"{ufunc.__name__} is not exact in floating point")

    def _product(self, ufunc: Any, a: Array, b: Array, values: Sequence[Array]) -> Self:
        return self.checked(ufunc(*values), _largest(a) * _largest(b), grain(a) * grain(b), ufunc.__name__)

    def total(self, axis: Any, keepdims: bool) -> Self:
        """The sum over some axes. Raises InexactError where it could round."""
        largest = _largest(np.abs(self.value).sum(axis=axis))
        return self.checked(np.asarray(self.value.sum(axis=axis, keepdims=keepdims)), largest, grain(self.value), "sum")


def grain(value: Array) -> float:
    """The largest power of two of which every element is a multiple (infinity for all zeros)."""
    nonzero = value[value != 0]
    if nonzero.size == 0:
        return np.inf
    fraction, exponent = np.frexp(nonzero)
    bits = np.abs(np.ldexp(fraction, 53)).astype(np.int64)
    lowest = np.log2((bits & -bits).astype(float)).astype(int) + exponent - 53
    return float(np.ldexp(1.0, int(lowest.min())))


def _largest(value: Array) -> float:
    return float(np.max(np.abs(value), initial=0.0))


def _is_power_of_two(value: Array) -> bool:
    return bool(np.all(np.frexp(np.abs(value))[0] == 0.5))


def scattered_products(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any, Any]]) -> Exact:
    """`sums.sum_of_products` of exact arrays. Raises InexactError where a partial sum could round."""
    like, terms = peek(terms)
    assert isinstance(like, Exact)
    value, scale, smallest = np.zeros(shape), np.zeros(shape), np.inf
    for index, a, b in terms:
        va, vb = like.split(a)[0], like.split(b)[0]
        place = value[index].shape
        value[index] += (va @ vb).reshape(place)
        scale[index] += (np.abs(va) @ np.abs(vb)).reshape(place)
        smallest = min(smallest, grain(va) * grain(vb))
    return like.checked(value, _largest(scale), smallest, "sum of products")


def scattered(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any]], *, apart: bool) -> Exact:  # noqa: ARG001 - as all kinds
    """`sums.scatter_sum` of exact arrays. Raises InexactError where a partial sum could round, stored or not."""
    like, terms = peek(terms)
    assert isinstance(like, Exact)
    value, scale, smallest = np.zeros(shape), np.zeros(shape), np.inf
    for index, part in terms:
        v = like.split(part)[0]
        value[index] += v
        scale[index] += np.abs(v)
        smallest = min(smallest, grain(v))
    return like.checked(value, _largest(scale), smallest, "sum")
