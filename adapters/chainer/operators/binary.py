"""Chainer: operators of two tensors."""

from chainer import functions as F


def op_add(x, y):
    return x + y


def op_sub(x, y):
    return x - y


def op_mul(x, y):
    return x * y


def op_div(x, y):
    return x / y


def op_maximum(x, y):
    return F.maximum(x, y)


def op_minimum(x, y):
    return F.minimum(x, y)
