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

from gradconform.reference.attributes import Axis
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.shape import check_axis

# Python floats, never NumPy scalars: these keep float32 arrays float32, and `Rounded` charges them the error
# of writing them in the dtype under test.
_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
_CUBIC = 0.044715


@operator
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


@operator
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


@operator
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which cannot overflow."""
    # -|x| by choosing, since |x| is not analytic and the complex step needs a function that is.
    return np.maximum(x, 0.0) + np.log(1.0 + np.exp(np.where(x > 0, -x, x)))


@softplus.vjp
def softplus_vjp(dy: Any, x: Any) -> Any:
    return (dy * sigmoid.forward(x),)


@operator
def silu(x: Any) -> Any:
    """x * sigmoid(x) (Elfwing, Uchibe and Doya, 2018)."""
    return x * sigmoid.forward(x)


@silu.vjp
def silu_vjp(dy: Any, x: Any) -> Any:
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
def gelu_vjp(dy: Any, x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        below = 0.5 * (1.0 + special.erf(x * _ROOT_HALF))
        return (dy * (below + x * (_DENSITY_AT_0 * np.exp(-0.5 * (x * x)))),)
    t = np.tanh(_tanh_argument(x))
    slope = _ROOT_2_OVER_PI * (1.0 + 3.0 * _CUBIC * (x * x))
    return (dy * (0.5 * (1.0 + t) + 0.5 * x * ((1.0 - t * t) * slope)),)


@operator
def logsigmoid(x: Any) -> Any:
    """log(1 / (1 + exp(-x))), as min(x, 0) - log(1 + exp(-|x|)), which cannot overflow."""
    return np.minimum(x, 0.0) - np.log(1.0 + np.exp(np.where(x > 0, -x, x)))


@logsigmoid.vjp
def logsigmoid_vjp(dy: Any, x: Any) -> Any:
    return (dy * sigmoid.forward(-x),)


@operator
def mish(x: Any) -> Any:
    """x * tanh(softplus(x)) (Misra, 2019)."""
    return x * np.tanh(softplus.forward(x))


@mish.vjp
def mish_vjp(dy: Any, x: Any) -> Any:
    t = np.tanh(softplus.forward(x))
    return (dy * (t + x * (sigmoid.forward(x) * (1.0 - t * t))),)


@operator
def tanhshrink(x: Any) -> Any:
    """x - tanh(x), which cancels near 0; the derivative is 1 - (1 - tanh(x)^2), as of the difference."""
    return x - np.tanh(x)


@tanhshrink.vjp
def tanhshrink_vjp(dy: Any, x: Any) -> Any:
    t = np.tanh(x)
    return (dy - dy * (1.0 - t * t),)


@operator
def glu(x: Any, *, dim: Axis) -> Any:
    """The first half of x along axis dim, times the sigmoid of the second (Dauphin et al., 2017)."""
    one, other = halves(x, dim)
    return one * sigmoid.forward(other)


@glu.vjp
def glu_vjp(dy: Any, x: Any, *, dim: int) -> Any:
    one, other = halves(x, dim)
    s = sigmoid.forward(other)
    return (np.concatenate([dy * s, dy * one * (s * (1.0 - s))], axis=dim),)


@glu.shape
def glu_shape(x: Dims, *, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    if x[dim] % 2:
        raise ShapeError(
            f"x has shape {list(x)}; expected an even extent of axis {dim}, of which each half is one operand"
        )
    return (*x[:dim], x[dim] // 2, *x[dim + 1 :])


def halves(x: Any, dim: int) -> tuple[Any, Any]:
    """The first and the second half of a tensor along an axis of even extent."""
    half, before = x.shape[dim] // 2, (slice(None),) * dim
    return x[(*before, slice(half))], x[(*before, slice(half, None))]
