"""NNabla: operators of convolution."""

from nnabla import functions as F


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    (top, bottom), (left, right) = padding
    if (top, left) != (bottom, right):
        x, top, left = F.pad(x, (top, bottom, left, right)), 0, 0
    return F.convolution(x, weight, bias, pad=(top, left), stride=stride, dilation=dilation, group=groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    if any(extra >= step for extra, step in zip(output_padding, stride)):
        raise NotImplementedError("F.deconvolution wants an output_padding smaller than the stride")
    return F.deconvolution(
        x,
        weight,
        bias,
        pad=padding,
        stride=stride,
        dilation=dilation,
        group=groups,
        output_padding=output_padding,
    )
