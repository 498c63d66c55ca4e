"""Chainer: operators of pooling."""

from chainer import functions as F


def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pooling_2d(x, kernel_size, stride, padding, cover_all=False)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    if count_include_pad or not any(padding):
        return F.average_pooling_2d(x, kernel_size, stride, padding)
    return F.average_pooling_nd(x, kernel_size, stride, padding, pad_value=None)
