"""PyTorch: operators of one tensor with a kink."""

import torch
from torch.nn import functional as F


def op_relu(x):
    return F.relu(x)


def op_abs(x):
    return torch.abs(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, negative_slope=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_clamp(x, *, min, max):
    return torch.clamp(x, min=min, max=max)


def op_hardtanh(x, *, min_val, max_val):
    return F.hardtanh(x, min_val=min_val, max_val=max_val)


def op_hardsigmoid(x, *, slope):
    if slope != 1 / 6:
        raise NotImplementedError("F.hardsigmoid has the slope 1/6; here it is %r" % slope)
    return F.hardsigmoid(x)


def op_hardswish(x):
    return F.hardswish(x)


def op_softshrink(x, *, lambd):
    return F.softshrink(x, lambd=lambd)


def op_hardshrink(x, *, lambd):
    return F.hardshrink(x, lambd=lambd)


def op_clamp_min(x, *, min):
    return torch.clamp_min(x, min)


def op_clamp_max(x, *, max):
    return torch.clamp_max(x, max)
