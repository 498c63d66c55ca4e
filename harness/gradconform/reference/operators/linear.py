"""Products of matrices, and the lookup that is one with a matrix of zeros and ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradconform.draws import Draw, bias, weight
from gradconform.reference.attributes import Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.places import occurrences
from gradconform.reference.tracked.sums import scatter_sum, sum_of_products


@operator(parameters=("weight", "bias"), optional=("bias",))
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """y = x W' + b.  x [..., I], weight [O, I], bias [O] or absent; y [..., O].

    The bias is one more term of each sum: a framework may begin with it; every partial sum then has its size.
    """
    rows = _rows(x)
    terms = [(..., rows, np.transpose(weight))]
    if bias is not None:
        terms.append((..., np.ones((rows.shape[0], 1)), bias.reshape(1, -1)))
    return sum_of_products((rows.shape[0], weight.shape[0]), terms).reshape(*x.shape[:-1], weight.shape[0])


@linear.vjp
def linear_vjp(dy: Any, x: Any, weight: Any, bias: Any) -> Any:
    rows, inputs = _rows(dy), _rows(x)
    dx = np.matmul(rows, weight).reshape(x.shape)
    return dx, np.matmul(rows.T, inputs), None if bias is None else np.sum(rows, axis=0)


def _rows(x: Any) -> Any:
    """All axes but the last as one: [..., I] -> [N, I]."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@linear.shape
def linear_shape(x: Dims, *, out_features: Size) -> Dims:
    if len(x) < 2:
        raise ShapeError(f"x has shape {list(x)}; expected two axes or more, the last one the features")
    return (*x[:-1], out_features)


@linear.draws
def linear_draws(x: Dims, *, out_features: Size) -> Mapping[str, Draw]:
    return {"weight": weight((out_features, x[-1]), x[-1]), "bias": bias((out_features,))}


@operator
def matmul(x: Any, y: Any) -> Any:
    """The product of matrices. x [..., M, K], y [..., K, N], equal leading axes; the result [..., M, N]."""
    return np.matmul(x, y)


@matmul.vjp
def matmul_vjp(dy: Any, x: Any, y: Any) -> Any:
    return np.matmul(dy, np.swapaxes(y, -1, -2)), np.matmul(np.swapaxes(x, -1, -2), dy)


@matmul.shape
def matmul_shape(x: Dims, y: Dims) -> Dims:
    if len(x) < 2 or x[:-2] != y[:-2] or len(x) != len(y) or x[-1] != y[-2]:
        raise ShapeError(
            f"x has shape {list(x)} and y {list(y)}; expected [..., M, K] and [..., K, N] with equal leading axes"
        )
    return (*x[:-1], y[-1])


@operator(parameters=("weight",), integers=("x",))
def embedding(x: Any, weight: Any) -> Any:
    """Row x of the weight for each index x.  x [...], int64 in [0, V); weight [V, D]; the result [..., D]."""
    return weight[x]


@embedding.vjp
def embedding_vjp(dy: Any, x: Any, weight: Any) -> Any:
    rows, indices = dy.reshape(-1, dy.shape[-1]), x.reshape(-1)
    return None, scatter_sum(weight.shape, [(indices[at], rows[at]) for at in occurrences(indices)])


@embedding.shape
def embedding_shape(x: Dims, *, embedding_dim: Size) -> Dims:
    return (*x, embedding_dim)


@embedding.classes
def embedding_classes(x: Dims, *, num_embeddings: Size) -> int:
    return num_embeddings


@embedding.draws
def embedding_draws(x: Dims, *, num_embeddings: Size, embedding_dim: Size) -> Mapping[str, Draw]:
    return {"weight": Draw((num_embeddings, embedding_dim))}
