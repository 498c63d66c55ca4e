"""NNabla: operators of pooling."""

from nnabla import functions as F


def op_max_pool2d(x, *, kernel_size, stride, padding):
    # The padding counts as minus infinity: NNabla leaves it out of the window.
    return F.max_pooling(x, kernel_size, stride=stride, pad=padding, ignore_border=True)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    return F.average_pooling(
        x, kernel_size, stride=stride, pad=padding, ignore_border=True, including_pad=count_include_pad
    )
