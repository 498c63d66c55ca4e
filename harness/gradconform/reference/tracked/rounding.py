"""Running error analysis: an array that carries, beside each value, a bound on its rounding error.

The value is computed in float64. The error says how far an honest computation of the same formula in the
dtype under test (unit roundoff u) may be from it: Wilkinson's running error analysis, as in Higham, *Accuracy
and Stability of Numerical Algorithms*, 2nd ed., section 3.3. What an operation makes of the errors of its
operands is bounded over the whole interval that they leave open and not to first order alone, since where a
value cancels to zero the higher orders are all there is. The rule for sums of K terms is the probabilistic one
of Higham and Mary (2019), *A new approach to probabilistic rounding error analysis*, with sqrt(K) in place of
K; terms that are equal err together (`equal_terms.py`).

An infinity that comes of an exact operation is exact: whatever finite number is added to it or rounded beside
it, it stays what it is. An infinite error says that nothing is known: the operand's error reaches a pole, such
as the zero of a divisor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from gradconform.dtypes import Dtype
from gradconform.reference.tracked.arrays import Tracked, peek
from gradconform.reference.tracked.equal_terms import FEW, alike, excess
from gradconform.reference.tracked.overflow import overflowing
from gradconform.reference.tracked.products import rounded_products

Array = NDArray[Any]

# Units of roundoff that a good library may lose in an elementary function.
ELEMENTARY = 2.0
# An error of so many `underflow` is what underflow adds to a number in a few operations.
UNDERFLOWS = 64.0


class Rounded(Tracked):
    """An array that carries a bound on its rounding error.

    value: [...], float64.
    error: [...], the bound on the absolute error; None where the value is exact.
    unit: the dtype that results are stored in.
    summed_in: the dtype of partial sums, by default `unit`. Where it is a wider one, a sum is rounded there term by
    term, and once more when it is stored.
    terms: of a gradient, how many terms a framework may add to it one by one; see `judge/readers.py`.
    """

    terms = 1

    def __init__(self, value: Any, error: Array | None = None, *, unit: Dtype, summed_in: Dtype | None = None) -> None:
        self.value = np.asarray(value, dtype=float)
        self.error = error
        self.unit = unit
        self.summed_in = unit if summed_in is None else summed_in

    def __repr__(self) -> str:
        return f"Rounded({self.value!r}, {self.error!r})"

    def like(self, value: Array, error: Array | None) -> Self:
        """A new array in the same dtype under test."""
        return type(self)(value, error, unit=self.unit, summed_in=self.summed_in)

    def split(self, operand: Any) -> tuple[Array, Array | None]:
        """Value and error of an operand; a Python number carries the error of writing it in the dtype under test."""
        if isinstance(operand, int | float):
            value = np.asarray(operand, dtype=float)
            return value, constant_error(self.unit, value)
        return super().split(operand)

    def bound(self) -> Array:
        """The error as an array, zeros where the value is exact."""
        return np.zeros(self.shape) if self.error is None else self.error

    def rounded(self, value: Array, propagated: Array | None, units: float = 1.0, scale: Array | None = None) -> Self:
        """A result whose error is what came with the operands, plus `units` roundoffs of |scale|, plus underflow."""
        error = np.abs(value if scale is None else scale)
        error *= units * self.unit.roundoff
        error += self.unit.underflow
        if propagated is not None:
            error += propagated
        if not np.isfinite(error.sum()):  # one pass and no array of truth values, for nothing most times
            error = settled(value, error, propagated)
        return self.like(value, overflowing(value, error, self.unit))

    def arithmetic(self, ufunc: Any, operands: Sequence[Any]) -> Any:
        """The result of one of the ufuncs in `RULES`."""
        if ufunc is np.matmul:
            return _matmul(*operands)
        rule = RULES.get(ufunc)
        if rule is None:
            return NotImplemented
        parts = [self.split(o) for o in operands]
        return rule(self, ufunc(*(v for v, _ in parts)), *parts)

    def total(self, axis: Any, keepdims: bool) -> Self:
        """The sum of K terms that may not be zero: sqrt(K - 1) u sum|a|, or more where some of them are equal.

        u is that of `summed_in`. Adding a zero rounds nothing.
        """
        value = np.asarray(self.value.sum(axis=axis, keepdims=keepdims))
        propagated = None if self.error is None else np.asarray(self.error.sum(axis=axis, keepdims=keepdims))
        terms = np.count_nonzero(_counts(self.value, self.error, self.unit), axis=axis, keepdims=keepdims)
        if np.all(terms <= 1):
            return self.like(value, propagated)
        together = np.maximum(terms - 1.0, 0.0)
        if np.max(terms) > FEW:
            together = together + _excess(self.value, axis, self.summed_in).reshape(np.shape(terms))
        scale = np.sqrt(together) * np.abs(self.value).sum(axis=axis, keepdims=keepdims)
        return self.summed(value, propagated, np.asarray(scale))

    def summed(self, value: Array, propagated: Array | None, scale: Array) -> Self:
        """A sum: the roundoff of partial sums times `scale`, and once that of what is stored where sums are wider.

        scale: [...], sqrt(K) times the sum of magnitudes, 0 where no addition rounds.
        """
        if self.summed_in == self.unit:
            return self.rounded(value, propagated, 1.0, scale)
        stored = np.where(scale > 0, np.abs(value), 0.0)
        return self.rounded(value, propagated, 1.0, scale * (self.summed_in.roundoff / self.unit.roundoff) + stored)


Part = tuple[Array, Array | None]
Rule = Callable[..., Rounded]
RULES: dict[Any, Rule] = {}


def _rule(*ufuncs: Any) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(ufuncs, rule))
        return rule

    return register


def _plus(*errors: Array | None) -> Array | None:
    present = [e for e in errors if e is not None]
    if not present:
        return None
    total: Array = sum(present[1:], start=present[0])
    return total


def _times(factor: Array, error: Array | None) -> Array | None:
    """|factor| * error; what is exact stays exact beside an infinity, and so does a zero beside an unknown number."""
    if error is None:
        return None
    product: Array = np.abs(factor) * error
    if not np.isfinite(product.sum()):
        product = np.where((error == 0) | (factor == 0), 0.0, product)
    return product


def _both(a: Array | None, b: Array | None) -> Array | None:
    """The product of two errors, which is all there is where both values are zero."""
    if a is None or b is None:
        return None
    product: Array = a * b
    if not np.isfinite(product.sum()):
        product = np.where((a == 0) | (b == 0), 0.0, product)
    return product


def settled(value: Array, error: Array, propagated: Array | None) -> Array:
    """Errors of a result that are neither infinite beside a sure infinity, nor NaN.

    value [...], error [...]. An infinite value has no error unless an unknown operand made it (`propagated` is
    infinite); NaN is judged as such; where the error alone is NaN, nothing is known.
    """
    unknown = np.zeros((), bool) if propagated is None else np.isinf(propagated)
    error = np.where(np.isfinite(value) | unknown, error, 0.0)
    return np.where(np.isnan(error), np.where(np.isnan(value), 0.0, np.inf), error)


def _is_zero(part: Part) -> bool:
    """Whether a part of an operation is one number that is zero for sure: adding it rounds nothing."""
    value, error = part
    return error is None and value.ndim == 0 and bool(value == 0)


def _is_scaling(part: Part) -> bool:
    """Whether a part of an operation is one number, a power of two or zero for sure: it rounds nothing as a factor."""
    value, error = part
    return error is None and value.ndim == 0 and (value == 0 or bool(np.frexp(np.abs(value))[0] == 0.5))


@_rule(np.add, np.subtract)
def _add(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    if _is_zero(a) or _is_zero(b):
        return like.like(value, _fit(_plus(a[1], b[1]), value))
    return like.rounded(value, _plus(a[1], b[1]))


@_rule(np.multiply)
def _multiply(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    propagated = _plus(_times(a[0], b[1]), _times(b[0], a[1]), _both(a[1], b[1]))
    if propagated is not None and np.isinf(value).any():
        # An infinity times a number that is not zero for sure is sure.
        sure = np.isinf(value) & (np.abs(a[0]) > _or_zero(a[1])) & (np.abs(b[0]) > _or_zero(b[1]))
        propagated = np.where(sure, 0.0, propagated)
    units = 0.0 if _is_scaling(a) or _is_scaling(b) else 1.0
    return like.rounded(value, propagated, units)


@_rule(np.square)
def _square(like: Rounded, value: Array, a: Part) -> Rounded:
    return like.rounded(value, _plus(_times(2.0 * a[0], a[1]), _both(a[1], a[1])))


@_rule(np.divide)
def _divide(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    """|a'/b' - a/b| <= (ea + |a/b| eb) / (|b| - eb): unbounded where the divisor may be zero."""
    moved = _plus(a[1], _times(value, b[1]))
    if moved is None:
        return like.rounded(value, None, 0.0 if _is_scaling(b) else 1.0)
    room = np.abs(b[0]) - _or_zero(b[1])
    propagated = moved / room
    if not np.all(room > 0):
        # What has no error has none over any divisor, and over a sure zero comes an infinity that is as sure.
        sure = (moved == 0) | ((b[0] == 0) & (room == 0))
        propagated = np.where(sure, 0.0, np.where(room > 0, propagated, np.inf))
    return like.rounded(value, propagated, 0.0 if _is_scaling(b) else 1.0)


@_rule(np.negative, np.absolute)
def _sign_only(like: Rounded, value: Array, a: Part) -> Rounded:
    return like.like(value, a[1])


@_rule(np.maximum, np.minimum)
def _choose(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    if a[1] is None and b[1] is None:
        return like.like(value, None)
    ea, eb = (np.zeros(()) if e is None else e for e in (a[1], b[1]))
    # Where the errors cannot change which is chosen, the other's does not count.
    sure = np.abs(a[0] - b[0]) > ea + eb
    chosen = np.where(sure, np.where(value == a[0], ea, eb), np.maximum(ea, eb))
    return like.like(value, _fit(chosen, value))


def smooth(ufunc: Any, reach: Callable[[Array, Array, Array], Array], units: float = ELEMENTARY) -> None:
    """Register the rule of an elementary function of one tensor; it belongs to the module of `reach`.

    reach: (x, y, e) -> the largest |f(x') - y| for |x' - x| <= e, which is called with e as it is, zeros included.
    """

    @_rule(ufunc)
    def rule(like: Rounded, value: Array, a: Part) -> Rounded:
        if a[1] is None:
            return like.rounded(value, None, units)
        propagated = reach(a[0], value, a[1])
        if not np.isfinite(propagated.sum()):
            # What is exact stays so at a pole, too.
            propagated = np.where(a[1] == 0, 0.0, propagated)
        return like.rounded(value, propagated, units)

    rule.__module__ = reach.__module__


def _of_sqrt(x: Array, y: Array, e: Array) -> Array:
    """|x' - x| / (sqrt x' + sqrt x); no more than the root of the largest x', where x' may be zero."""
    steep = e / (y + np.sqrt(np.maximum(x - e, 0.0)))
    return np.asarray(np.fmin(steep, np.sqrt(x + e)))


def _of_exp(_: Array, y: Array, e: Array) -> Array:
    return np.where(np.isinf(y), 0.0, y * np.expm1(e))


def _of_expm1(_: Array, y: Array, e: Array) -> Array:
    return np.where(np.isinf(y), 0.0, (y + 1.0) * np.expm1(e))


def _of_log(x: Array, _: Array, e: Array) -> Array:
    return -np.log1p(-np.minimum(e / x, 1.0))


def _of_log1p(x: Array, _: Array, e: Array) -> Array:
    return -np.log1p(-np.minimum(e / (1.0 + x), 1.0))


def _of_tanh(x: Array, _: Array, e: Array) -> Array:
    """The steepest slope is where |x'| is least."""
    nearest = np.tanh(np.maximum(np.abs(x) - e, 0.0))
    return np.asarray(np.minimum(e * (1.0 - nearest * nearest), 2.0))


def _of_erf(x: Array, _: Array, e: Array) -> Array:
    """The steepest slope is where |x'| is least."""
    slope = 2.0 / np.sqrt(np.pi) * np.exp(-np.square(np.maximum(np.abs(x) - e, 0.0)))
    return np.asarray(np.minimum(e * slope, 2.0))


smooth(np.sqrt, _of_sqrt, 1.0)
smooth(np.exp, _of_exp)
smooth(np.expm1, _of_expm1)
smooth(np.log, _of_log)
smooth(np.log1p, _of_log1p)
smooth(np.tanh, _of_tanh)
smooth(special.erf, _of_erf)


@_rule(np.power)
def _power(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    """The exponent is a constant of the spec; a rounded one changes the result by log|x| times its error."""
    by_exponent = np.where(value == 0, 0.0, value * np.log(np.abs(a[0])))
    by_base = None
    if a[1] is not None:
        size = np.abs(a[0])
        steepest = np.where(b[0] >= 1.0, size + a[1], np.maximum(size - a[1], 0.0))
        by_base = _times(b[0] * np.power(steepest, b[0] - 1.0), a[1])
    return like.rounded(value, _plus(by_base, _times(by_exponent, b[1])), ELEMENTARY)


def constant_error(dtype: Dtype, value: Array) -> Array | None:
    """How far constants of a formula are from the dtype's nearest numbers; None where they are such numbers."""
    with np.errstate(invalid="ignore"):
        error = np.where(np.isinf(value), 0.0, np.abs(value.astype(dtype.numpy).astype(float) - value))
    return error if error.any() else None


def _counts(value: Array, error: Array | None, unit: Dtype) -> Array:
    """Which terms of a sum can make it round: a zero with an error may not be zero there."""
    nonzero: Array = value != 0
    return nonzero if error is None else np.logical_or(nonzero, error > UNDERFLOWS * unit.underflow)


def _excess(value: Array, axis: Any, unit: Dtype) -> Array:
    """What equal terms add to the number of terms of a sum over `axis`, for each of its elements in row-major order."""
    axes = range(value.ndim) if axis is None else np.atleast_1d(axis) % value.ndim
    kept = [i for i in range(value.ndim) if i not in axes]
    rows = value.transpose(*kept, *axes).reshape(*(value.shape[i] for i in kept), -1)
    return np.asarray(excess(rows, unit.roundoff))


def _or_zero(error: Array | None) -> Array | float:
    return 0.0 if error is None else error


def _fit(error: Array | None, value: Array) -> Array | None:
    return None if error is None else np.broadcast_to(error, value.shape)


def _matmul(a: Any, b: Any) -> Rounded:
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-1])
    return scattered_products(shape, [(..., a, b)])


def scattered_products(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any, Any]]) -> Rounded:
    """`sums.sum_of_products` of rounded arrays.

    K is counted for each element, without the terms that are zero for sure.
    """
    like, terms = peek(terms)
    assert isinstance(like, Rounded)
    return like.like(*rounded_products(shape, terms, like.split, like.unit, like.summed_in))


def scattered(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any]], *, apart: bool) -> Rounded:
    """`sums.scatter_sum` of rounded arrays; terms that are equal to an element's first one count as equal terms."""
    like, terms = peek(terms)
    assert isinstance(like, Rounded)
    value, scale, count = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    first, equal = np.zeros(shape), np.zeros(shape)
    propagated: Array | None = None
    for index, part in terms:
        v, e = like.split(part)
        value[index] += v
        scale[index] += np.abs(v)
        count[index] += _counts(v, e, like.unit)
        first[index] = np.where(first[index] == 0, v, first[index])
        equal[index] += alike(v, first[index]) & (v != 0)
        if e is not None:
            propagated = np.zeros(shape) if propagated is None else propagated
            propagated[index] += e
    if np.all(count <= 1):
        return like.like(value, propagated)
    # As if each value came as often as the first one did.
    together = np.where(equal > FEW, count * equal, count) - 1.0
    scale *= np.sqrt(np.maximum(together, 0.0))
    return like.rounded(value, propagated, 1.0, scale) if apart else like.summed(value, propagated, scale)
