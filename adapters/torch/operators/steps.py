"""PyTorch: operators that are constant between jumps."""

import torch


def op_floor(x):
    return torch.floor(x)


def op_ceil(x):
    return torch.ceil(x)


def op_trunc(x):
    return torch.trunc(x)


def op_round(x):
    return torch.round(x)


def op_sign(x):
    return torch.sign(x)
