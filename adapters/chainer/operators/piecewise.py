"""Chainer: operators of one tensor with a kink."""

from chainer import functions as F


def op_relu(x):
    return F.relu(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, slope=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_abs(x):
    return F.absolute(x)


def op_clamp(x, *, min, max):
    if min >= max:
        raise NotImplementedError("F.clip wants min < max; here they are %r and %r" % (min, max))
    return F.clip(x, min, max)
