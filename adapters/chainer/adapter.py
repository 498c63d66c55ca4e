"""Chainer: the operators in ``chainer.functions``."""

import ctypes
import math
from pathlib import Path

import chainer
import numpy as np
from chainer import functions as F
from chainer.utils import conv

VERSION = chainer.__version__
DTYPES = {"float32": None, "float64": None}


def set_threads(n):
    """Let the matrix products use n threads and everything be deterministic; return the number in force.

    Chainer has no threads of its own: it computes in NumPy, and of that only BLAS runs on more than one.
    """
    chainer.global_config.cudnn_deterministic = True
    chainer.global_config.use_ideep = "never"
    blas, prefix, suffix = _openblas()
    getattr(blas, prefix + "openblas_set_num_threads" + suffix)(ctypes.c_int(n))
    return int(getattr(blas, prefix + "openblas_get_num_threads" + suffix)())


def _openblas():
    """The OpenBLAS that NumPy's wheel brought along, and what its functions are called there."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs", home / ".libs"):
        for path in sorted(folder.glob("*openblas*")):
            blas = ctypes.CDLL(str(path))
            for prefix, suffix in (("", ""), ("", "64_"), ("scipy_", ""), ("scipy_", "64_")):
                if hasattr(blas, prefix + "openblas_set_num_threads" + suffix):
                    return blas, prefix, suffix
    raise RuntimeError(
        "NumPy %s has no OpenBLAS of its own, so its threads cannot be set or told; "
        "install NumPy from its wheel" % np.__version__
    )


def _own(y, x):
    """Give y a variable of its own: with nothing to do Chainer hands back x, whose gradient is another."""
    return F.identity(y) if y is x else y


def _symmetric(x, padding):
    """Leave symmetric padding to the convolution, which knows no other; do the rest in the graph."""
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)], "constant"), (0, 0)


# Elementwise


def op_relu(x):
    return F.relu(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, slope=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_softplus(x):
    return F.softplus(x)


def op_sigmoid(x):
    return F.sigmoid(x)


def op_tanh(x):
    return F.tanh(x)


def op_silu(x):
    # F.swish wants a slope for every channel.
    return x * F.sigmoid(x)


def op_gelu(x, *, approximate):
    # Chainer has no gelu.
    if approximate == "tanh":
        return 0.5 * x * (1 + F.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + F.erf(x * math.sqrt(0.5)))


def op_abs(x):
    return F.absolute(x)


def op_neg(x):
    return -x


def op_exp(x):
    return F.exp(x)


def op_log(x):
    return F.log(x)


def op_sqrt(x):
    return F.sqrt(x)


def op_square(x):
    return F.square(x)


def op_clamp(x, *, min, max):
    if min >= max:
        raise NotImplementedError("F.clip wants min < max; here they are %r and %r" % (min, max))
    return F.clip(x, min, max)


def op_add_scalar(x, *, value):
    return x + value


def op_mul_scalar(x, *, value):
    return x * value


def op_pow_scalar(x, *, exponent):
    return x**exponent


def op_dropout(x, *, p, training):
    if training:
        raise NotImplementedError("F.dropout draws its own masks, so dropout in training cannot be compared")
    with chainer.using_config("train", False):
        return _own(F.dropout(x, ratio=p), x)


# Binary


def op_add(x, y):
    return x + y


def op_sub(x, y):
    return x - y


def op_mul(x, y):
    return x * y


def op_div(x, y):
    return x / y


def op_maximum(x, y):
    return F.maximum(x, y)


def op_minimum(x, y):
    return F.minimum(x, y)


# Linear algebra


def op_linear(x, weight, bias):
    return F.linear(x, weight, bias, n_batch_axes=x.ndim - 1)


def op_matmul(x, y):
    return F.matmul(x, y)


def op_embedding(x, weight):
    return F.embed_id(x, weight)


# Convolution and pooling


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


def op_max_pool2d(x, *, kernel_size, stride, padding):
    return F.max_pooling_2d(x, kernel_size, stride, padding, cover_all=False)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    if count_include_pad or not any(padding):
        return F.average_pooling_2d(x, kernel_size, stride, padding)
    return F.average_pooling_nd(x, kernel_size, stride, padding, pad_value=None)


# Normalisation


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    if not training:
        return F.fixed_batch_normalization(x, weight, bias, running_mean, running_var, eps=eps)
    # Chainer updates the statistics in place; the problem's own must stay as they are.
    mean, var, decay = running_mean.copy(), running_var.copy(), 1 - momentum
    y = F.batch_normalization(x, weight, bias, eps=eps, running_mean=mean, running_var=var, decay=decay)
    return y, mean, var


def op_layer_norm(x, weight, bias, *, eps):
    rows = F.reshape(x, (-1, x.shape[-1]))
    return F.reshape(F.layer_normalization(rows, weight, bias, eps=eps), x.shape)


def op_softmax(x, *, dim):
    return F.softmax(x, axis=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, axis=dim)


# Shape


def op_flatten(x, *, start_dim):
    return _own(F.reshape(x, x.shape[:start_dim] + (-1,)), x)


def op_reshape(x, *, shape):
    return _own(F.reshape(x, tuple(shape)), x)


def op_permute(x, *, dims):
    return F.transpose(x, tuple(dims))


def op_cat(xs, *, dim):
    return F.concat(xs, axis=dim)


def op_narrow(x, *, dim, start, length):
    return x[(slice(None),) * dim + (slice(start, start + length),)]


def op_pad(x, *, padding, value):
    return F.pad(x, padding, "constant", constant_values=value)


# Reduction


def op_sum(x, *, dim, keepdim):
    return F.sum(x, axis=tuple(dim), keepdims=keepdim)


def op_mean(x, *, dim, keepdim):
    return F.mean(x, axis=tuple(dim), keepdims=keepdim)


# Loss


def op_mse_loss(x, target, *, reduction):
    return F.mean_squared_error(x, target) if reduction == "mean" else F.sum(F.squared_error(x, target))


def op_l1_loss(x, target, *, reduction):
    return F.mean_absolute_error(x, target) if reduction == "mean" else F.sum(F.absolute_error(x, target))


def op_cross_entropy(x, target, *, reduction):
    if reduction == "mean":
        return F.softmax_cross_entropy(x, target, reduce="mean")
    return F.sum(F.softmax_cross_entropy(x, target, reduce="no"))


def op_nll_loss(x, target, *, reduction):
    picked = -F.select_item(x, target)
    return F.mean(picked) if reduction == "mean" else F.sum(picked)


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    # sigmoid_cross_entropy takes labels of type int only.
    return F.bernoulli_nll(target, x, reduce=reduction)
