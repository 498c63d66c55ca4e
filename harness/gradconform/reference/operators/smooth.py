"""Smooth activations of one tensor.

A formula here is what good frameworks really evaluate, since the rounding bound follows it. Where they differ
(the logistic function by exp or by tanh, log(1 + e) or log1p), the reference takes the one that is accurate
in the absolute sense alone, so that its bound is honest to both.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from scipy import special

from gradconform.reference.operator import operator

# Python floats, never NumPy scalars: these keep float32 arrays float32, and `Rounded` charges them the error
# of writing them in the dtype under test.
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_CUBIC = 0.044715


@operator(elementwise=True)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@sigmoid.vjp
def sigmoid_vjp(dy: Any, x: Any) -> Any:
    y = sigmoid.forward(x)
    return (dy * (y * (1.0 - y)),)


@sigmoid.from_output
def sigmoid_from_output(y: Any) -> Any:
    return y * (1 - y)


@operator(elementwise=True)
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


@tanh.vjp
def tanh_vjp(dy: Any, x: Any) -> Any:
    y = np.tanh(x)
    return (dy * (1.0 - y * y),)


@tanh.from_output
def tanh_from_output(y: Any) -> Any:
    return 1 - y * y


@operator(elementwise=True)
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow."""
    # -|x| by choosing, since |x| is not analytic and the complex step needs a function that is.
    return np.maximum(x, 0.0) + np.log(1.0 + np.exp(np.where(x > 0, -x, x)))


@softplus.vjp
def softplus_vjp(dy: Any, x: Any) -> Any:
    return (dy * sigmoid.forward(x),)


@operator(elementwise=True)
def silu(x: Any) -> Any:
    """x * sigmoid(x) (Elfwing, Uchibe and Doya, 2018)."""
    return x * sigmoid.forward(x)


@silu.vjp
def silu_vjp(dy: Any, x: Any) -> Any:
    s = sigmoid.forward(x)
    return (dy * (s * (1.0 + x * (1.0 - s))),)


@operator(elementwise=True)
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
def gelu_vjp(dy: Any, x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        below = 0.5 * (1.0 + special.erf(x * _ROOT_HALF))
        return (dy * (below + x * (_DENSITY_AT_0 * np.exp(-0.5 * (x * x)))),)
    t = np.tanh(_tanh_argument(x))
    slope = _ROOT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * (x * x))
    return (dy * (0.5 * (1.0 + t) + 0.5 * x * ((1.0 - t * t) * slope)),)
