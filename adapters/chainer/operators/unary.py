"""Chainer: operators of one tensor."""

from chainer import functions as F


def op_neg(x):
    return -x


def op_exp(x):
    return F.exp(x)


def op_log(x):
    return F.log(x)


def op_sqrt(x):
    return F.sqrt(x)


def op_square(x):
    return F.square(x)


def op_expm1(x):
    return F.expm1(x)


def op_log1p(x):
    return F.log1p(x)


def op_exp2(x):
    return 2**x


def op_log2(x):
    return F.log2(x)


def op_log10(x):
    return F.log10(x)


def op_reciprocal(x):
    return 1 / x


def op_rsqrt(x):
    return F.rsqrt(x)
