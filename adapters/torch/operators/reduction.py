"""PyTorch: operators of sums and means."""

import torch


def op_sum(x, *, dim, keepdim):
    return torch.sum(x, dim=dim, keepdim=keepdim)


def op_mean(x, *, dim, keepdim):
    return torch.mean(x, dim=dim, keepdim=keepdim)


def op_prod(x, *, dim, keepdim):
    if len(dim) > 1:
        raise NotImplementedError("torch.prod takes one axis or all of them; asked for %s" % (dim,))
    return torch.prod(x, dim=dim[0], keepdim=keepdim)


def op_logsumexp(x, *, dim, keepdim):
    return torch.logsumexp(x, dim=dim, keepdim=keepdim)


def op_var(x, *, dim, correction, keepdim):
    return torch.var(x, dim=dim, correction=correction, keepdim=keepdim)


def op_amax(x, *, dim, keepdim):
    return torch.amax(x, dim=dim, keepdim=keepdim)


def op_amin(x, *, dim, keepdim):
    return torch.amin(x, dim=dim, keepdim=keepdim)
