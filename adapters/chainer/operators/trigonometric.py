"""Chainer: functions of an angle, hyperbolic functions, and the inverses of both; it has no arsinh and no arcosh."""

from chainer import functions as F


def op_sin(x):
    return F.sin(x)


def op_cos(x):
    return F.cos(x)


def op_tan(x):
    return F.tan(x)


def op_asin(x):
    return F.arcsin(x)


def op_acos(x):
    return F.arccos(x)


def op_atan(x):
    return F.arctan(x)


def op_sinh(x):
    return F.sinh(x)


def op_cosh(x):
    return F.cosh(x)


def op_atanh(x):
    return F.arctanh(x)
