"""NNabla: operators that are constant between jumps. All are straight-through estimators: the gradient is dy."""

from nnabla import functions as F


def op_floor(x):
    return F.floor(x)


def op_ceil(x):
    return F.ceil(x)


def op_round(x):
    return F.round(x)


def op_sign(x):
    return F.sign(x, alpha=0.0)
