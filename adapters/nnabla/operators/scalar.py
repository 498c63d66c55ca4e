"""NNabla: operators of a tensor and a number."""

from nnabla import functions as F


def op_add_scalar(x, *, value):
    return x + value


def op_mul_scalar(x, *, value):
    return x * value


def op_pow_scalar(x, *, exponent):
    return x**exponent


def op_rsub_scalar(x, *, value):
    return F.r_sub_scalar(x, val=value)


def op_rdiv_scalar(x, *, value):
    return F.r_div_scalar(x, val=value)


def op_rpow_scalar(x, *, base):
    return F.r_pow_scalar(x, val=base)
