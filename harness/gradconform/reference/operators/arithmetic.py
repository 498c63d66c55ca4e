"""Arithmetic, element by element: of one tensor, of a tensor and a number, of two tensors that broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Real
from gradconform.reference.operator import Dims, Operator, ShapeError, operator


@operator
def abs(x: Any) -> Any:
    """|x|; the derivative at 0 is 0."""
    return np.absolute(x)


@abs.vjp
def _(dy: Any, x: Any) -> Any:
    return (np.where(x > 0, dy, np.where(x < 0, -dy, 0.0)),)


@operator
def neg(x: Any) -> Any:
    """-x."""
    return -x


@neg.vjp
def _(dy: Any, x: Any) -> Any:
    return (-dy,)


@operator
def exp(x: Any) -> Any:
    """e to the power x."""
    return np.exp(x)


@exp.vjp
def _(dy: Any, x: Any) -> Any:
    return (dy * np.exp(x),)


@operator
def log(x: Any) -> Any:
    """The natural logarithm."""
    return np.log(x)


@log.vjp
def _(dy: Any, x: Any) -> Any:
    return (dy / x,)


@operator
def sqrt(x: Any) -> Any:
    """The square root; its derivative at 0 is infinite."""
    return np.sqrt(x)


@sqrt.vjp
def _(dy: Any, x: Any) -> Any:
    return (dy / (2.0 * np.sqrt(x)),)


@operator
def square(x: Any) -> Any:
    """x * x."""
    return np.square(x)


@square.vjp
def _(dy: Any, x: Any) -> Any:
    return (dy * (2.0 * x),)


@operator
def add_scalar(x: Any, *, value: Real) -> Any:
    """x + value."""
    return x + value


@add_scalar.vjp
def _(dy: Any, x: Any, *, value: float) -> Any:
    return (dy,)


@operator
def mul_scalar(x: Any, *, value: Real) -> Any:
    """x * value."""
    return x * value


@mul_scalar.vjp
def _(dy: Any, x: Any, *, value: float) -> Any:
    return (dy * value,)


@operator
def pow_scalar(x: Any, *, exponent: Real) -> Any:
    """x to the power `exponent`; NaN where x < 0 and the exponent is not whole."""
    return np.power(x, exponent)


@pow_scalar.vjp
def _(dy: Any, x: Any, *, exponent: float) -> Any:
    if exponent == 0:  # the formula would give 0 * infinity at x = 0
        return (np.zeros_like(x),)
    return (dy * (exponent * np.power(x, exponent - 1)),)


@operator
def clamp(x: Any, *, min: Real, max: Real) -> Any:
    """x, but no less than min and no more than max; the derivative at both bounds is 1.

    A bound that the dtype under test does not have (0.1) is another number there: x beside it has no sure
    side.
    """
    return np.minimum(np.maximum(x, min), max)


@clamp.vjp
def _(dy: Any, x: Any, *, min: float, max: float) -> Any:
    return (np.where((x >= min) & (x <= max), dy, 0.0),)


@clamp.shape
def _(x: Dims, *, min: Real, max: Real) -> Dims:
    if min > max:
        raise ShapeError(f"min is {min} and max is {max}; expected min <= max")
    return x


@operator
def add(x: Any, y: Any) -> Any:
    """x + y, the shapes broadcast as in NumPy."""
    return x + y


@add.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy, x.shape), unbroadcast(dy, y.shape)


@operator
def sub(x: Any, y: Any) -> Any:
    """x - y, the shapes broadcast as in NumPy."""
    return x - y


@sub.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy, x.shape), -unbroadcast(dy, y.shape)


@operator
def mul(x: Any, y: Any) -> Any:
    """x * y, the shapes broadcast as in NumPy."""
    return x * y


@mul.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy * y, x.shape), unbroadcast(dy * x, y.shape)


@operator
def div(x: Any, y: Any) -> Any:
    """x / y, the shapes broadcast as in NumPy."""
    return x / y


@div.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return unbroadcast(dy / y, x.shape), unbroadcast(-dy * (x / y / y), y.shape)


@operator
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y, the shapes broadcast as in NumPy; equals get half the gradient each."""
    return np.maximum(x, y)


@maximum.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return _shared(dy, x > y, x < y, x, y)


@operator
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y, the shapes broadcast as in NumPy; equals get half the gradient each."""
    return np.minimum(x, y)


@minimum.vjp
def _(dy: Any, x: Any, y: Any) -> Any:
    return _shared(dy, x < y, x > y, x, y)


def _shared(dy: Any, x_wins: Any, y_wins: Any, x: Any, y: Any) -> Any:
    """The gradients of a choice: all of dy to the winner, half to each where there is none."""
    dx = np.where(x_wins, dy, np.where(y_wins, 0.0, 0.5 * dy))
    dy = np.where(y_wins, dy, np.where(x_wins, 0.0, 0.5 * dy))
    return unbroadcast(dx, x.shape), unbroadcast(dy, y.shape)


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
            raise ShapeError(
                f"x has shape {list(x)} and y {list(y)}; "
                "expected, counted from the last axis, equal extents or 1"
            ) from None


for _op in (add, sub, mul, div, maximum, minimum):
    _broadcasts(_op)
