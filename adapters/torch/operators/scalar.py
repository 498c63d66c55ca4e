"""PyTorch: operators of a tensor and a number."""

import torch


def op_add_scalar(x, *, value):
    return torch.add(x, value)


def op_mul_scalar(x, *, value):
    return torch.mul(x, value)


def op_pow_scalar(x, *, exponent):
    return torch.pow(x, exponent)
