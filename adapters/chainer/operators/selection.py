"""Chainer: operators that choose elements."""

import numpy as np
from chainer import functions as F


def _along(index, dim):
    """The index of each element that a gather reads, an array for each axis."""
    places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    places[dim] = index.array
    return tuple(places)


def op_where(condition, x, y):
    return F.where(condition.array.astype(bool), x, y)


def op_index_select(x, index, *, dim):
    return F.get_item(x, (slice(None),) * dim + (index.array,))


def op_gather(x, index, *, dim):
    return F.get_item(x, _along(index, dim))


def op_gather_nd(x, index):
    return F.get_item(x, tuple(index.array))


def op_index_add(x, index, src, *, dim):
    return F.scatter_add(x, (slice(None),) * dim + (index.array,), src)


def op_scatter_add(x, index, src, *, dim):
    return F.scatter_add(x, _along(index, dim), src)


def op_strided_slice(x, *, dim, start, end, step):
    return F.get_item(x, (slice(None),) * dim + (slice(start, end, step),))


def op_select(x, *, dim, index):
    return F.get_item(x, (slice(None),) * dim + (index,))


def op_diagonal(x, *, offset, dim1, dim2):
    return F.diagonal(x, offset=offset, axis1=dim1, axis2=dim2)
