"""PyTorch: operators of vectors and their lengths."""

import torch
from torch.nn import functional as F


def op_l2_normalize(x, *, dim, eps, eps_in):
    if eps_in != "maximum":
        raise NotImplementedError("F.normalize divides by max(length, eps); asked for eps in the %s" % eps_in)
    return F.normalize(x, p=2, dim=tuple(dim), eps=eps)


def op_vector_norm(x, *, ord, dim, keepdim):
    return torch.linalg.vector_norm(x, ord=ord, dim=tuple(dim), keepdim=keepdim)
