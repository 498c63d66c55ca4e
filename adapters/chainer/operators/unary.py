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
