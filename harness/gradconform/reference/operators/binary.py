"""Arithmetic of two tensors that broadcast, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.operator import Dims, Operator, ShapeError, operator
from gradconform.reference.tracked.angles import angle
from gradconform.reference.tracked.remainders import nearest, remainder, truncated
from gradconform.reference.tracked.ties import between, joined_where, tied


@operator
def add(x: Any, y: Any) -> Any:
    """x + y, the shapes broadcast as in NumPy."""
    return x + y


@add.vjp
def add_vjp(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy, x.shape), unbroadcast(dy, y.shape)


@operator
def sub(x: Any, y: Any) -> Any:
    """x - y, the shapes broadcast as in NumPy."""
    return x - y


@sub.vjp
def sub_vjp(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy, x.shape), -unbroadcast(dy, y.shape)


@operator
def mul(x: Any, y: Any) -> Any:
    """x * y, the shapes broadcast as in NumPy."""
    return x * y


@mul.vjp
def mul_vjp(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy * y, x.shape), unbroadcast(dy * x, y.shape)


@operator
def div(x: Any, y: Any) -> Any:
    """x / y, the shapes broadcast as in NumPy."""
    return x / y


@div.vjp
def div_vjp(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy / y, x.shape), unbroadcast(-dy * (x / y / y), y.shape)


@operator(moves=True)
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, the shapes broadcast as in NumPy; equals get half the gradient each."""
    return np.maximum(x, y)


@maximum.vjp
def maximum_vjp(dy: Any, x: Any, y: Any) -> Any:
    dx, dy = _parts(dy, x > y, x < y)
    return unbroadcast(dx, x.shape), unbroadcast(dy, y.shape)


@maximum.choices
def maximum_choices(x: Any, y: Any) -> Any:
    return x > y


@maximum.subgradients
def maximum_subgradients(dy: Any, x: Any, y: Any) -> Any:
    return _between_parts(dy, _parts(dy, x > y, x < y), x, y)


@maximum.shares
def maximum_shares(x: Any, y: Any) -> Any:
    return joined_where(tied(x, y), x.shape, y.shape)


@operator(moves=True)
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, the shapes broadcast as in NumPy; equals get half the gradient each."""
    return np.minimum(x, y)


@minimum.vjp
def minimum_vjp(dy: Any, x: Any, y: Any) -> Any:
    dx, dy = _parts(dy, x < y, x > y)
    return unbroadcast(dx, x.shape), unbroadcast(dy, y.shape)


@minimum.choices
def minimum_choices(x: Any, y: Any) -> Any:
    return x > y


@minimum.subgradients
def minimum_subgradients(dy: Any, x: Any, y: Any) -> Any:
    return _between_parts(dy, _parts(dy, x < y, x > y), x, y)


@minimum.shares
def minimum_shares(x: Any, y: Any) -> Any:
    return joined_where(tied(x, y), x.shape, y.shape)


@operator(second_unbounded=True)
def pow(x: Any, exponent: Any) -> Any:
    """x to the power of the exponent, the shapes broadcast as in NumPy; NaN where x < 0 and the exponent is not whole.

    The derivative by the exponent, y log x, is 0 at x = 0 where the exponent is positive: it is its limit.
    """
    return np.power(x, exponent)


@pow.vjp
def pow_vjp(dy: Any, x: Any, exponent: Any) -> Any:
    dx = dy * (exponent * np.power(x, exponent - 1.0))
    limit = (x.real == 0) & (exponent.real > 0)
    slope = np.where(limit, 0.0, np.power(x, exponent) * np.log(np.where(x.real == 0, 1.0, x)))
    return unbroadcast(dx, x.shape), unbroadcast(dy * slope, exponent.shape)


@operator
def fmod(x: Any, y: Any) -> Any:
    """x - n y with n = x / y without its fraction, so that it has the sign of x; the shapes broadcast as in NumPy."""
    return remainder(x, y)


@fmod.vjp
def fmod_vjp(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy, x.shape), unbroadcast(-dy * truncated(x / y), y.shape)


@fmod.choices
def fmod_choices(x: Any, y: Any) -> Any:
    return truncated(x / y)


@fmod.subgradients
def fmod_subgradients(dy: Any, x: Any, y: Any) -> Any:
    """Where x is a multiple of y, n may be the number before too, on the side of 0."""
    quotient, nan = x / y, np.isnan(x) | np.isnan(y)
    n = nearest(quotient)
    whole = tied(quotient, n) & (n != 0)
    nothing = np.zeros(nan.shape, dtype=bool)
    sides = (
        between(dy, nothing, dy, dy, nan=nan),
        between(-dy * truncated(quotient), whole, -dy * n, -dy * (n - np.sign(n)), nan=nan),
    )
    pairs = zip((x, y), sides, strict=True)
    return tuple((unbroadcast(low, of.shape), unbroadcast(high, of.shape)) for of, (low, high) in pairs)


@operator
def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in [-pi, pi]; the shapes broadcast as in NumPy.

    It jumps by 2 pi where y = 0 and x < 0, and has the same derivative on both sides. At the origin it has none, and
    there the VJP is zero. As x / (x^2 + y^2), which all frameworks evaluate, squares and all.
    """
    return angle(y, x)


@atan2.vjp
def atan2_vjp(dy: Any, y: Any, x: Any) -> Any:
    length = np.square(x) + np.square(y)
    origin = length == 0
    inverse = dy / np.where(origin, 1.0, length)
    return unbroadcast(np.where(origin, 0.0, inverse * x), y.shape), unbroadcast(
        np.where(origin, 0.0, -inverse * y), x.shape
    )


@atan2.choices
def atan2_choices(y: Any, x: Any) -> Any:
    """On which sides of both axes the point lies: a line that changes neither goes by the cut and the origin."""
    y, x = np.broadcast_arrays(y.real, x.real)
    return np.stack([y > 0, x > 0])


@atan2.subgradients
def atan2_subgradients(dy: Any, y: Any, x: Any) -> Any:
    """On the cut the gradient; at the origin, beside which it grows without limit, any number, and so at a NaN."""
    origin = (tied(y, 0.0) & tied(x, 0.0)) | np.isnan(y) | np.isnan(x)
    gradients = atan2_vjp(dy, y, x)
    found = []
    for gradient, operand in zip(gradients, (y, x), strict=True):
        free = unbroadcast(origin.astype(float), operand.shape) > 0
        found.append((np.where(free, -np.inf, gradient), np.where(free, np.inf, gradient)))
    return tuple(found)


@operator
def squared_difference(x: Any, y: Any) -> Any:
    """(x - y)^2.  x, y of one shape."""
    return np.square(x - y)


@squared_difference.vjp
def squared_difference_vjp(dy: Any, x: Any, y: Any) -> Any:
    dx = dy * (2.0 * (x - y))
    return dx, -dx


@operator
def absolute_difference(x: Any, y: Any) -> Any:
    """|x - y|; the derivative at 0 is 0.  x, y of one shape."""
    return np.absolute(x - y)


@absolute_difference.vjp
def absolute_difference_vjp(dy: Any, x: Any, y: Any) -> Any:
    dx = np.where(x > y, dy, np.where(x < y, -dy, 0.0))
    return dx, -dx


@absolute_difference.choices
def absolute_difference_choices(x: Any, y: Any) -> Any:
    return x > y


@absolute_difference.subgradients
def absolute_difference_subgradients(dy: Any, x: Any, y: Any) -> Any:
    tie, nan = tied(x, y), np.isnan(x) | np.isnan(y)
    return tuple(between(gradient, tie, -dy, dy, nan=nan) for gradient in absolute_difference_vjp(dy, x, y))


@absolute_difference.shares
def absolute_difference_shares(x: Any, y: Any) -> Any:
    """What x has y has with the other sign: they sum to 0."""
    return joined_where(tied(x, y), x.shape, y.shape)


def _parts(dy: Any, x_wins: Any, y_wins: Any) -> tuple[Any, Any]:
    """The gradients of a choice, not yet summed: all of dy to the winner, half to each where there is none."""
    dx = np.where(x_wins, dy, np.where(y_wins, 0.0, 0.5 * dy))
    return dx, np.where(y_wins, dy, np.where(x_wins, 0.0, 0.5 * dy))


def _between_parts(dy: Any, parts: tuple[Any, Any], x: Any, y: Any) -> Any:
    """What each operand of a choice may have of dy: at a tie any part, the other one the rest."""
    tie, nan = tied(x, y), np.isnan(x) | np.isnan(y)
    sets = zip((x, y), (between(part, tie, 0.0, dy, nan=nan) for part in parts), strict=True)
    return tuple((unbroadcast(low, of.shape), unbroadcast(high, of.shape)) for of, (low, high) in sets)


def unbroadcast(gradient: Any, shape: Dims) -> Any:
    """The gradient of an operand of `shape` that was broadcast: summed over the axes of its repetition."""
    if gradient.shape == shape:
        return gradient
    new = gradient.ndim - len(shape)
    repeated = [i for i, n in enumerate(gradient.shape) if i < new or n != shape[i - new]]
    return np.sum(gradient, axis=tuple(repeated), keepdims=True).reshape(shape)


def _broadcasts(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, y: Dims) -> Dims:
        try:
            return np.broadcast_shapes(x, y)
        except ValueError:
            one, other = op.tensors
            raise ShapeError(
                f"{one} has shape {list(x)} and {other} {list(y)}; expected, counted from the last axis, "
                "equal extents or 1"
            ) from None


def _of_one_shape(op: Operator) -> None:
    @op.shape
    def rule(x: Dims, y: Dims) -> Dims:
        if x != y:
            raise ShapeError(f"x has shape {list(x)} and y {list(y)}; expected the same")
        return x


for _op in (add, sub, mul, div, maximum, minimum, pow, fmod, atan2):
    _broadcasts(_op)
for _op in (squared_difference, absolute_difference):
    _of_one_shape(_op)
