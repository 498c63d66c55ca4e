"""Functions of an angle, hyperbolic functions, and the inverses of both, element by element.

Derivatives have the formulas that frameworks evaluate: those of the inverses cancel beside 1, and the bound says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.operator import operator


@operator
def sin(x: Any) -> Any:
    """The sine of x in radians."""
    return np.sin(x)


@sin.vjp
def sin_vjp(dy: Any, x: Any) -> Any:
    return (dy * np.cos(x),)


@operator
def cos(x: Any) -> Any:
    """The cosine of x in radians."""
    return np.cos(x)


@cos.vjp
def cos_vjp(dy: Any, x: Any) -> Any:
    return (-dy * np.sin(x),)


@operator
def tan(x: Any) -> Any:
    """The tangent of x in radians; its derivative is 1 + y^2."""
    return np.tan(x)


@tan.vjp
def tan_vjp(dy: Any, x: Any) -> Any:
    y = np.tan(x)
    return (dy * (1.0 + y * y),)


@tan.from_output
def tan_from_output(y: Any) -> Any:
    return 1.0 + y * y


@operator
def asin(x: Any) -> Any:
    """The angle between -pi/2 and pi/2 whose sine is x; NaN where |x| > 1."""
    return np.arcsin(x)


@asin.vjp
def asin_vjp(dy: Any, x: Any) -> Any:
    return (dy / np.sqrt(1.0 - x * x),)


@operator
def acos(x: Any) -> Any:
    """The angle between 0 and pi whose cosine is x; NaN where |x| > 1."""
    return np.arccos(x)


@acos.vjp
def acos_vjp(dy: Any, x: Any) -> Any:
    return (-dy / np.sqrt(1.0 - x * x),)


@operator
def atan(x: Any) -> Any:
    """The angle between -pi/2 and pi/2 whose tangent is x."""
    return np.arctan(x)


@atan.vjp
def atan_vjp(dy: Any, x: Any) -> Any:
    return (dy / (x * x + 1.0),)


@operator
def sinh(x: Any) -> Any:
    """The hyperbolic sine."""
    return np.sinh(x)


@sinh.vjp
def sinh_vjp(dy: Any, x: Any) -> Any:
    return (dy * np.cosh(x),)


@operator
def cosh(x: Any) -> Any:
    """The hyperbolic cosine."""
    return np.cosh(x)


@cosh.vjp
def cosh_vjp(dy: Any, x: Any) -> Any:
    return (dy * np.sinh(x),)


@operator
def asinh(x: Any) -> Any:
    """The inverse of the hyperbolic sine."""
    return np.arcsinh(x)


@asinh.vjp
def asinh_vjp(dy: Any, x: Any) -> Any:
    return (dy / np.hypot(x, 1.0),)


@operator
def acosh(x: Any) -> Any:
    """The inverse, not negative, of the hyperbolic cosine; NaN where x < 1."""
    return np.arccosh(x)


@acosh.vjp
def acosh_vjp(dy: Any, x: Any) -> Any:
    """As dy / (x sqrt(1 - 1 / x^2)), whose square may overflow; near 1 it cancels as sqrt(x^2 - 1) does."""
    return (dy / (x * np.sqrt(1.0 - 1.0 / (x * x))),)


@operator
def atanh(x: Any) -> Any:
    """The inverse of the hyperbolic tangent; infinite at -1 and 1, NaN beyond."""
    return np.arctanh(x)


@atanh.vjp
def atanh_vjp(dy: Any, x: Any) -> Any:
    return (dy / (1.0 - x * x),)
