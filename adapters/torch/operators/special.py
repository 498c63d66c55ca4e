"""PyTorch: special functions of one tensor."""

import torch


def op_erf(x):
    return torch.erf(x)


def op_erfc(x):
    return torch.erfc(x)


def op_erfcx(x):
    return torch.special.erfcx(x)


def op_erfinv(x):
    return torch.erfinv(x)


def op_ndtr(x):
    return torch.special.ndtr(x)


def op_log_ndtr(x):
    return torch.special.log_ndtr(x)


def op_ndtri(x):
    return torch.special.ndtri(x)


def op_lgamma(x):
    return torch.lgamma(x)


def op_digamma(x):
    return torch.digamma(x)


def op_polygamma(x, *, n):
    return torch.polygamma(n, x)


def op_zeta(x, *, order):
    return torch.special.zeta(float(order), x)
