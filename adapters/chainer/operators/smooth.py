"""Chainer: operators of one tensor that are smooth activations."""

import math

from chainer import functions as F


def op_softplus(x):
    return F.softplus(x)


def op_sigmoid(x):
    return F.sigmoid(x)


def op_tanh(x):
    return F.tanh(x)


def op_silu(x):
    # F.swish wants a slope for every channel.
    return x * F.sigmoid(x)


op_silu.composed = "x * sigmoid(x)"


def op_gelu(x, *, approximate):
    # Chainer has no gelu.
    if approximate == "tanh":
        return 0.5 * x * (1 + F.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + F.erf(x * math.sqrt(0.5)))


op_gelu.composed = "0.5 * x * (1 + erf(x * sqrt(0.5))), or with tanh"
