"""NNabla: operators of pooling, of images of two and three axes; of one axis it pools nothing."""

from nnabla import functions as F


def _largest(x, kernel_size, stride, padding):
    # The padding counts as minus infinity: NNabla leaves it out of the window.
    return F.max_pooling(x, kernel_size, stride=stride, pad=padding, ignore_border=True)


def _mean(x, kernel_size, stride, padding, count_include_pad):
    return F.average_pooling(
        x, kernel_size, stride=stride, pad=padding, ignore_border=True, including_pad=count_include_pad
    )


def op_max_pool2d(x, *, kernel_size, stride, padding):
    return _largest(x, kernel_size, stride, padding)


def op_max_pool2d_ceil(x, *, kernel_size, stride, padding):
    for n, k, s, p in zip(x.shape[2:], kernel_size, stride, padding):
        if -(-(n + p) // s) > -(-(n + 2 * p - k) // s) + 1:
            raise NotImplementedError("ignore_border=False adds windows as long as they begin in x, all covered or not")
    return F.max_pooling(x, kernel_size, stride=stride, pad=padding, ignore_border=False)


def op_max_pool3d(x, *, kernel_size, stride, padding):
    return _largest(x, kernel_size, stride, padding)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    return _mean(x, kernel_size, stride, padding, count_include_pad)


def op_avg_pool3d(x, *, kernel_size, stride, padding, count_include_pad):
    return _mean(x, kernel_size, stride, padding, count_include_pad)


def op_adaptive_avg_pool2d(x, *, output_size):
    if list(output_size) != [1, 1]:
        raise NotImplementedError("NNabla has no adaptive pooling but F.global_average_pooling, of output size 1")
    return F.global_average_pooling(x)
