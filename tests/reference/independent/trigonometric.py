"""Independent forwards of the family `trigonometric`."""

from __future__ import annotations

import mpmath
from oracles import precisely

sin = precisely(mpmath.sin)
cos = precisely(mpmath.cos)
tan = precisely(mpmath.tan)
asin = precisely(mpmath.asin)
acos = precisely(mpmath.acos)
atan = precisely(mpmath.atan)
sinh = precisely(mpmath.sinh)
cosh = precisely(mpmath.cosh)
asinh = precisely(mpmath.asinh)
acosh = precisely(mpmath.acosh)
atanh = precisely(mpmath.atanh)
