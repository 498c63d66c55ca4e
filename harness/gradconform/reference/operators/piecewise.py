"""Functions of one tensor that are put together of pieces: which one is chosen element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Real
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.dual import with_tangent
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
    below = with_tangent(lambda v: alpha * (np.exp(v) - 1.0), lambda _, y, t: (y + alpha) * t, np.minimum(x, 0.0))
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


@operator(elementwise=True)
def clamp_min(x: Any, *, min: Real) -> Any:
    """x, but no less than min; the derivative there is 1."""
    return np.maximum(x, min)


@clamp_min.vjp
def clamp_min_vjp(dy: Any, x: Any, *, min: float) -> Any:
    return (np.where(x >= min, dy, 0.0),)


@clamp_min.choices
def clamp_min_choices(x: Any, *, min: float) -> Any:
    return x > min


@clamp_min.subgradients
def clamp_min_subgradients(dy: Any, x: Any, *, min: float) -> Any:
    (dx,) = clamp_min_vjp(dy, x, min=min)
    return (between(dx, tied(x, min), 0.0, dy, nan=np.isnan(x)),)


@operator(elementwise=True)
def clamp_max(x: Any, *, max: Real) -> Any:
    """x, but no more than max; the derivative there is 1."""
    return np.minimum(x, max)


@clamp_max.vjp
def clamp_max_vjp(dy: Any, x: Any, *, max: float) -> Any:
    return (np.where(x <= max, dy, 0.0),)


@clamp_max.choices
def clamp_max_choices(x: Any, *, max: float) -> Any:
    return x > max


@clamp_max.subgradients
def clamp_max_subgradients(dy: Any, x: Any, *, max: float) -> Any:
    (dx,) = clamp_max_vjp(dy, x, max=max)
    return (between(dx, tied(x, max), 0.0, dy, nan=np.isnan(x)),)


@clamp_min.shape
@clamp_max.shape
def one_sided_shape(x: Dims) -> Dims:
    return x


@operator(elementwise=True)
def hardtanh(x: Any, *, min_val: Real, max_val: Real) -> Any:
    """x, but no less than min_val and no more than max_val; the derivative at both bounds is 0, and 1 of `clamp`."""
    return np.minimum(np.maximum(x, min_val), max_val)


@hardtanh.vjp
def hardtanh_vjp(dy: Any, x: Any, *, min_val: float, max_val: float) -> Any:
    return (np.where((x > min_val) & (x < max_val), dy, 0.0),)


@hardtanh.choices
def hardtanh_choices(x: Any, *, min_val: float, max_val: float) -> Any:
    return np.stack([x > min_val, x > max_val])


@hardtanh.subgradients
def hardtanh_subgradients(dy: Any, x: Any, *, min_val: float, max_val: float) -> Any:
    (dx,) = hardtanh_vjp(dy, x, min_val=min_val, max_val=max_val)
    return (between(dx, tied(x, min_val) | tied(x, max_val), 0.0, dy, nan=np.isnan(x)),)


@hardtanh.shape
def hardtanh_shape(x: Dims, *, min_val: Real, max_val: Real) -> Dims:
    if min_val >= max_val:
        raise ShapeError(f"min_val is {min_val} and max_val is {max_val}; expected min_val < max_val")
    return x


@operator(elementwise=True)
def hardsigmoid(x: Any, *, slope: Real) -> Any:
    """slope * x + 1/2, but no less than 0 and no more than 1; the derivative where it meets them is 0.

    slope is 1/5 in Courbariaux, Bengio and David (2015), Chainer and NNabla, and 1/6 in Howard et al. (2019) and torch.
    """
    return np.minimum(np.maximum(slope * x + 0.5, 0.0), 1.0)


@hardsigmoid.vjp
def hardsigmoid_vjp(dy: Any, x: Any, *, slope: float) -> Any:
    line = slope * x + 0.5
    return (np.where((line > 0) & (line < 1), slope * dy, 0.0),)


@hardsigmoid.choices
def hardsigmoid_choices(x: Any, *, slope: float) -> Any:
    line = slope * x + 0.5
    return np.stack([line > 0, line > 1])


@hardsigmoid.subgradients
def hardsigmoid_subgradients(dy: Any, x: Any, *, slope: float) -> Any:
    (dx,) = hardsigmoid_vjp(dy, x, slope=slope)
    line = slope * x + 0.5
    return (between(dx, tied(line, 0.0) | tied(line, 1.0), 0.0, slope * dy, nan=np.isnan(x)),)


@hardsigmoid.shape
def hardsigmoid_shape(x: Dims, *, slope: Real) -> Dims:
    if slope <= 0:
        raise ShapeError(f"slope is {slope}; expected more than 0")
    return x


@operator(elementwise=True)
def hardswish(x: Any) -> Any:
    """x * min(max(x + 3, 0), 6) / 6 (Howard et al., 2019); the derivative at -3 is 0 and at 3 it is 1."""
    return x * np.minimum(np.maximum(x + 3.0, 0.0), 6.0) / 6.0


@hardswish.vjp
def hardswish_vjp(dy: Any, x: Any) -> Any:
    return (np.where(x <= -3, 0.0, np.where(x < 3, dy * (x / 3.0 + 0.5), dy)),)


@hardswish.choices
def hardswish_choices(x: Any) -> Any:
    return np.stack([x > -3, x > 3])


@hardswish.subgradients
def hardswish_subgradients(dy: Any, x: Any) -> Any:
    """At -3 between 0 and -1/2, at 3 between 3/2 and 1."""
    (dx,) = hardswish_vjp(dy, x)
    inside, outside = np.where(x < 0, -0.5 * dy, 1.5 * dy), np.where(x < 0, 0.0, dy)
    return (between(dx, tied(x, -3.0) | tied(x, 3.0), inside, outside, nan=np.isnan(x)),)


@operator(elementwise=True)
def softshrink(x: Any, *, lambd: Real) -> Any:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0; the derivative at both is 0."""
    return np.where((x >= -lambd) & (x <= lambd), 0.0, np.where(x > 0, x - lambd, x + lambd))


@softshrink.vjp
def softshrink_vjp(dy: Any, x: Any, *, lambd: float) -> Any:
    return (np.where((x > lambd) | (x < -lambd), dy, 0.0),)


@softshrink.choices
def softshrink_choices(x: Any, *, lambd: float) -> Any:
    return np.stack([x > lambd, x > -lambd])


@softshrink.subgradients
def softshrink_subgradients(dy: Any, x: Any, *, lambd: float) -> Any:
    (dx,) = softshrink_vjp(dy, x, lambd=lambd)
    return (between(dx, tied(x, lambd) | tied(x, -lambd), 0.0, dy, nan=np.isnan(x)),)


@softshrink.shape
def softshrink_shape(x: Dims, *, lambd: Real) -> Dims:
    if lambd < 0:
        raise ShapeError(f"lambd is {lambd}; expected 0 or more")
    return x


@operator(elementwise=True, moves=True)
def hardshrink(x: Any, *, lambd: Real) -> Any:
    """x where |x| > lambd, else 0; the derivative at the two jumps is 0."""
    return np.where((x >= -lambd) & (x <= lambd), 0.0, x)


@hardshrink.vjp
def hardshrink_vjp(dy: Any, x: Any, *, lambd: float) -> Any:
    return (np.where((x > lambd) | (x < -lambd), dy, 0.0),)


@hardshrink.choices
def hardshrink_choices(x: Any, *, lambd: float) -> Any:
    return np.stack([x > lambd, x > -lambd])


@hardshrink.subgradients
def hardshrink_subgradients(dy: Any, x: Any, *, lambd: float) -> Any:
    (dx,) = hardshrink_vjp(dy, x, lambd=lambd)
    return (between(dx, tied(x, lambd) | tied(x, -lambd), 0.0, dy, nan=np.isnan(x)),)


@hardshrink.shape
def hardshrink_shape(x: Dims, *, lambd: Real) -> Dims:
    if lambd < 0:
        raise ShapeError(f"lambd is {lambd}; expected 0 or more")
    return x
