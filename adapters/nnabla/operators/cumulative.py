"""NNabla: operators of running sums and products."""

from nnabla import functions as F


def op_cumsum(x, *, dim):
    return F.cumsum(x, axis=dim)


def op_cumprod(x, *, dim):
    return F.cumprod(x, axis=dim)
