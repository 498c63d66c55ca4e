"""PyTorch: operators that choose and move elements."""

import torch
from torch.nn import functional as F


def op_flatten(x, *, start_dim):
    return torch.flatten(x, start_dim=start_dim)


def op_reshape(x, *, shape):
    return torch.reshape(x, shape)


def op_permute(x, *, dims):
    return torch.permute(x, dims)


def op_cat(xs, *, dim):
    return torch.cat(xs, dim=dim)


def op_narrow(x, *, dim, start, length):
    return torch.narrow(x, dim, start, length)


def op_pad(x, *, padding, value):
    # torch lists the last axis first.
    return F.pad(x, [n for pair in reversed(padding) for n in pair], value=value)
