"""PyTorch: operators of more than two tensors."""

import torch


def op_lerp(start, end, weight):
    return torch.lerp(start, end, weight)
