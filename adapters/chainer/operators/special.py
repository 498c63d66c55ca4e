"""Chainer: special functions of one tensor.

Most of them are SciPy's on the CPU, which Chainer does not require.
"""

import numpy
from chainer import functions as F


def with_scipy(function, *arguments):
    """What a function gives. Raises NotImplementedError, with Chainer's own sentence, where SciPy is not there."""
    try:
        return function(*arguments)
    except ImportError as error:
        raise NotImplementedError(str(error)) from error


def op_erf(x):
    return F.erf(x)


def op_erfc(x):
    return F.erfc(x)


def op_erfcx(x):
    return with_scipy(F.erfcx, x)


def op_erfinv(x):
    return with_scipy(F.erfinv, x)


def op_ndtr(x):
    return F.ndtr(x)


def op_log_ndtr(x):
    return with_scipy(F.log_ndtr, x)


def op_ndtri(x):
    return with_scipy(F.ndtri, x)


def op_lgamma(x):
    return with_scipy(F.lgamma, x)


def op_digamma(x):
    return with_scipy(F.digamma, x)


def op_polygamma(x, *, n):
    return with_scipy(F.polygamma, numpy.array(n), x)


def op_zeta(x, *, order):
    return with_scipy(F.zeta, float(order), x)
