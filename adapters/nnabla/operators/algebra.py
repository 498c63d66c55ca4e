"""NNabla: operators of linear algebra beside the products of matrices."""

from nnabla import functions as F


def _refuse_all_but_stacks(x):
    if x.ndim != 3:
        raise NotImplementedError("NNabla's functions of matrices take one axis of them, [B, N, N]")


def op_einsum(x, y, *, equation):
    return F.einsum(x, y, equation=equation)


def op_inv(x):
    _refuse_all_but_stacks(x)
    return F.batch_inv(x)


def op_det(x):
    _refuse_all_but_stacks(x)
    return F.batch_det(x)


def op_logdet(x):
    _refuse_all_but_stacks(x)
    return F.batch_logdet(x)


def op_cholesky(x):
    _refuse_all_but_stacks(x)
    return F.batch_cholesky(x, upper=False)
