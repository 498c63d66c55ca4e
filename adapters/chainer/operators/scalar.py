"""Chainer: operators of a tensor and a number."""


def op_add_scalar(x, *, value):
    return x + value


def op_mul_scalar(x, *, value):
    return x * value


def op_pow_scalar(x, *, exponent):
    return x**exponent


def op_rsub_scalar(x, *, value):
    return value - x


def op_rdiv_scalar(x, *, value):
    return value / x


def op_rpow_scalar(x, *, base):
    return base**x
