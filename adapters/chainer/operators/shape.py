"""Chainer: operators that choose and move elements."""

from chainer import functions as F


def own(y, x):
    """Give y a variable of its own: with nothing to do Chainer hands back x, whose gradient is another."""
    return F.identity(y) if y is x else y


def op_flatten(x, *, start_dim):
    return own(F.reshape(x, x.shape[:start_dim] + (-1,)), x)


def op_reshape(x, *, shape):
    return own(F.reshape(x, tuple(shape)), x)


def op_permute(x, *, dims):
    return F.transpose(x, tuple(dims))


def op_cat(xs, *, dim):
    return F.concat(xs, axis=dim)


def op_narrow(x, *, dim, start, length):
    return x[(slice(None),) * dim + (slice(start, start + length),)]


def op_pad(x, *, padding, value):
    return F.pad(x, padding, "constant", constant_values=value)
