"""PyTorch: operators of a tensor and a number."""

import torch


def op_add_scalar(x, *, value):
    return torch.add(x, value)


def op_mul_scalar(x, *, value):
    return torch.mul(x, value)


def op_pow_scalar(x, *, exponent):
    return torch.pow(x, exponent)


def op_rsub_scalar(x, *, value):
    return torch.rsub(x, value)


def op_rdiv_scalar(x, *, value):
    return value / x


def op_rpow_scalar(x, *, base):
    return torch.pow(base, x)
