"""PyTorch: operators of two tensors."""

import torch


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
