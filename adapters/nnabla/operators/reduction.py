"""NNabla: operators of sums and means."""

from nnabla import functions as F


def op_sum(x, *, dim, keepdim):
    return F.sum(x, axis=dim, keepdims=keepdim)


def op_mean(x, *, dim, keepdim):
    return F.mean(x, axis=dim, keepdims=keepdim)


def op_prod(x, *, dim, keepdim):
    return F.prod(x, axis=dim, keepdims=keepdim)


def op_amax(x, *, dim, keepdim):
    return F.max(x, axis=dim, keepdims=keepdim)


def op_amin(x, *, dim, keepdim):
    return F.min(x, axis=dim, keepdims=keepdim)
