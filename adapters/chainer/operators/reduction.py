"""Chainer: operators of sums and means."""

from chainer import functions as F


def op_sum(x, *, dim, keepdim):
    return F.sum(x, axis=tuple(dim), keepdims=keepdim)


def op_mean(x, *, dim, keepdim):
    return F.mean(x, axis=tuple(dim), keepdims=keepdim)
