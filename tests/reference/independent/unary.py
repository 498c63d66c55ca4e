"""Independent forwards of the family `unary`."""

from __future__ import annotations

import mpmath
from oracles import precisely

neg = precisely(lambda x: -x)
exp = precisely(mpmath.exp)
log = precisely(mpmath.log)
sqrt = precisely(mpmath.sqrt)
square = precisely(lambda x: x**2)
