"""Independent forwards of the family `algebra`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from oracles import forward, onnx


@forward
def einsum(x: Any, y: Any, *, equation: str) -> Any:
    return onnx("Einsum", x, y, equation=equation)


@forward
def tensordot(x: Any, y: Any, *, dims: Any) -> Any:
    return np.tensordot(x, y, axes=dims)


@forward
def outer(x: Any, y: Any) -> Any:
    return np.array([[a * b for b in y] for a in x])


@forward
def dot(x: Any, y: Any) -> Any:
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


@forward
def trace(x: Any) -> Any:
    return math.fsum(np.diagonal(x))


@forward
def bilinear(x: Any, y: Any, weight: Any, bias: Any) -> Any:
    z = np.einsum("ni,oij,nj->no", x, weight, y)
    return z if bias is None else z + bias


def _each(function: Callable[[Any], Any], x: Any) -> Any:
    """A function of each matrix, in 40 digits."""
    with mpmath.workdps(40):
        made = [function(mpmath.matrix(matrix.tolist())) for matrix in x.reshape(-1, *x.shape[-2:])]
    return np.array(
        [np.array(each.tolist(), dtype=float) if isinstance(each, mpmath.matrix) else float(each) for each in made]
    )


@forward
def inv(x: Any) -> Any:
    return _each(lambda matrix: matrix**-1, x).reshape(x.shape)


@forward
def det(x: Any) -> Any:
    return _each(mpmath.det, x).reshape(x.shape[:-2])


@forward
def logdet(x: Any) -> Any:
    return _each(lambda matrix: mpmath.log(abs(mpmath.det(matrix))), x).reshape(x.shape[:-2])


@forward
def cholesky(x: Any) -> Any:
    return _each(mpmath.cholesky, x).reshape(x.shape)
