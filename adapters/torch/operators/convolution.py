"""PyTorch: operators of convolution."""

from torch.nn import functional as F


def _convolved(convolution, x, weight, bias, stride, padding, dilation, groups):
    """Leave symmetric padding to the convolution, which knows no other; F.pad begins with the last axis."""
    before, after = zip(*padding)
    if before == after:
        return convolution(x, weight, bias, stride, before, dilation, groups)
    sides = [side for axis in reversed(padding) for side in axis]
    return convolution(F.pad(x, sides), weight, bias, stride, 0, dilation, groups)


def op_conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(F.conv1d, x, weight, bias, stride, padding, dilation, groups)


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(F.conv2d, x, weight, bias, stride, padding, dilation, groups)


def op_conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(F.conv3d, x, weight, bias, stride, padding, dilation, groups)


def op_conv_transpose1d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return F.conv_transpose1d(x, weight, bias, stride, padding, output_padding, groups, dilation)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)


def op_conv_transpose3d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return F.conv_transpose3d(x, weight, bias, stride, padding, output_padding, groups, dilation)


def op_depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups=x.shape[1])
