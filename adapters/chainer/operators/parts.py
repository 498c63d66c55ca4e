"""Operators that take a tensor apart: each part is a variable of its own."""

import numpy as np
from chainer import functions as F


def op_unbind(x, dim):
    return F.separate(x, dim)


def op_split(x, dim, sizes):
    return F.split_axis(x, np.cumsum(sizes)[:-1], dim)
