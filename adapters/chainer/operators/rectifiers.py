"""Chainer: rectifiers beside the plain ones of `piecewise.py`."""

import chainer
from chainer import functions as F


def op_relu6(x):
    return F.relu6(x)


def op_clipped_relu(x, *, z):
    return F.clipped_relu(x, z=float(z))


def op_selu(x):
    return F.selu(x)


def op_rrelu(x, *, lower, upper, training):
    if training:
        raise NotImplementedError("F.rrelu draws its own slopes, so rrelu in training cannot be compared")
    with chainer.using_config("train", False):
        return F.rrelu(x, l=lower, u=upper)


def op_prelu(x, weight):
    # One slope for all has no axis here.
    return F.prelu(x, F.reshape(weight, ()) if weight.shape == (1,) else weight)


def op_crelu(x, *, dim):
    return F.crelu(x, axis=dim)
