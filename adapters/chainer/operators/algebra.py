"""Chainer: operators of linear algebra beside the products of matrices."""

import numpy as np
from chainer import functions as F


def op_einsum(x, y, *, equation):
    return F.einsum(equation, x, y)


def op_tensordot(x, y, *, dims):
    return F.tensordot(x, y, axes=dims)


def op_dot(x, y):
    return F.matmul(x, y)


def op_bilinear(x, y, weight, bias):
    if x.dtype != np.float32:
        raise NotImplementedError("F.bilinear takes float32 only")
    # Its outputs are the last axis. The transpose stays in the graph, so the gradient comes back as [out, in, in].
    weight = F.transpose(weight, (1, 2, 0))
    if bias is None:
        return F.bilinear(x, y, weight)
    # It takes a bias only together with a linear term of each operand.
    x_linear, y_linear = (np.zeros((each.shape[1], weight.shape[2]), each.dtype) for each in (x, y))
    return F.bilinear(x, y, weight, x_linear, y_linear, bias)


def op_inv(x):
    if x.ndim > 3:
        raise NotImplementedError("F.batch_inv takes one axis of matrices")
    return F.inv(x) if x.ndim == 2 else F.batch_inv(x)


def op_det(x):
    if x.ndim > 3:
        raise NotImplementedError("F.batch_det takes one axis of matrices")
    return F.det(x) if x.ndim == 2 else F.batch_det(x)


def op_cholesky(x):
    if x.ndim != 2:
        raise NotImplementedError("F.cholesky takes one matrix")
    return F.cholesky(x)
