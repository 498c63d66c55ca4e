"""NNabla: operators of vectors and their lengths."""

from nnabla import functions as F


def op_l2_normalize(x, *, dim, eps, eps_in):
    if eps_in != "square":
        raise NotImplementedError("F.norm_normalization adds eps to the squares; asked for eps in the %s" % eps_in)
    return F.norm_normalization(x, p=2, axes=dim, eps=eps)


def op_vector_norm(x, *, ord, dim, keepdim):
    return F.norm(x, p=ord, axis=dim, keepdims=keepdim)
