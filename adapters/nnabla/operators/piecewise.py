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
