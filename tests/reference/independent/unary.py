"""Independent forwards of the family `unary`."""

from __future__ import annotations

import mpmath
from oracles import precisely

neg = precisely(lambda x: -x)
exp = precisely(mpmath.exp)
log = precisely(mpmath.log)
sqrt = precisely(mpmath.sqrt)
square = precisely(lambda x: x**2)
expm1 = precisely(mpmath.expm1)
log1p = precisely(lambda x: mpmath.log(1 + x))
exp2 = precisely(lambda x: 2**x)
log2 = precisely(lambda x: mpmath.log(x, 2))
log10 = precisely(mpmath.log10)
reciprocal = precisely(lambda x: 1 / x)
rsqrt = precisely(lambda x: 1 / mpmath.sqrt(x))
