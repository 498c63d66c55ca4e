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


def op_expm1(x):
    return torch.expm1(x)


def op_log1p(x):
    return torch.log1p(x)


def op_exp2(x):
    return torch.exp2(x)


def op_log2(x):
    return torch.log2(x)


def op_log10(x):
    return torch.log10(x)


def op_reciprocal(x):
    return torch.reciprocal(x)


def op_rsqrt(x):
    return torch.rsqrt(x)
