"""Special functions of one tensor, element by element: error functions, gamma functions, normal distributions."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import special

from gradconform.reference.attributes import Real, Size
from gradconform.reference.operator import operator
from gradconform.reference.tracked.dual import with_tangent

Order = Annotated[Real, Field(gt=1)]

_ROOT_HALF = math.sqrt(0.5)
_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
_HALF_ROOT_PI = 0.5 * math.sqrt(math.pi)
_ROOT_2_PI = math.sqrt(2.0 * math.pi)
_DENSITY_AT_0 = 1.0 / _ROOT_2_PI


@operator(elementwise=True)
def erf(x: Any) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return special.erf(x)


@erf.vjp
def erf_vjp(dy: Any, x: Any) -> Any:
    return (dy * (_TWO_OVER_ROOT_PI * np.exp(-np.square(x))),)


@operator(elementwise=True)
def erfc(x: Any) -> Any:
    """1 - erf(x), accurate where it is small."""
    return special.erfc(x)


@erfc.vjp
def erfc_vjp(dy: Any, x: Any) -> Any:
    return (-dy * (_TWO_OVER_ROOT_PI * np.exp(-np.square(x))),)


@operator(elementwise=True)
def erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x); the derivative 2 x y - 2 / sqrt(pi) cancels for large x."""
    return special.erfcx(x)


@erfcx.vjp
def erfcx_vjp(dy: Any, x: Any) -> Any:
    return (dy * (2.0 * x * special.erfcx(x) - _TWO_OVER_ROOT_PI),)


@operator(elementwise=True)
def erfinv(x: Any) -> Any:
    """The inverse of erf; infinite at -1 and 1, NaN beyond."""
    return special.erfinv(x)


@erfinv.vjp
def erfinv_vjp(dy: Any, x: Any) -> Any:
    return (dy * (_HALF_ROOT_PI * np.exp(np.square(special.erfinv(x)))),)


@erfinv.from_output
def erfinv_from_output(y: Any) -> Any:
    return _HALF_ROOT_PI * np.exp(np.square(y))


@operator(elementwise=True)
def ndtr(x: Any) -> Any:
    """The normal distribution function, erfc(-x / sqrt 2) / 2."""
    return 0.5 * special.erfc(-x * _ROOT_HALF)


@ndtr.vjp
def ndtr_vjp(dy: Any, x: Any) -> Any:
    return (dy * (_DENSITY_AT_0 * np.exp(-0.5 * np.square(x))),)


@operator(elementwise=True)
def log_ndtr(x: Any) -> Any:
    """The logarithm of the normal distribution function, accurate where that underflows.

    With t = x / sqrt 2 it is log(erfcx(-t) / 2) - t^2 below -1, and above it log(1 - erfc(t) / 2). The derivative is
    sqrt(2 / pi) / erfcx(-t) below -1, and above it exp(-(y + x^2 / 2)) / sqrt(2 pi), which cancels far below 0.
    """
    # Clipped, so that the branch not taken cannot overflow.
    below, above = np.minimum(x, -1.0), np.maximum(x, -1.0) * _ROOT_HALF
    tail = np.log(0.5 * special.erfcx(-below * _ROOT_HALF)) - 0.5 * np.square(below)
    return np.where(x < -1, tail, np.log1p(-0.5 * special.erfc(above)))


@log_ndtr.vjp
def log_ndtr_vjp(dy: Any, x: Any) -> Any:
    y = with_tangent(log_ndtr.forward, lambda v, y, t: _log_ndtr_slope(v, y) * t, x)
    return (dy * _log_ndtr_slope(x, y),)


def _log_ndtr_slope(x: Any, y: Any) -> Any:
    below, above = np.minimum(x, -1.0), np.maximum(x, -1.0)
    tail = 2.0 * _DENSITY_AT_0 / special.erfcx(-below * _ROOT_HALF)
    return np.where(x < -1, tail, _DENSITY_AT_0 * np.exp(-(y + 0.5 * np.square(above))))


@operator(elementwise=True)
def ndtri(x: Any) -> Any:
    """The inverse of the normal distribution function; infinite at 0 and 1, NaN beyond."""
    return special.ndtri(x)


@ndtri.vjp
def ndtri_vjp(dy: Any, x: Any) -> Any:
    return (dy * (_ROOT_2_PI * np.exp(0.5 * np.square(special.ndtri(x)))),)


@ndtri.from_output
def ndtri_from_output(y: Any) -> Any:
    return _ROOT_2_PI * np.exp(0.5 * np.square(y))


@operator(elementwise=True)
def lgamma(x: Any) -> Any:
    """The logarithm of |gamma(x)|; infinite at minus infinity, too, as C has it: whatever is so far is a pole."""
    return np.where(x < -1e38, np.inf, special.gammaln(x))


@lgamma.vjp
def lgamma_vjp(dy: Any, x: Any) -> Any:
    return (dy * special.digamma(x),)


@operator(elementwise=True)
def digamma(x: Any) -> Any:
    """The derivative of the logarithm of gamma(x); its own is known here for positive x."""
    return special.digamma(x)


@digamma.vjp
def digamma_vjp(dy: Any, x: Any) -> Any:
    return (dy * special.zeta(2.0, x),)


@operator(elementwise=True)
def polygamma(x: Any, *, n: Size) -> Any:
    """The n-th derivative of digamma, (-1)^(n + 1) n! zeta(n + 1, x), of a positive x."""
    return (-1.0) ** (n + 1) * math.factorial(n) * special.zeta(n + 1.0, x)


@polygamma.vjp
def polygamma_vjp(dy: Any, x: Any, *, n: int) -> Any:
    return (dy * polygamma.forward(x, n=n + 1),)


@operator(elementwise=True)
def zeta(x: Any, *, order: Order) -> Any:
    """The sum of (x + k)^-order over all k >= 0, of a positive x: Hurwitz' zeta function (DLMF, section 25.11)."""
    return special.zeta(float(order), x)


@zeta.vjp
def zeta_vjp(dy: Any, x: Any, *, order: float) -> Any:
    return (dy * (-float(order) * special.zeta(order + 1.0, x)),)
