"""PyTorch: operators of one tensor."""

import torch


def op_neg(x):
    return torch.neg(x)


def op_exp(x):
    return torch.exp(x)


def op_log(x):
    return torch.log(x)


def op_sqrt(x):
    return torch.sqrt(x)


def op_square(x):
    return torch.square(x)
