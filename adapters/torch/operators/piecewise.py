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
