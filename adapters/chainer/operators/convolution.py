"""Chainer: operators of convolution."""

from chainer import functions as F
from chainer.utils import conv


def _symmetric(x, padding):
    """Leave symmetric padding to the convolution, which knows no other; do the rest in the graph."""
    before, after = zip(*padding)
    if before == after:
        return x, before
    return F.pad(x, [(0, 0), (0, 0)] + [tuple(sides) for sides in padding], "constant"), (0,) * len(padding)


def _size(x, weight, stride, padding, output_padding, dilation):
    """The extents of the output of a deconvolution, which Chainer is told where others are told its padding."""
    if any(extra >= step for extra, step in zip(output_padding, stride)):
        raise NotImplementedError("Chainer's deconvolution can pad its output only by less than the stride")
    axes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
    return [conv.get_deconv_outsize(n, k, s, p, d=d) + extra for n, k, s, p, d, extra in axes]


def op_conv1d(x, weight, bias, *, stride, padding, dilation, groups):
    x, pad = _symmetric(x, padding)
    return F.convolution_1d(x, weight, bias, stride=stride, pad=pad, dilate=dilation, groups=groups)


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    x, pad = _symmetric(x, padding)
    return F.convolution_2d(x, weight, bias, stride=stride, pad=pad, dilate=dilation, groups=groups)


def op_conv3d(x, weight, bias, *, stride, padding, dilation, groups):
    x, pad = _symmetric(x, padding)
    return F.convolution_3d(x, weight, bias, stride=stride, pad=pad, dilate=dilation, groups=groups)


def op_conv_transpose1d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    size = _size(x, weight, stride, padding, output_padding, dilation)
    return F.deconvolution_1d(x, weight, bias, stride, padding, size, dilate=dilation, groups=groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    size = _size(x, weight, stride, padding, output_padding, dilation)
    return F.deconvolution_2d(x, weight, bias, stride, padding, size, dilate=dilation, groups=groups)


def op_conv_transpose3d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    size = _size(x, weight, stride, padding, output_padding, dilation)
    return F.deconvolution_3d(x, weight, bias, stride, padding, size, dilate=dilation, groups=groups)


def op_depthwise_conv2d(x, weight, bias, *, stride, padding, dilation):
    if list(dilation) != [1, 1]:
        raise NotImplementedError("F.depthwise_convolution_2d has no dilation")
    # Its weight is [m, C, kh, kw].
    weight = F.transpose(F.reshape(weight, (x.shape[1], -1) + weight.shape[2:]), (1, 0, 2, 3))
    return F.depthwise_convolution_2d(x, weight, bias, stride=tuple(stride), pad=tuple(padding))
