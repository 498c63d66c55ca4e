"""Independent forwards of the family `smooth`."""

from __future__ import annotations

from typing import Any

import mpmath
from oracles import forward, precisely

tanh = precisely(mpmath.tanh)
sigmoid = precisely(lambda x: 1 / (1 + mpmath.exp(-x)))
silu = precisely(lambda x: x / (1 + mpmath.exp(-x)))
softplus = precisely(lambda x: mpmath.log(1 + mpmath.exp(x)))


@forward
def gelu(x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        return precisely(lambda v: v * mpmath.ncdf(v))(x)
    inner = lambda v: mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3)  # noqa: E731
    return precisely(lambda v: v * (1 + mpmath.tanh(inner(v))) / 2)(x)
