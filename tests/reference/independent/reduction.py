"""Independent forwards of the family `reduction`."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
from oracles import forward, onnx
from scipy import special


@forward
def sum(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceSum", x, np.array(dim), keepdims=int(keepdim))


@forward
def mean(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceMean", x, np.array(dim), keepdims=int(keepdim))


@forward
def prod(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceProd", x, np.array(dim), keepdims=int(keepdim))


@forward
def logsumexp(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return special.logsumexp(x, axis=tuple(dim), keepdims=keepdim)


@forward
def var(x: Any, *, dim: list[int], correction: int, keepdim: bool) -> Any:
    kept = [i for i in range(x.ndim) if i not in dim]
    rows = np.transpose(x, kept + sorted(dim)).reshape(*(x.shape[i] for i in kept), -1)

    def one(row: Any) -> float:
        with mpmath.workdps(30):
            terms = [mpmath.mpf(each) for each in row]
            mean = mpmath.fsum(terms) / len(terms)
            return float(mpmath.fsum((each - mean) ** 2 for each in terms) / (len(terms) - correction))

    y = np.apply_along_axis(one, -1, rows)
    return y.reshape([1 if i in dim else n for i, n in enumerate(x.shape)]) if keepdim else y


@forward
def amax(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceMax", x, np.array(dim), keepdims=int(keepdim))


@forward
def amin(x: Any, *, dim: list[int], keepdim: bool) -> Any:
    return onnx("ReduceMin", x, np.array(dim), keepdims=int(keepdim))
