"""PyTorch: operators that choose elements."""

import torch


def op_where(condition, x, y):
    return torch.where(condition.bool(), x, y)


def op_masked_fill(x, mask, *, value):
    return torch.masked_fill(x, mask.bool(), value)


def op_index_select(x, index, *, dim):
    return torch.index_select(x, dim, index)


def op_gather(x, index, *, dim):
    return torch.gather(x, dim, index)


def op_gather_nd(x, index):
    return x[tuple(index)]


def op_index_add(x, index, src, *, dim):
    return torch.index_add(x, dim, index, src)


def op_scatter_add(x, index, src, *, dim):
    return torch.scatter_add(x, dim, index, src)


def op_strided_slice(x, *, dim, start, end, step):
    return x[(slice(None),) * dim + (slice(start, end, step),)]


def op_select(x, *, dim, index):
    return torch.select(x, dim, index)


def op_diagonal(x, *, offset, dim1, dim2):
    return torch.diagonal(x, offset=offset, dim1=dim1, dim2=dim2)


def op_diag_embed(x):
    return torch.diag_embed(x)


def op_tril(x, *, diagonal):
    return torch.tril(x, diagonal=diagonal)


def op_triu(x, *, diagonal):
    return torch.triu(x, diagonal=diagonal)
