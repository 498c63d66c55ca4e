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


def op_pow(x, exponent):
    return x**exponent


def op_fmod(x, y):
    if x.shape != y.shape:
        raise NotImplementedError("F.fmod hands back gradients of the broadcast shape; x and y must have the same")
    return F.fmod(x, y)


def op_atan2(y, x):
    if x.shape != y.shape:
        raise NotImplementedError("F.arctan2 hands back gradients of the broadcast shape; x and y must have the same")
    return F.arctan2(y, x)


def op_squared_difference(x, y):
    return F.squared_difference(x, y)


def op_absolute_difference(x, y):
    return F.absolute_error(x, y)
