"""PyTorch: operators of sums and means."""

import torch


def op_sum(x, *, dim, keepdim):
    return torch.sum(x, dim=dim, keepdim=keepdim)


def op_mean(x, *, dim, keepdim):
    return torch.mean(x, dim=dim, keepdim=keepdim)
