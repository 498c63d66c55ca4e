"""PyTorch: rectifiers beside the plain ones of `piecewise.py`."""

from torch.nn import functional as F


def op_relu6(x):
    return F.relu6(x)


def op_clipped_relu(x, *, z):
    # Of this name torch has none.
    return F.hardtanh(x, min_val=0.0, max_val=z)


def op_selu(x):
    return F.selu(x)


def op_celu(x, *, alpha):
    return F.celu(x, alpha=alpha)


def op_rrelu(x, *, lower, upper, training):
    return F.rrelu(x, lower=lower, upper=upper, training=training)


def op_prelu(x, weight):
    return F.prelu(x, weight)
