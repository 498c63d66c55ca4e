"""PyTorch: operators of convolution."""

from torch.nn import functional as F


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride, 0, dilation, groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)
