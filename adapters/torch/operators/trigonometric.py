"""PyTorch: functions of an angle, hyperbolic functions, and the inverses of both."""

import torch


def op_sin(x):
    return torch.sin(x)


def op_cos(x):
    return torch.cos(x)


def op_tan(x):
    return torch.tan(x)


def op_asin(x):
    return torch.asin(x)


def op_acos(x):
    return torch.acos(x)


def op_atan(x):
    return torch.atan(x)


def op_sinh(x):
    return torch.sinh(x)


def op_cosh(x):
    return torch.cosh(x)


def op_asinh(x):
    return torch.asinh(x)


def op_acosh(x):
    return torch.acosh(x)


def op_atanh(x):
    return torch.atanh(x)
