"""NNabla: functions of an angle, hyperbolic functions, and the inverses of both."""

from nnabla import functions as F


def op_sin(x):
    return F.sin(x)


def op_cos(x):
    return F.cos(x)


def op_tan(x):
    return F.tan(x)


def op_asin(x):
    return F.asin(x)


def op_acos(x):
    return F.acos(x)


def op_atan(x):
    return F.atan(x)


def op_sinh(x):
    return F.sinh(x)


def op_cosh(x):
    return F.cosh(x)


def op_asinh(x):
    return F.asinh(x)


def op_acosh(x):
    return F.acosh(x)


def op_atanh(x):
    return F.atanh(x)
