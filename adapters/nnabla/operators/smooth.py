"""NNabla: operators of one tensor that are smooth activations."""

import math

from nnabla import functions as F


def op_sigmoid(x):
    return F.sigmoid(x)


def op_tanh(x):
    return F.tanh(x)


def op_silu(x):
    return F.swish(x)


def op_softplus(x):
    return F.softplus(x)


def op_gelu(x, *, approximate):
    # F.gelu is the tanh form; the erf form has no name of its own.
    return F.gelu(x) if approximate == "tanh" else x * (F.erf(x * math.sqrt(0.5)) + 1) * 0.5


op_gelu.composed = "0.5 * x * (1 + erf(x * sqrt(0.5))); gelu where it is approximated by tanh"


def op_logsigmoid(x):
    return F.log_sigmoid(x)


def op_mish(x):
    return F.mish(x)


def op_tanhshrink(x):
    return F.tanh_shrink(x)
