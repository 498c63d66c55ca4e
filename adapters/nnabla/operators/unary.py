"""NNabla: operators of one tensor."""

from nnabla import functions as F


def op_neg(x):
    return -x


def op_exp(x):
    return F.exp(x)


def op_log(x):
    return F.log(x)


def op_sqrt(x):
    return x**0.5


def op_square(x):
    return x**2


def op_exp2(x):
    return F.r_pow_scalar(x, val=2)


def op_reciprocal(x):
    return F.r_div_scalar(x, val=1)


def op_rsqrt(x):
    return x**-0.5
