"""NNabla: special functions of one tensor; it has erf alone."""

from nnabla import functions as F


def op_erf(x):
    return F.erf(x)
