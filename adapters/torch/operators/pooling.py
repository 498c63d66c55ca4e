"""PyTorch: operators of pooling."""

from torch.nn import functional as F


def _refuse_wide_padding(kernel_size, padding):
    if any(2 * p > k for k, p in zip(kernel_size, padding)):
        raise NotImplementedError(f"torch pads at most half of the window {kernel_size}; asked for {padding}")


def op_max_pool1d(x, *, kernel_size, stride, padding):
    _refuse_wide_padding(kernel_size, padding)
    return F.max_pool1d(x, kernel_size, stride=stride, padding=padding, ceil_mode=False)


def op_max_pool2d(x, *, kernel_size, stride, padding):
    _refuse_wide_padding(kernel_size, padding)
    return F.max_pool2d(x, kernel_size, stride=stride, padding=padding, ceil_mode=False)


def op_max_pool2d_ceil(x, *, kernel_size, stride, padding):
    _refuse_wide_padding(kernel_size, padding)
    return F.max_pool2d(x, kernel_size, stride=stride, padding=padding, ceil_mode=True)


def op_max_pool3d(x, *, kernel_size, stride, padding):
    _refuse_wide_padding(kernel_size, padding)
    return F.max_pool3d(x, kernel_size, stride=stride, padding=padding, ceil_mode=False)


def op_avg_pool1d(x, *, kernel_size, stride, padding, count_include_pad):
    _refuse_wide_padding(kernel_size, padding)
    return F.avg_pool1d(x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    _refuse_wide_padding(kernel_size, padding)
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad)


def op_avg_pool3d(x, *, kernel_size, stride, padding, count_include_pad):
    _refuse_wide_padding(kernel_size, padding)
    return F.avg_pool3d(x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad)


def op_adaptive_avg_pool2d(x, *, output_size):
    return F.adaptive_avg_pool2d(x, output_size)
