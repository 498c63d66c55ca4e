"""Functions of one tensor that are put together of pieces: which one is chosen element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Real
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.dual import by_output
from gradconform.reference.tracked.ties import between, tied


@operator(elementwise=True, moves=True)
def relu(x: Any) -> Any:
    """max(x, 0); the derivative at 0 is 0."""
    return np.maximum(x, 0.0)


@relu.vjp
def relu_vjp(dy: Any, x: Any) -> Any:
    return (np.where(x > 0, dy, 0.0),)


@relu.from_output
def relu_from_output(y: Any) -> Any:
    return (y > 0).astype(float)


@relu.choices
def relu_choices(x: Any) -> Any:
    return x > 0


@relu.subgradients
def relu_subgradients(dy: Any, x: Any) -> Any:
    (dx,) = relu_vjp(dy, x)
    return (between(dx, tied(x, 0.0), 0.0, dy, nan=np.isnan(x)),)


@operator(elementwise=True)
def leaky_relu(x: Any, *, negative_slope: Real) -> Any:
    """x where x > 0, else negative_slope * x (Maas, Hannun and Ng, 2013); derivative at 0: negative_slope."""
    return np.where(x > 0, x, negative_slope * x)


@leaky_relu.vjp
def leaky_relu_vjp(dy: Any, x: Any, *, negative_slope: float) -> Any:
    return (np.where(x > 0, dy, negative_slope * dy),)


@leaky_relu.choices
def leaky_relu_choices(x: Any, *, negative_slope: float) -> Any:
    return x > 0


@leaky_relu.subgradients
def leaky_relu_subgradients(dy: Any, x: Any, *, negative_slope: float) -> Any:
    (dx,) = leaky_relu_vjp(dy, x, negative_slope=negative_slope)
    return (between(dx, tied(x, 0.0), negative_slope * dy, dy, nan=np.isnan(x)),)


@operator(elementwise=True)
def elu(x: Any, *, alpha: Real) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert, Unterthiner and Hochreiter, 2016).

    The derivative at and below 0 is y + alpha, from the output, as the paper has it.
    """
    # Clipped before exp, so that the branch not taken cannot overflow.
    below = by_output(lambda v: alpha * (np.exp(v) - 1.0), lambda y: y + alpha, np.minimum(x, 0.0))
    return np.where(x > 0, x, below)


@elu.vjp
def elu_vjp(dy: Any, x: Any, *, alpha: float) -> Any:
    return (np.where(x > 0, dy, dy * (elu.forward(x, alpha=alpha) + alpha)),)


@elu.choices
def elu_choices(x: Any, *, alpha: float) -> Any:
    return x > 0


@elu.subgradients
def elu_subgradients(dy: Any, x: Any, *, alpha: float) -> Any:
    (dx,) = elu_vjp(dy, x, alpha=alpha)
    return (between(dx, tied(x, 0.0), alpha * dy, dy, nan=np.isnan(x)),)


@operator(elementwise=True, moves=True)
def abs(x: Any) -> Any:
    """|x|; the derivative at 0 is 0."""
    return np.absolute(x)


@abs.vjp
def abs_vjp(dy: Any, x: Any) -> Any:
    return (np.where(x > 0, dy, np.where(x < 0, -dy, 0.0)),)


@abs.choices
def abs_choices(x: Any) -> Any:
    return x > 0


@abs.subgradients
def abs_subgradients(dy: Any, x: Any) -> Any:
    (dx,) = abs_vjp(dy, x)
    return (between(dx, tied(x, 0.0), -dy, dy, nan=np.isnan(x)),)


@operator(elementwise=True)
def clamp(x: Any, *, min: Real, max: Real) -> Any:
    """x, but no less than min and no more than max; the derivative at both bounds is 1.

    A bound that the dtype under test does not have (0.1) is another number there: x beside it has no sure
    side, and lies on the kink.
    """
    return np.minimum(np.maximum(x, min), max)


@clamp.vjp
def clamp_vjp(dy: Any, x: Any, *, min: float, max: float) -> Any:
    return (np.where((x >= min) & (x <= max), dy, 0.0),)


@clamp.choices
def clamp_choices(x: Any, *, min: float, max: float) -> Any:
    return np.stack([x > min, x > max])


@clamp.subgradients
def clamp_subgradients(dy: Any, x: Any, *, min: float, max: float) -> Any:
    (dx,) = clamp_vjp(dy, x, min=min, max=max)
    return (between(dx, tied(x, min) | tied(x, max), 0.0, dy, nan=np.isnan(x)),)


@clamp.shape
def clamp_shape(x: Dims, *, min: Real, max: Real) -> Dims:
    if min > max:
        raise ShapeError(f"min is {min} and max is {max}; expected min <= max")
    return x
