"""Independent forwards of the family `smooth`."""

from __future__ import annotations

from typing import Any

import mpmath
from oracles import forward, onnx, precisely

tanh = precisely(mpmath.tanh)
sigmoid = precisely(lambda x: 1 / (1 + mpmath.exp(-x)))
silu = precisely(lambda x: x / (1 + mpmath.exp(-x)))
softplus = precisely(lambda x: mpmath.log(1 + mpmath.exp(x)))
logsigmoid = precisely(lambda x: -mpmath.log(1 + mpmath.exp(-x)))
mish = precisely(lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))))
tanhshrink = precisely(lambda x: x - mpmath.tanh(x))


@forward
def gelu(x: Any, *, approximate: str) -> Any:
    if approximate == "none":
        return precisely(lambda v: v * mpmath.ncdf(v))(x)
    inner = lambda v: mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3)  # noqa: E731
    return precisely(lambda v: v * (1 + mpmath.tanh(inner(v))) / 2)(x)


@forward
def glu(x: Any, *, dim: int) -> Any:
    one, other = onnx("Split", x, axis=dim, num_outputs=2, outputs=2)
    return one * sigmoid(other)
