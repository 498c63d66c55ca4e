"""Elementwise activations of one tensor.

A formula here is what good frameworks really evaluate, since the rounding bound follows it. Where they differ
(the logistic function by exp or by tanh, log(1 + e) or log1p), the reference takes the one that is accurate
in the absolute sense alone, so that its bound is honest to both.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy import special

from gradconform.reference.attributes import Flag, Probability, Real
from gradconform.reference.operator import Dims, ShapeError, operator

# Python floats, never NumPy scalars: these keep float32 arrays float32, and `Rounded` charges them the error
# of writing them in the dtype under test.
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_CUBIC = 0.044715


@operator
def relu(x: Any) -> Any:
    """max(x, 0); the derivative at 0 is 0."""
    return np.maximum(x, 0.0)


@relu.vjp
def _(dy: Any, x: Any) -> Any:
    return (np.where(x > 0, dy, 0.0),)


@operator
def leaky_relu(x: Any, *, negative_slope: Real) -> Any:
    """x where x > 0, else negative_slope * x (Maas, Hannun and Ng, 2013); derivative at 0: negative_slope."""
    return np.where(x > 0, x, negative_slope * x)


@leaky_relu.vjp
def _(dy: Any, x: Any, *, negative_slope: float) -> Any:
    return (np.where(x > 0, dy, negative_slope * dy),)


@operator
def elu(x: Any, *, alpha: Real) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1) (Clevert, Unterthiner and Hochreiter, 2016).

    The derivative at and below 0 is y + alpha, from the output, as the paper has it.
    """
    # Clipped before exp, so that the branch not taken cannot overflow.
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0.0)) - 1.0))


@elu.vjp
def _(dy: Any, x: Any, *, alpha: float) -> Any:
    return (np.where(x > 0, dy, dy * (elu.forward(x, alpha=alpha) + alpha)),)


@operator
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@sigmoid.vjp
def _(dy: Any, x: Any) -> Any:
    y = sigmoid.forward(x)
    return (dy * (y * (1.0 - y)),)


@operator
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


@tanh.vjp
def _(dy: Any, x: Any) -> Any:
    y = np.tanh(x)
    return (dy * (1.0 - y * y),)


@operator
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow."""
    # -|x| by choosing, since |x| is not analytic and the complex step needs a function that is.
    return np.maximum(x, 0.0) + np.log(1.0 + np.exp(np.where(x > 0, -x, x)))


@softplus.vjp
def _(dy: Any, x: Any) -> Any:
    return (dy * sigmoid.forward(x),)


@operator
def silu(x: Any) -> Any:
    """x * sigmoid(x) (Elfwing, Uchibe and Doya, 2018)."""
    return x * sigmoid.forward(x)


@silu.vjp
def _(dy: Any, x: Any) -> Any:
    s = sigmoid.forward(x)
    return (dy * (s * (1.0 + x * (1.0 - s))),)


@operator
def gelu(x: Any, *, approximate: Literal["none", "tanh"]) -> Any:
    """x times the normal distribution function, exactly or by the tanh formula (Hendrycks and Gimpel, 2016).

    none: x (1 + erf(x / sqrt 2)) / 2.  tanh: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    """
    if approximate == "none":
        return 0.5 * x * (1.0 + special.erf(x * _ROOT_HALF))
    return 0.5 * x * (1.0 + np.tanh(_tanh_argument(x)))


def _tanh_argument(x: Any) -> Any:
    return _ROOT_2_OVER_PI * (x + _CUBIC * (x * x * x))


@gelu.vjp
def _(dy: Any, x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        below = 0.5 * (1.0 + special.erf(x * _ROOT_HALF))
        return (dy * (below + x * (_DENSITY_AT_0 * np.exp(-0.5 * (x * x)))),)
    t = np.tanh(_tanh_argument(x))
    slope = _ROOT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * (x * x))
    return (dy * (0.5 * (1.0 + t) + 0.5 * x * ((1.0 - t * t) * slope)),)


@operator
def dropout(x: Any, *, p: Probability, training: Flag) -> Any:
    """The identity: dropout in evaluation mode, whatever p. Training mode is refused by the shape rule."""
    return x


@dropout.vjp
def _(dy: Any, x: Any, *, p: float, training: bool) -> Any:
    return (dy,)


@dropout.shape
def _(x: Dims, *, training: Flag) -> Dims:
    if training:
        raise ShapeError("training is true; expected false: a random mask is no property to conform to")
    return x
