"""Chainer: operators of pooling."""

from chainer import functions as F


def op_max_pool1d(x, *, kernel_size, stride, padding):
    return F.max_pooling_1d(x, kernel_size, stride, padding, cover_all=False)


def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pooling_2d(x, kernel_size, stride, padding, cover_all=False)


def op_max_pool2d_ceil(x, *, kernel_size, stride, padding):
    for n, k, s, p in zip(x.shape[2:], kernel_size, stride, padding):
        if -(-(n + 2 * p - k) // s) * s >= n + p:
            raise NotImplementedError("cover_all adds a window that begins behind x, which is minus infinity")
    return F.max_pooling_2d(x, kernel_size, stride, padding, cover_all=True)


def op_max_pool3d(x, *, kernel_size, stride, padding):
    return F.max_pooling_3d(x, kernel_size, stride, padding, cover_all=False)


def op_avg_pool1d(x, *, kernel_size, stride, padding, count_include_pad):
    counted = count_include_pad or not any(padding)
    return F.average_pooling_1d(x, kernel_size, stride, padding, pad_value=0 if counted else None)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    if count_include_pad or not any(padding):
        return F.average_pooling_2d(x, kernel_size, stride, padding)
    return F.average_pooling_nd(x, kernel_size, stride, padding, pad_value=None)


def op_avg_pool3d(x, *, kernel_size, stride, padding, count_include_pad):
    counted = count_include_pad or not any(padding)
    return F.average_pooling_3d(x, kernel_size, stride, padding, pad_value=0 if counted else None)
