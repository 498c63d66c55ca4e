"""Chainer: operators of sums and means."""

from chainer import functions as F


def op_sum(x, *, dim, keepdim):
    return F.sum(x, axis=tuple(dim), keepdims=keepdim)


def op_mean(x, *, dim, keepdim):
    return F.mean(x, axis=tuple(dim), keepdims=keepdim)


def op_prod(x, *, dim, keepdim):
    return F.prod(x, axis=tuple(dim), keepdims=keepdim)


def op_logsumexp(x, *, dim, keepdim):
    if keepdim:
        raise NotImplementedError("F.logsumexp keeps no axes")
    return F.logsumexp(x, axis=tuple(dim))


def op_amax(x, *, dim, keepdim):
    return F.max(x, axis=tuple(dim), keepdims=keepdim)


def op_amin(x, *, dim, keepdim):
    return F.min(x, axis=tuple(dim), keepdims=keepdim)
