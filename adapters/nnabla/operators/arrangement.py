"""NNabla: operators that put elements elsewhere.

F.shift is no roll: what it moves in at an end is the nearest element or a reflection, never what left at the other one.
F.transpose is permute, and F.reshape reshape.
"""

from nnabla import functions as F


def op_stack(xs, *, dim):
    return F.stack(*xs, axis=dim)


def op_flip(x, *, dims):
    return F.flip(x, dims)
