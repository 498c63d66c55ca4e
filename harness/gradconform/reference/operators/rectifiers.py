"""Rectifiers of one tensor beside the plain ones of `piecewise.py`: capped, doubled, learnt, scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradconform.draws import Draw
from gradconform.reference.attributes import Axis, Flag, Probability, Real, Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.piecewise import (
    elu,
    elu_subgradients,
    elu_vjp,
    leaky_relu,
    leaky_relu_subgradients,
    leaky_relu_vjp,
)
from gradconform.reference.operators.shape import check_axis
from gradconform.reference.operators.smooth import halves
from gradconform.reference.tracked.ties import between, tied

# Python floats, never NumPy scalars: these keep float32 arrays float32.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@operator(moves=True)
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6) (Krizhevsky, 2010); the derivative at 0 and at 6 is 0."""
    return np.minimum(np.maximum(x, 0.0), 6.0)


@relu6.vjp
def relu6_vjp(dy: Any, x: Any) -> Any:
    return (np.where((x > 0) & (x < 6), dy, 0.0),)


@relu6.choices
def relu6_choices(x: Any) -> Any:
    return np.stack([x > 0, x > 6])


@relu6.subgradients
def relu6_subgradients(dy: Any, x: Any) -> Any:
    (dx,) = relu6_vjp(dy, x)
    return (between(dx, tied(x, 0.0) | tied(x, 6.0), 0.0, dy, nan=np.isnan(x)),)


@operator
def clipped_relu(x: Any, *, z: Real) -> Any:
    """min(max(x, 0), z) (Hannun et al., 2014); the derivative at 0 and at z is 0."""
    return np.minimum(np.maximum(x, 0.0), z)


@clipped_relu.vjp
def clipped_relu_vjp(dy: Any, x: Any, *, z: float) -> Any:
    return (np.where((x > 0) & (x < z), dy, 0.0),)


@clipped_relu.choices
def clipped_relu_choices(x: Any, *, z: float) -> Any:
    return np.stack([x > 0, x > z])


@clipped_relu.subgradients
def clipped_relu_subgradients(dy: Any, x: Any, *, z: float) -> Any:
    (dx,) = clipped_relu_vjp(dy, x, z=z)
    return (between(dx, tied(x, 0.0) | tied(x, z), 0.0, dy, nan=np.isnan(x)),)


@clipped_relu.shape
def clipped_relu_shape(x: Dims, *, z: Real) -> Dims:
    if z <= 0:
        raise ShapeError(f"z is {z}; expected more than 0")
    return x


@operator
def selu(x: Any) -> Any:
    """scale * elu(x, alpha) with the numbers of Klambauer et al. (2017); the derivative at 0 is scale * alpha."""
    return _SELU_SCALE * elu.forward(x, alpha=_SELU_ALPHA)


@selu.vjp
def selu_vjp(dy: Any, x: Any) -> Any:
    return elu_vjp(_SELU_SCALE * dy, x, alpha=_SELU_ALPHA)


@selu.choices
def selu_choices(x: Any) -> Any:
    return x > 0


@selu.subgradients
def selu_subgradients(dy: Any, x: Any) -> Any:
    return elu_subgradients(_SELU_SCALE * dy, x, alpha=_SELU_ALPHA)


@operator
def celu(x: Any, *, alpha: Real) -> Any:
    """x where x > 0, else alpha * (exp(x / alpha) - 1) (Barron, 2017), whose derivative has no jump at 0."""
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0.0) / alpha) - 1.0))


@celu.vjp
def celu_vjp(dy: Any, x: Any, *, alpha: float) -> Any:
    return (np.where(x <= 0, dy * np.exp(np.minimum(x, 0.0) / alpha), dy),)


@celu.shape
def celu_shape(x: Dims, *, alpha: Real) -> Dims:
    if alpha <= 0:
        raise ShapeError(f"alpha is {alpha}; expected more than 0")
    return x


@operator
def rrelu(x: Any, *, lower: Probability, upper: Probability, training: Flag) -> Any:
    """leaky_relu in evaluation mode, of the slope (lower + upper) / 2 (Xu et al., 2015).

    Training mode is refused by the shape rule.
    """
    return leaky_relu.forward(x, negative_slope=0.5 * (lower + upper))


@rrelu.vjp
def rrelu_vjp(dy: Any, x: Any, *, lower: float, upper: float, training: bool) -> Any:
    return leaky_relu_vjp(dy, x, negative_slope=0.5 * (lower + upper))


@rrelu.choices
def rrelu_choices(x: Any, *, lower: float, upper: float, training: bool) -> Any:
    return x > 0


@rrelu.subgradients
def rrelu_subgradients(dy: Any, x: Any, *, lower: float, upper: float, training: bool) -> Any:
    return leaky_relu_subgradients(dy, x, negative_slope=0.5 * (lower + upper))


@rrelu.shape
def rrelu_shape(x: Dims, *, lower: Probability, upper: Probability, training: Flag) -> Dims:
    if training:
        raise ShapeError("training is true; expected false: a random slope is no property to conform to")
    if lower >= upper:
        raise ShapeError(f"lower is {lower} and upper is {upper}; expected lower < upper")
    return x


@operator(parameters=("weight",))
def prelu(x: Any, weight: Any) -> Any:
    """x where x > 0, else weight * x (He et al., 2015); the derivative in x at 0 is weight.

    x [N, C, ...]; weight [C], a slope for each channel, or [1], one for all.
    """
    return np.where(x > 0, x, _for_channels(weight, x) * x)


@prelu.vjp
def prelu_vjp(dy: Any, x: Any, weight: Any) -> Any:
    below = np.where(x > 0, 0.0, x * dy)
    summed = [i for i in range(x.ndim) if i != 1 or weight.shape == (1,)]
    return np.where(x > 0, dy, _for_channels(weight, x) * dy), np.sum(below, axis=tuple(summed)).reshape(weight.shape)


@prelu.choices
def prelu_choices(x: Any, weight: Any) -> Any:
    return x > 0


@prelu.subgradients
def prelu_subgradients(dy: Any, x: Any, weight: Any) -> Any:
    """Of x alone: what an element sends to the weight is 0 at its kink, from whichever side."""
    dx, dweight = prelu_vjp(dy, x, weight)
    each = _for_channels(weight, x) * dy
    return between(dx, tied(x, 0.0), each, dy, nan=np.isnan(x)), (dweight, dweight)


@prelu.shape
def prelu_shape(x: Dims, *, num_parameters: Size) -> Dims:
    if len(x) < 2 or num_parameters not in (1, x[1]):
        raise ShapeError(
            f"x has shape {list(x)} and num_parameters is {num_parameters}; "
            "expected two axes or more, and 1 or the extent of axis 1"
        )
    return x


@prelu.draws
def prelu_draws(x: Dims, *, num_parameters: Size) -> Mapping[str, Draw]:
    return {"weight": Draw((num_parameters,), kind="uniform", low=0.1, high=0.6)}


def _for_channels(weight: Any, x: Any) -> Any:
    """A weight of each channel, or of all, in a shape that broadcasts against x."""
    return weight.reshape(1, -1, *[1] * (x.ndim - 2))


@operator(moves=True)
def crelu(x: Any, *, dim: Axis) -> Any:
    """max(x, 0) and max(-x, 0), one after the other along axis dim (Shang et al., 2016); the derivatives at 0 are 0."""
    return np.concatenate([np.maximum(x, 0.0), np.maximum(-x, 0.0)], axis=dim)


@crelu.vjp
def crelu_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    above, below = halves(dy, dim)
    return (np.where(x > 0, above, np.where(x < 0, -below, 0.0)),)


@crelu.choices
def crelu_choices(x: Any, *, dim: int) -> Any:
    return x > 0


@crelu.subgradients
def crelu_subgradients(dy: Any, x: Any, *, dim: int) -> Any:
    """Each half has a kink of its own, so the ends are the sums of the ends of two."""
    (dx,) = crelu_vjp(dy, x, dim=dim)
    above, below = halves(dy, dim)
    low = np.minimum(above, 0.0) + np.minimum(-below, 0.0)
    high = np.maximum(above, 0.0) + np.maximum(-below, 0.0)
    return (between(dx, tied(x, 0.0), low, high, nan=np.isnan(x)),)


@crelu.shape
def crelu_shape(x: Dims, *, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    return (*x[:dim], 2 * x[dim], *x[dim + 1 :])
