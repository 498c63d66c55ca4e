"""Independent forwards of the family `special`."""

from __future__ import annotations

from typing import Any

import mpmath
from oracles import forward, precisely

erf = precisely(mpmath.erf)
erfc = precisely(mpmath.erfc)
erfcx = precisely(lambda x: mpmath.exp(x**2) * mpmath.erfc(x))
erfinv = precisely(mpmath.erfinv)
ndtr = precisely(mpmath.ncdf)
log_ndtr = precisely(lambda x: mpmath.log(mpmath.ncdf(x)))
ndtri = precisely(lambda x: mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1))
lgamma = precisely(mpmath.loggamma)
digamma = precisely(mpmath.digamma)


@forward
def polygamma(x: Any, *, n: int) -> Any:
    return precisely(lambda v: mpmath.psi(n, v))(x)


@forward
def zeta(x: Any, *, order: float) -> Any:
    return precisely(lambda v: mpmath.zeta(mpmath.mpf(order), v))(x)
