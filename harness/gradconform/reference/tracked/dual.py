"""Dual numbers: an array with its derivative along one direction, through the reference's own code (Clifford, 1873).

Through an operator's forward they carry x + e t to f + e J t, the Jacobian-vector product. Through its VJP they carry
(dy + e s; x + e t) to J^T dy + e (J^T s + H t), with H the Hessian of <dy, f>: what a double backward leaves in x. So
second order and forward mode need no definition of their own. Both parts are of one inner kind: float64 arrays give
numbers, `Rounded` ones give numbers with a bound on their rounding error.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy import special

from gradconform.reference.tracked.arrays import MOVES, PLAIN, Tracked
from gradconform.reference.tracked.rounding import Rounded

Inner = Any
"""A float64 array or a Rounded one; None in a tangent's place: zero everywhere."""


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """An array `value` and its derivative `tangent`, of the same shape and kind; None: zero everywhere."""

    # Above that of what it holds, so that a Rounded array beside it leaves the operation to it.
    __array_priority__ = 200
    outer = True

    def __init__(self, value: Inner, tangent: Inner | None) -> None:
        self.value = value
        self.tangent = tangent

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents, as of a NumPy array."""
        return tuple(self.value.shape)

    @property
    def ndim(self) -> int:
        """How many axes there are, as of a NumPy array."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """How many elements there are, as of a NumPy array."""
        return int(self.value.size)

    @property
    def T(self) -> Dual:
        """The array with its axes reversed, as of a NumPy array."""
        return self.move(lambda a: a.T)

    @property
    def real(self) -> Dual:
        """The array itself: what is held is never complex."""
        return self

    def move(self, how: Callable[[Inner], Inner]) -> Dual:
        """Apply a function that only moves elements, or is linear and rounds each part by itself."""
        return Dual(how(self.value), None if self.tangent is None else how(self.tangent))

    def __getitem__(self, index: Any) -> Dual:
        return self.move(lambda a: a[index])

    def reshape(self, *shape: Any) -> Dual:
        """The same elements in another shape, as of a NumPy array."""
        return self.move(lambda a: a.reshape(*shape))

    def transpose(self, *axes: Any) -> Dual:
        """The array with its axes in another order, as of a NumPy array."""
        return self.move(lambda a: a.transpose(*axes))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Dual:
        """The sum over some axes, as of a NumPy array."""
        return self.move(lambda a: a.sum(axis=axis, keepdims=keepdims))

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        values, tangents = [value_of(o) for o in operands], [tangent_of(o) for o in operands]
        with np.errstate(all="ignore"):
            if ufunc in PLAIN:
                return ufunc(*values)
            if ufunc is np.matmul:
                return _matmul(*operands)
            rule = RULES.get(ufunc)
            if rule is None:
                return NotImplemented
            y = ufunc(*values)
            if all(t is None for t in tangents):
                return Dual(y, None)
            return Dual(y, _fit(rule(y, values, tangents), y))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = FUNCTIONS.get(function)
        return NotImplemented if found is None else found(*args, **kwargs)


def value_of(operand: Any) -> Any:
    """The number of an operand, without its derivative."""
    return operand.value if isinstance(operand, Dual) else operand


def tangent_of(operand: Any) -> Inner | None:
    """The derivative of an operand; None for a constant."""
    return operand.tangent if isinstance(operand, Dual) else None


Rule = Callable[[Any, Sequence[Any], Sequence[Any]], Any]
RULES: dict[Any, Rule] = {}
"""Ufunc -> its rule: of the result, the operands and their tangents, of which one at least is not None."""
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def slope(*ufuncs: Any) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Register the derivative of some ufuncs of one tensor, as a function of the tensor and of the result."""

    def register(of: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        RULES.update(dict.fromkeys(ufuncs, lambda y, values, tangents: of(values[0], y) * tangents[0]))
        return of

    return register


def with_tangent(function: Callable[[Any], Any], tangent: Callable[[Any, Any, Any], Any], x: Any) -> Any:
    """A function of one tensor whose derivative frameworks form by another formula than that of its forward.

    tangent: of x, of the result y and of the tangent of x, as a backward has it. It may cancel where the forward does
    not, and then a second derivative that goes through it does too.
    """
    if not isinstance(x, Dual):
        return function(x)
    y = function(x.value)
    return Dual(y, None if x.tangent is None else tangent(x.value, y, x.tangent))


def _plus(terms: Iterable[Any | None]) -> Any | None:
    """The sum of the terms there are. A framework adds them in any order, and each with what it was rounded to."""
    present = [term for term in terms if term is not None]
    return functools.reduce(operator.add, present) if present else None


def _times(factor: Any, tangent: Any | None) -> Any | None:
    return None if tangent is None else factor * tangent


def _fit(tangent: Any, like: Any) -> Any:
    """The tangent in the shape of the result, which an operand without one may have made larger."""
    return tangent if tangent is None or tangent.shape == like.shape else np.broadcast_to(tangent, like.shape)


def _zeros(like: Any) -> Any:
    return np.zeros_like(like) if isinstance(like, Tracked) else np.zeros(np.shape(like))


def _apart(one: Any | None, other: Any | None) -> Any | None:
    """The sum of what two operands of a sum send on: what follows may be done to each before they are added.

    (x - t) dy has the tangent (dx - dt) dy, and frameworks form dx dy and dt dy first: that rounds each by itself.
    """
    if one is None or other is None or not isinstance(one, Rounded) or not isinstance(other, Rounded):
        return _plus((one, other))
    total = one + other
    return total.like(total.value, total.bound() + one.unit.roundoff * (np.abs(one.value) + np.abs(other.value)))


RULES[np.add] = lambda _y, _values, tangents: _apart(*tangents)
RULES[np.negative] = lambda _y, _values, tangents: -tangents[0]
RULES[np.square] = lambda _y, values, tangents: 2.0 * values[0] * tangents[0]


def _subtract(_y: Any, _values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    return _apart(tangents[0], None if tangents[1] is None else -tangents[1])


def _multiply(_y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    return _plus((_times(values[1], tangents[0]), _times(values[0], tangents[1])))


def _divide(y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    by_divisor = None if tangents[1] is None else -(y * tangents[1] / values[1])
    return _plus((None if tangents[0] is None else tangents[0] / values[1], by_divisor))


def _power(y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """x^p: p x^(p - 1) of the base and x^p log x of the exponent, whose limit at a base of 0 is 0."""
    base, exponent = values
    by_base = None if tangents[0] is None else exponent * np.power(base, exponent - 1.0) * tangents[0]
    if tangents[1] is None:
        return by_base
    return _plus((by_base, y * np.log(np.where(base == 0, 1.0, base)) * tangents[1]))


def _sign_of(x: Any) -> Any:
    """1, 0 and -1 as a plain array, which is exact."""
    return np.where(x > 0, 1.0, 0.0) - np.where(x < 0, 1.0, 0.0)


RULES[np.subtract], RULES[np.multiply], RULES[np.divide], RULES[np.power] = _subtract, _multiply, _divide, _power
slope(np.absolute)(lambda x, y: _sign_of(x))
slope(np.sqrt)(lambda x, y: 0.5 / y)
slope(np.exp)(lambda x, y: y)
slope(np.expm1)(lambda x, y: y + 1.0)
slope(np.log)(lambda x, y: 1.0 / x)
slope(np.log1p)(lambda x, y: 1.0 / (1.0 + x))
slope(np.tanh)(lambda x, y: 1.0 - y * y)
slope(special.erf)(lambda x, y: float(2.0 / np.sqrt(np.pi)) * np.exp(-np.square(x)))


def _choice(first: Any) -> Rule:
    """The rule of a function that takes one of two operands: the first where `first` of them holds."""

    def rule(y: Any, values: Sequence[Any], tangents: Sequence[Any]) -> Any:
        one, other = (
            _zeros(value) if tangent is None else tangent for value, tangent in zip(values, tangents, strict=True)
        )
        return np.where(np.broadcast_to(first(*values), y.shape), one, other)

    return rule


RULES[np.maximum], RULES[np.minimum] = _choice(np.greater), _choice(np.less)


def _matmul(a: Any, b: Any) -> Dual:
    by_left = None if tangent_of(a) is None else tangent_of(a) @ value_of(b)
    by_right = None if tangent_of(b) is None else value_of(a) @ tangent_of(b)
    return Dual(value_of(a) @ value_of(b), _plus((by_left, by_right)))


def implements(function: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what a NumPy function is for dual numbers."""

    def register(ours: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[function] = ours
        return ours

    return register


def _moved(function: Any) -> Callable[..., Dual]:
    return lambda a, *args, **kwargs: a.move(lambda part: function(part, *args, **kwargs))


FUNCTIONS.update((function, _moved(function)) for function in (*MOVES, np.sum, np.cumsum))


@implements(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Dual:
    return Dual(
        np.concatenate([value_of(a) for a in arrays], axis=axis),
        np.concatenate([_zeros(value_of(a)) if tangent_of(a) is None else tangent_of(a) for a in arrays], axis=axis),
    )


@implements(np.where)
def _where(condition: Any, a: Any, b: Any) -> Dual:
    value = np.where(condition, value_of(a), value_of(b))
    tangents = [tangent_of(a), tangent_of(b)]
    if all(t is None for t in tangents):
        return Dual(value, None)
    return Dual(value, np.where(condition, *(0.0 if t is None else t for t in tangents)))


@implements(np.pad)
def _pad(a: Dual, width: Any, mode: str = "constant", constant_values: float = 0.0) -> Dual:
    tangent = None if a.tangent is None else np.pad(a.tangent, width, mode=mode)  # type: ignore[call-overload]
    return Dual(np.pad(a.value, width, mode=mode, constant_values=constant_values), tangent)  # type: ignore[call-overload]


@implements(np.argmax)
def _argmax(a: Dual, axis: int | None = None) -> Any:
    return np.argmax(a.value, axis=axis)


@implements(np.max)
def _max(a: Dual, axis: Any = None, keepdims: bool = False) -> Dual:
    """The largest, with the tangent of the first in row-major order of those that are."""
    y = np.max(a.value, axis=axis, keepdims=keepdims)
    if a.tangent is None:
        return Dual(y, None)
    axes = sorted(range(a.ndim)) if axis is None else sorted(i % a.ndim for i in np.atleast_1d(axis))
    kept = [i for i in range(a.ndim) if i not in axes]
    value = np.asarray(getattr(a.value, "value", a.value)).transpose(*kept, *axes)
    rows = value.reshape(*(a.shape[i] for i in kept), math.prod(a.shape[i] for i in axes))
    tangents = np.transpose(a.tangent, (*kept, *axes)).reshape(rows.shape)
    first = np.argmax(rows, axis=-1)[..., None]
    return Dual(y, np.take_along_axis(tangents, first, axis=-1).reshape(tuple(y.shape)))


@implements(np.zeros_like)
def _zeros_like(a: Dual) -> Dual:
    return Dual(_zeros(a.value), None)


def sum_of_products(summed: Callable[..., Any], shape: tuple[int, ...], terms: Sequence[tuple[Any, Any, Any]]) -> Dual:
    """`sums.sum_of_products` of dual numbers; the tangent, too, is rounded as one sum. summed: that of the parts."""
    value = summed(shape, [(index, value_of(a), value_of(b)) for index, a, b in terms])
    by_left = [(index, tangent_of(a), value_of(b)) for index, a, b in terms if tangent_of(a) is not None]
    by_right = [(index, value_of(a), tangent_of(b)) for index, a, b in terms if tangent_of(b) is not None]
    return Dual(value, summed(shape, by_left + by_right) if by_left or by_right else None)


def scatter_sum(summed: Callable[..., Any], shape: tuple[int, ...], terms: Sequence[tuple[Any, Any]]) -> Dual:
    """`sums.scatter_sum` of dual numbers. summed: that of the parts."""
    value = summed(shape, [(index, value_of(part)) for index, part in terms])
    moved = [(index, tangent_of(part)) for index, part in terms if tangent_of(part) is not None]
    return Dual(value, summed(shape, moved) if moved else None)
