"""NNabla: operators of one tensor with a kink.

F.relu and its like still take inplace=True, and since some version before 1.32 ignore it. Nothing here asks for it,
because a capture needs every node to own its numbers.
"""

from nnabla import functions as F


def op_relu(x):
    return F.relu(x)


def op_abs(x):
    return F.abs(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, alpha=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_clamp(x, *, min, max):
    return F.clip_by_value(x, min, max)


def op_hardtanh(x, *, min_val, max_val):
    if (min_val, max_val) != (-1, 1):
        raise NotImplementedError("F.hard_tanh has the bounds -1 and 1; here they are %r and %r" % (min_val, max_val))
    return F.hard_tanh(x)


def op_hardsigmoid(x, *, slope):
    if slope != 0.2:
        raise NotImplementedError("F.hard_sigmoid has the slope 0.2; here it is %r" % slope)
    return F.hard_sigmoid(x)


def op_clamp_min(x, *, min):
    return F.maximum_scalar(x, min)


def op_clamp_max(x, *, max):
    return F.minimum_scalar(x, max)
