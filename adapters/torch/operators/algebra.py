"""PyTorch: operators of linear algebra beside the products of matrices."""

import torch
from torch.nn import functional as F


def op_einsum(x, y, *, equation):
    return torch.einsum(equation, x, y)


def op_tensordot(x, y, *, dims):
    return torch.tensordot(x, y, dims=dims)


def op_outer(x, y):
    return torch.outer(x, y)


def op_dot(x, y):
    return torch.dot(x, y)


def op_trace(x):
    return torch.trace(x)


def op_bilinear(x, y, weight, bias):
    return F.bilinear(x, y, weight, bias)


def op_inv(x):
    return torch.linalg.inv(x)


def op_det(x):
    return torch.linalg.det(x)


def op_logdet(x):
    # torch.logdet is NaN where the determinant is negative.
    return torch.linalg.slogdet(x).logabsdet


def op_cholesky(x):
    return torch.linalg.cholesky(x)
