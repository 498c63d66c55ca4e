"""Linear algebra: contractions of two tensors, inverses and determinants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gradconform.draws import Draw, bias, weight
from gradconform.reference.attributes import Axes, Size
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked import inverses as inverses  # the rules of np.linalg.inv and det
from gradconform.reference.tracked.computed import computed
from gradconform.reference.tracked.sums import scatter_sum, sum_of_products

Equation = Annotated[
    str,
    Field(pattern=r"^[a-z]+,[a-z]+->[a-z]*$", description="an equation of two operands, such as 'bij,bjk->bik'"),
]
AxesOfBoth = Annotated[
    list[Axes],
    Field(min_length=2, max_length=2, description="a list of axes of x and one of those of y, such as [[1], [0]]"),
]


@operator
def einsum(x: Any, y: Any, *, equation: Equation) -> Any:
    """The sum of products of x and y over all letters of the equation that its result has not; one for each axis.

    Einstein's convention, as in numpy.einsum, with a result and without a letter twice in one operand.
    """
    return _contracted(x, y, *_letters(equation))


@einsum.vjp
def einsum_vjp(dy: Any, x: Any, y: Any, *, equation: str) -> Any:
    left, right, result = _letters(equation)
    return _of_operand(dy, x, left, y, right, result), _of_operand(dy, y, right, x, left, result)


@einsum.shape
def einsum_shape(x: Dims, y: Dims, *, equation: Equation) -> Dims:
    left, right, result = _letters(equation)
    extents: dict[str, int] = {}
    for name, shape, letters in (("x", x, left), ("y", y, right)):
        if len(letters) != len(shape) or len(set(letters)) != len(letters):
            raise ShapeError(
                f"{name} has shape {list(shape)} and the letters {letters}; expected one letter for each axis"
            )
        for letter, extent in zip(letters, shape, strict=True):
            if extents.setdefault(letter, extent) != extent:
                raise ShapeError(f"{letter} is {extents[letter]} in x and {extent} in y; expected the same")
    if len(set(result)) != len(result) or not set(result) <= extents.keys():
        raise ShapeError(f"the result has the letters {result}; expected each once, and all of x or y")
    return tuple(extents[letter] for letter in result)


def _letters(equation: str) -> tuple[str, str, str]:
    operands, _, result = equation.partition("->")
    left, _, right = operands.partition(",")
    return left, right, result


def _contracted(x: Any, y: Any, left: str, right: str, result: str) -> Any:
    """x [left] times y [right], summed to [result], by one product of matrices after what is in one of them alone."""
    x, left = _without(x, left, right + result)
    y, right = _without(y, right, left + result)
    both = [letter for letter in left if letter in right and letter in result]
    summed = [letter for letter in left if letter in right and letter not in result]
    rows = [letter for letter in left if letter not in right]
    columns = [letter for letter in right if letter not in left]
    extents = {**dict(zip(left, x.shape, strict=True)), **dict(zip(right, y.shape, strict=True))}
    b, k, n, m = (math.prod(extents[letter] for letter in part) for part in (both, summed, rows, columns))
    a = np.transpose(x, [left.index(letter) for letter in (*both, *rows, *summed)]).reshape(b, n, k)
    c = np.transpose(y, [right.index(letter) for letter in (*both, *summed, *columns)]).reshape(b, k, m)
    made = [*both, *rows, *columns]
    product = np.matmul(a, c).reshape([extents[letter] for letter in made])
    return np.transpose(product, [made.index(letter) for letter in result])


def _without(x: Any, letters: str, kept: str) -> tuple[Any, str]:
    """x summed over the letters that are not kept, and those that are left of it."""
    lone = tuple(axis for axis, letter in enumerate(letters) if letter not in kept)
    left = "".join(letter for letter in letters if letter in kept)
    return (np.sum(x, axis=lone), left) if lone else (x, left)


def _of_operand(dy: Any, x: Any, left: str, y: Any, right: str, result: str) -> Any:
    """The gradient of x: the same for all elements over which x alone is summed."""
    there = "".join(letter for letter in left if letter in right + result)
    dx = _contracted(dy, y, result, right, there)
    lone = [1 if letter not in there else extent for letter, extent in zip(left, x.shape, strict=True)]
    return np.broadcast_to(dx.reshape(lone), x.shape)


@operator
def tensordot(x: Any, y: Any, *, dims: AxesOfBoth) -> Any:
    """The sum of products over pairs of axes, the first of `dims` being of x and the second of y.

    The result has the other axes of x and then those of y.
    """
    return _contracted(x, y, *_of_axes(x.ndim, y.ndim, dims))


@tensordot.vjp
def tensordot_vjp(dy: Any, x: Any, y: Any, *, dims: Sequence[Sequence[int]]) -> Any:
    left, right, result = _of_axes(x.ndim, y.ndim, dims)
    return _of_operand(dy, x, left, y, right, result), _of_operand(dy, y, right, x, left, result)


@tensordot.shape
def tensordot_shape(x: Dims, y: Dims, *, dims: AxesOfBoth) -> Dims:
    for name, shape, axes in (("x", x, dims[0]), ("y", y, dims[1])):
        if len(set(axes)) != len(axes) or max(axes) >= len(shape):
            raise ShapeError(f"dims has {list(axes)} for {name} of shape {list(shape)}; expected axes of it, each once")
    met = [[shape[axis] for axis in axes] for shape, axes in zip((x, y), dims, strict=True)]
    if met[0] != met[1]:
        raise ShapeError(f"the axes have the extents {met[0]} in x and {met[1]} in y; expected the same")
    return tuple(n for shape, axes in ((x, dims[0]), (y, dims[1])) for i, n in enumerate(shape) if i not in axes)


def _of_axes(x_axes: int, y_axes: int, dims: Any) -> tuple[str, str, str]:
    """The letters of a contraction, as of an equation."""
    left = [chr(ord("a") + axis) for axis in range(x_axes)]
    right = [chr(ord("A") + axis) for axis in range(y_axes)]
    for i, j in zip(*dims, strict=True):
        right[j] = left[i]
    result = [letter for letter in left if letter not in right] + [letter for letter in right if letter not in left]
    return "".join(left), "".join(right), "".join(result)


@operator
def outer(x: Any, y: Any) -> Any:
    """x[i] y[j].  x [N], y [M]; the result [N, M]."""
    return x[:, None] * y[None, :]


@outer.vjp
def outer_vjp(dy: Any, x: Any, y: Any) -> Any:
    return np.matmul(dy, y[:, None])[:, 0], np.matmul(x[None, :], dy)[0]


@outer.shape
def outer_shape(x: Dims, y: Dims) -> Dims:
    if len(x) != 1 or len(y) != 1:
        raise ShapeError(f"x has shape {list(x)} and y {list(y)}; expected two vectors")
    return (*x, *y)


@operator
def dot(x: Any, y: Any) -> Any:
    """The sum of x[i] y[i].  x [N], y [N]; one number, shape []."""
    return np.matmul(x[None, :], y[:, None])[0, 0]


@dot.vjp
def dot_vjp(dy: Any, x: Any, y: Any) -> Any:
    return dy * y, dy * x


@dot.shape
def dot_shape(x: Dims, y: Dims) -> Dims:
    if len(x) != 1 or x != y:
        raise ShapeError(f"x has shape {list(x)} and y {list(y)}; expected two vectors of one length")
    return ()


@operator
def trace(x: Any) -> Any:
    """The sum of x[i, i].  x [N, M]; one number, shape []."""
    along = np.arange(min(x.shape))
    return np.sum(x[along, along])


@trace.vjp
def trace_vjp(dy: Any, x: Any) -> Any:
    return (np.where(np.eye(x.shape[0], x.shape[1], dtype=bool), dy, 0.0),)


@trace.shape
def trace_shape(x: Dims) -> Dims:
    if len(x) != 2:
        raise ShapeError(f"x has shape {list(x)}; expected a matrix")
    return ()


@operator(parameters=("weight", "bias"), optional=("bias",))
def bilinear(x: Any, y: Any, weight: Any, bias: Any) -> Any:
    """The sum of x[n, i] weight[o, i, j] y[n, j], plus bias[o].

    x [N, I], y [N, J], weight [O, I, J], bias [O] or absent; the result [N, O].
    """
    terms = [(..., _paired(x, y), np.transpose(weight.reshape(weight.shape[0], -1)))]
    if bias is not None:
        terms.append((..., np.ones((x.shape[0], 1)), bias.reshape(1, -1)))
    return sum_of_products((x.shape[0], weight.shape[0]), terms)


@bilinear.vjp
def bilinear_vjp(dy: Any, x: Any, y: Any, weight: Any, bias: Any) -> Any:
    o, i, j = weight.shape
    dx = np.matmul(_paired(dy, y), np.transpose(weight, (0, 2, 1)).reshape(o * j, i))
    dy_ = np.matmul(_paired(dy, x), weight.reshape(o * i, j))
    dweight = np.matmul(np.transpose(dy), _paired(x, y)).reshape(weight.shape)
    return dx, dy_, dweight, None if bias is None else np.sum(dy, axis=0)


@bilinear.shape
def bilinear_shape(x: Dims, y: Dims, *, out_features: Size) -> Dims:
    if len(x) != 2 or len(y) != 2 or x[0] != y[0]:
        raise ShapeError(f"x has shape {list(x)} and y {list(y)}; expected [N, I] and [N, J]")
    return (x[0], out_features)


@bilinear.draws
def bilinear_draws(x: Dims, y: Dims, *, out_features: Size) -> Mapping[str, Draw]:
    return {"weight": weight((out_features, x[1], y[1]), x[1] * y[1]), "bias": bias((out_features,))}


def _paired(x: Any, y: Any) -> Any:
    """Each element of a row of x with each of that of y: [N, I], [N, J] -> [N, I J]."""
    return (x[:, :, None] * y[:, None, :]).reshape(x.shape[0], x.shape[1] * y.shape[1])


@operator(regular=True)
def inv(x: Any) -> Any:
    """The inverse of each square matrix.  x [..., N, N]."""
    return _inverse(x)


@inv.vjp
def inv_vjp(dy: Any, x: Any) -> Any:
    """-Y' dY Y' (Giles, 2008, *Collected matrix derivative results*, section 2.2.3)."""
    transposed = np.swapaxes(_inverse(x), -1, -2)
    return (-np.matmul(np.matmul(transposed, dy), transposed),)


@inv.shape
def inv_shape(x: Dims) -> Dims:
    return _square(x)


@operator(regular=True)
def cholesky(x: Any) -> Any:
    """The lower triangular L with L L' = X, for each symmetric positive definite matrix.  x [..., N, N].

    Of X the symmetric part (X + X') / 2 counts, so that the gradient is symmetric too, as all frameworks give it. Each
    element is one sum over those before it (Higham, *Accuracy and Stability of Numerical Algorithms*, algorithm 10.2).
    """
    n = x.shape[-1]
    symmetric = 0.5 * (x + np.swapaxes(x, -1, -2))
    rows: list[list[Any]] = []
    for i in range(n):
        row: list[Any] = []
        for j in range(i + 1):
            other = row if i == j else rows[j]
            products = [(..., -(row[k] * other[k])) for k in range(j)]
            rest = scatter_sum(x.shape[:-2], [(..., symmetric[..., i, j]), *products])
            row.append(np.sqrt(rest) if i == j else rest / other[j])
        rows.append(row)
    zero = np.zeros_like(rows[0][0])
    columns = [np.concatenate([(*row, *[zero] * n)[j][..., None] for row in rows], axis=-1) for j in range(n)]
    return np.concatenate([column[..., None] for column in columns], axis=-1)


@cholesky.vjp
def cholesky_vjp(dy: Any, x: Any) -> Any:
    """The symmetric part of L^-1' P L^-1, P being the lower triangle of L' dY with half its diagonal.

    Murray (2016), *Differentiation of the Cholesky decomposition*, equation 10.
    """
    factor = cholesky.forward(x)
    inverse, n = _inverse(factor), x.shape[-1]
    mask = computed(np.tri(n) - 0.5 * np.eye(n), 0.0, dy)
    halved = np.matmul(np.swapaxes(factor, -1, -2), dy) * mask
    sent = np.matmul(np.matmul(np.swapaxes(inverse, -1, -2), halved), inverse)
    return (0.5 * (sent + np.swapaxes(sent, -1, -2)),)


@cholesky.shape
def cholesky_shape(x: Dims) -> Dims:
    return _square(x)


@operator(regular=True)
def det(x: Any) -> Any:
    """The determinant of each square matrix.  x [..., N, N]; the result [...]."""
    return np.linalg.det(x)


@det.vjp
def det_vjp(dy: Any, x: Any) -> Any:
    """dy det X X^-1', where there is an inverse (Giles, 2008, section 2.2.4)."""
    each = (dy * np.linalg.det(x))[..., None, None]
    return (each * np.swapaxes(_inverse(x), -1, -2),)


@operator(regular=True)
def logdet(x: Any) -> Any:
    """The logarithm of the magnitude of the determinant of each square matrix.  x [..., N, N]; the result [...]."""
    d = np.linalg.det(x)
    return np.log(np.where(d.real > 0, d, -d))


@logdet.vjp
def logdet_vjp(dy: Any, x: Any) -> Any:
    return (dy[..., None, None] * np.swapaxes(_inverse(x), -1, -2),)


@det.shape
@logdet.shape
def determinant_shape(x: Dims) -> Dims:
    return _square(x)[:-2]


def _inverse(x: Any) -> Any:
    """The inverse of each matrix; nothing but NaN where one of them has none."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return x * np.nan


def _square(x: Dims) -> Dims:
    if len(x) < 2 or x[-1] != x[-2]:
        raise ShapeError(f"x has shape {list(x)}; expected square matrices [..., N, N]")
    return x
