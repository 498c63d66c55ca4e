"""Operators that take a tensor apart: each part is a variable of its own. F.split takes every index by itself."""

from nnabla import functions as F


def op_unbind(x, dim):
    if x.shape[dim] == 1:
        raise NotImplementedError("F.split refuses an axis of one index: Split needs at least 2 outputs")
    return tuple(F.split(x, axis=dim))
