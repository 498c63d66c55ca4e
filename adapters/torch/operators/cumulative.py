"""PyTorch: operators of running sums and products."""

import torch


def op_cumsum(x, *, dim):
    return torch.cumsum(x, dim=dim)


def op_cumprod(x, *, dim):
    return torch.cumprod(x, dim=dim)
