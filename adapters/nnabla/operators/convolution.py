"""NNabla: operators of convolution; two functions serve any number of axes."""

from nnabla import functions as F


def _convolved(x, weight, bias, stride, padding, dilation, groups):
    """Leave symmetric padding to the convolution, which knows no other."""
    pad, after = zip(*padding)
    if pad != after:
        x, pad = F.pad(x, [side for sides in padding for side in sides]), (0,) * len(padding)
    return F.convolution(x, weight, bias, pad=pad, stride=stride, dilation=dilation, group=groups)


def _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups):
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


def op_conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(x, weight, bias, stride, padding, dilation, groups)


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(x, weight, bias, stride, padding, dilation, groups)


def op_conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    return _convolved(x, weight, bias, stride, padding, dilation, groups)


def op_conv_transpose1d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups)


def op_conv_transpose3d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return _transposed(x, weight, bias, stride, padding, output_padding, dilation, groups)


def op_depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    multiplier = weight.shape[0] // x.shape[1]
    weight = F.reshape(weight, weight.shape[:1] + weight.shape[2:], inplace=False)
    return F.depthwise_convolution(
        x, weight, bias, pad=padding, stride=stride, dilation=dilation, multiplier=multiplier
    )
