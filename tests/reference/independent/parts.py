"""Independent forwards of the family `parts`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward


@forward
def unbind(x: Any, *, dim: int) -> Any:
    return tuple(np.squeeze(part, dim) for part in np.split(x, x.shape[dim], dim))


@forward
def split(x: Any, *, dim: int, sizes: list[int]) -> Any:
    return tuple(np.split(x, np.cumsum(sizes)[:-1], dim))
