"""Chainer: operators of one tensor with a kink."""

import numpy as np
from chainer import functions as F


def op_relu(x):
    return F.relu(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, slope=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_abs(x):
    return F.absolute(x)


def op_clamp(x, *, min, max):
    if min >= max:
        raise NotImplementedError("F.clip wants min < max; here they are %r and %r" % (min, max))
    return F.clip(x, min, max)


def op_hardtanh(x, *, min_val, max_val):
    # The derivative of F.clip at its bounds is 1.
    if min_val != 0:
        raise NotImplementedError("F.clipped_relu cuts off below at 0; here min_val is %r" % min_val)
    return F.clipped_relu(x, z=float(max_val))


def op_hardsigmoid(x, *, slope):
    if slope != 0.2:
        raise NotImplementedError("F.hard_sigmoid has the slope 0.2; here it is %r" % slope)
    return F.hard_sigmoid(x)


def op_clamp_min(x, *, min):
    # The bound is an operand of its own, of x's dtype.
    return F.maximum(x, np.full((), min, dtype=x.dtype))


def op_clamp_max(x, *, max):
    # The bound is an operand of its own, of x's dtype.
    return F.minimum(x, np.full((), max, dtype=x.dtype))
