"""Operators that take a tensor apart: each part is a tensor of its own."""

import torch


def op_unbind(x, dim):
    return torch.unbind(x, dim)


def op_split(x, dim, sizes):
    return torch.split(x, sizes, dim)
