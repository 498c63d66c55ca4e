"""NNabla: operators of two tensors.

NNabla broadcasts an axis of length 1, but wants the same number of axes on both sides.
"""

from nnabla import functions as F


def _with_axes(x, ndim):
    return x if x.ndim == ndim else F.reshape(x, (1,) * (ndim - x.ndim) + x.shape, inplace=False)


def _aligned(x, y):
    ndim = max(x.ndim, y.ndim)
    return _with_axes(x, ndim), _with_axes(y, ndim)


def op_add(x, y):
    return F.add2(*_aligned(x, y))


def op_sub(x, y):
    return F.sub2(*_aligned(x, y))


def op_mul(x, y):
    return F.mul2(*_aligned(x, y))


def op_div(x, y):
    return F.div2(*_aligned(x, y))


def op_maximum(x, y):
    return F.maximum2(*_aligned(x, y))


def op_minimum(x, y):
    return F.minimum2(*_aligned(x, y))


def op_pow(x, exponent):
    return F.pow2(*_aligned(x, exponent))


def op_fmod(x, y):
    raise NotImplementedError("F.mod2 is this operator forwards, and has no backward: NNabla says so when it is run")


def op_atan2(y, x):
    return F.atan2(*_aligned(y, x))


def op_squared_difference(x, y):
    return F.squared_error(x, y)


def op_absolute_difference(x, y):
    return F.absolute_error(x, y)
