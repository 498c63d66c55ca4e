"""NNabla: operators that choose elements."""

from nnabla import functions as F


def op_where(condition, x, y):
    if not condition.shape == x.shape == y.shape:
        raise NotImplementedError("F.where broadcasts nothing but the last axes of a condition that has fewer")
    return F.where(condition, x, y)


def op_masked_fill(x, mask, *, value):
    return F.bool_fill(x, mask, value)


def op_index_select(x, index, *, dim):
    return F.gather(x, index, axis=dim)


def op_gather(x, index, *, dim):
    # F.gather repeats the index over every axis that is no batch, so it is this one for the last axis alone.
    if dim != x.ndim - 1 or index.shape[:-1] != x.shape[:-1]:
        raise NotImplementedError("F.gather takes an index of its own for each row, and along the last axis alone")
    return F.gather(x, index, axis=dim, batch_dims=dim)


def op_gather_nd(x, index):
    return F.gather_nd(x, index)


def op_scatter_add(x, index, src, *, dim):
    return F.scatter_add(x, index, src, axis=dim)


def op_strided_slice(x, *, dim, start, end, step):
    begins, ends, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
    begins[dim], ends[dim], steps[dim] = start, end, step
    return F.slice(x, begins, ends, steps)


def op_select(x, *, dim, index):
    return x[(slice(None),) * dim + (index,)]


def op_diagonal(x, *, offset, dim1, dim2):
    if offset or (dim1, dim2) != (x.ndim - 2, x.ndim - 1):
        raise NotImplementedError("F.matrix_diag_part takes the main diagonal of the last two axes alone")
    if x.shape[-2] != x.shape[-1]:
        # Asked for [2, 3] it gives three numbers, the last one from behind the array.
        raise NotImplementedError("F.matrix_diag_part is for square matrices; these are %d x %d" % x.shape[-2:])
    return F.matrix_diag_part(x)


def op_diag_embed(x):
    return F.matrix_diag(x)


def _triangle(x, diagonal, upper):
    if not hasattr(F, "trilu"):
        raise NotImplementedError("F.trilu came after NNabla 1.35")
    return F.trilu(x, k=diagonal, upper=upper)


def op_tril(x, *, diagonal):
    return _triangle(x, diagonal, upper=False)


def op_triu(x, *, diagonal):
    return _triangle(x, diagonal, upper=True)
