"""Independent forwards of the family `length`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import forward


@forward
def l2_normalize(x: Any, *, dim: list[int], eps: float, eps_in: str) -> Any:
    rows = np.moveaxis(x, sorted(dim), range(len(dim)))
    kept = rows.shape[len(dim) :]
    y = np.empty(rows.shape)
    for at in np.ndindex(*kept):
        vector = rows[(..., *at)]
        length = float(np.linalg.norm(vector.ravel()))
        divisor = {"maximum": max(length, eps), "length": length + eps, "square": np.hypot(length, np.sqrt(eps))}[
            eps_in
        ]
        y[(..., *at)] = vector / divisor
    return np.moveaxis(y, range(len(dim)), sorted(dim))


@forward
def vector_norm(x: Any, *, ord: float, dim: list[int], keepdim: bool) -> Any:
    rows = np.moveaxis(x, sorted(dim), range(len(dim)))
    y = np.empty(rows.shape[len(dim) :])
    for at in np.ndindex(*y.shape):
        with mpmath.workdps(30):
            terms = [abs(mpmath.mpf(each)) ** ord for each in rows[(..., *at)].ravel()]
            y[at] = float(mpmath.fsum(terms) ** (1 / mpmath.mpf(ord)))
    return y.reshape([1 if i in dim else n for i, n in enumerate(x.shape)]) if keepdim else y
