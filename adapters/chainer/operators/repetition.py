"""Chainer: operators that read an element more than once."""

from chainer import functions as F

from .shape import own


def op_expand(x, *, shape):
    return own(F.broadcast_to(x, tuple(shape)), x)


def op_sum_to_size(x, *, shape):
    return own(F.sum_to(x, tuple(shape)), x)


def op_tile(x, *, dims):
    return F.tile(x, tuple(dims))


def op_repeat_interleave(x, *, repeats, dim):
    return F.repeat(x, repeats, axis=dim)


def op_reflection_pad(x, *, padding):
    return F.pad(x, padding, "reflect")


def op_replication_pad(x, *, padding):
    return F.pad(x, padding, "edge")


def op_circular_pad(x, *, padding):
    return F.pad(x, padding, "wrap")


def op_unfold(x, *, kernel_size, dilation, padding, stride):
    y = F.im2col(x, kernel_size, stride, padding, cover_all=False, dilate=dilation)
    return F.reshape(y, y.shape[:2] + (-1,))


op_unfold.composed = "im2col(x), whose two axes of windows are made into one"
