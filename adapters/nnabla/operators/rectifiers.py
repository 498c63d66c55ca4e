"""NNabla: rectifiers beside the plain ones of `piecewise.py`."""

from nnabla import functions as F


def op_relu6(x):
    return F.relu6(x)


def op_selu(x):
    # Its defaults are two digits short.
    return F.selu(x, scale=1.0507009873554805, alpha=1.6732632423543772)


def op_prelu(x, weight):
    # One slope for all has no axis, as in PF.prelu: of one with an axis nn.grad gives a gradient for each channel.
    slope = F.reshape(weight, (), inplace=False) if weight.shape == (1,) else weight
    return F.prelu(x, slope, base_axis=1)


def op_crelu(x, *, dim):
    return F.crelu(x, axis=dim)


# No op_celu: F.celu is elu(x) and elu(-x), one after the other.
