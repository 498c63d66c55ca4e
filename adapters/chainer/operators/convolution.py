"""Chainer: operators of convolution."""

from chainer import functions as F
from chainer.utils import conv


def _symmetric(x, padding):
    """Leave symmetric padding to the convolution, which knows no other; do the rest in the graph."""
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)], "constant"), (0, 0)


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    x, pad = _symmetric(x, padding)
    return F.convolution_2d(x, weight, bias, stride=stride, pad=pad, dilate=dilation, groups=groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    if any(extra >= step for extra, step in zip(output_padding, stride)):
        raise NotImplementedError("F.deconvolution_2d can pad its output only by less than the stride")
    # Chainer is told the size of the output where others are told its padding.
    axes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
    size = [conv.get_deconv_outsize(n, k, s, p, d=d) + extra for n, k, s, p, d, extra in axes]
    return F.deconvolution_2d(x, weight, bias, stride, padding, size, dilate=dilation, groups=groups)
