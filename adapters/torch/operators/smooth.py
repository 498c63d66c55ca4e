"""PyTorch: operators of one tensor that are smooth activations."""

import torch
from torch.nn import functional as F


def op_sigmoid(x):
    return torch.sigmoid(x)


def op_tanh(x):
    return torch.tanh(x)


def op_silu(x):
    return F.silu(x)


def op_softplus(x):
    return F.softplus(x)


def op_gelu(x, *, approximate):
    return F.gelu(x, approximate=approximate)


def op_logsigmoid(x):
    return F.logsigmoid(x)


def op_mish(x):
    return F.mish(x)


def op_tanhshrink(x):
    return F.tanhshrink(x)


def op_glu(x, *, dim):
    return F.glu(x, dim=dim)
