"""PyTorch: operators of two tensors."""

import torch
from torch.nn import functional as F


def op_add(x, y):
    return torch.add(x, y)


def op_sub(x, y):
    return torch.sub(x, y)


def op_mul(x, y):
    return torch.mul(x, y)


def op_div(x, y):
    return torch.div(x, y)


def op_maximum(x, y):
    return torch.maximum(x, y)


def op_minimum(x, y):
    return torch.minimum(x, y)


def op_pow(x, exponent):
    return torch.pow(x, exponent)


def op_fmod(x, y):
    return torch.fmod(x, y)


def op_atan2(y, x):
    return torch.atan2(y, x)


def op_squared_difference(x, y):
    return F.mse_loss(x, y, reduction="none")


def op_absolute_difference(x, y):
    return F.l1_loss(x, y, reduction="none")
