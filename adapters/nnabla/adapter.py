"""NNabla's words for the operators, with parameters in the spec's layout."""

import math

import nnabla as nn
from nnabla import functions as F

VERSION = nn.__version__
DTYPES = {
    "float32": None,
    "float64": "its CPU backends are cpu:float and cpu:half, and cpu:float rounds float64 arrays to float32",
}
REDUCTIONS = {"mean": F.mean, "sum": F.sum}


def set_threads(n):
    """Return 1 whatever n is: NNabla's CPU functions run on the calling thread alone."""
    return 1


# Elementwise. F.relu, F.add2 and their like still take inplace=True, and since some version before 1.32 ignore
# it; nothing here asks for it, because a capture needs every node to own its numbers.


def op_relu(x):
    return F.relu(x)


def op_abs(x):
    return F.abs(x)


def op_neg(x):
    return -x


def op_exp(x):
    return F.exp(x)


def op_log(x):
    return F.log(x)


def op_sqrt(x):
    return x**0.5


def op_square(x):
    return x**2


def op_sigmoid(x):
    return F.sigmoid(x)


def op_tanh(x):
    return F.tanh(x)


def op_silu(x):
    return F.swish(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, alpha=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_softplus(x):
    return F.softplus(x)


def op_gelu(x, *, approximate):
    # F.gelu is the tanh form; the erf form has no name of its own.
    return F.gelu(x) if approximate == "tanh" else x * (F.erf(x * math.sqrt(0.5)) + 1) * 0.5


def op_clamp(x, *, min, max):
    return F.clip_by_value(x, min, max)


def op_add_scalar(x, *, value):
    return x + value


def op_mul_scalar(x, *, value):
    return x * value


def op_pow_scalar(x, *, exponent):
    return x**exponent


def op_dropout(x, *, p, training):
    if training:
        raise NotImplementedError("dropout in training mode draws its own mask, which no reference can know")
    # F.dropout has no evaluation mode: a network in evaluation is built without it.
    return F.identity(x)


# Binary. NNabla broadcasts an axis of length 1, but wants the same number of axes on both sides.


def _with_axes(x, ndim):
    return x if x.ndim == ndim else F.reshape(x, (1,) * (ndim - x.ndim) + x.shape, inplace=False)


def _aligned(x, y):
    ndim = max(x.ndim, y.ndim)
    return _with_axes(x, ndim), _with_axes(y, ndim)


def op_add(x, y):
    return F.add2(*_aligned(x, y))


def op_sub(x, y):
    return F.sub2(*_aligned(x, y))


def op_mul(x, y):
    return F.mul2(*_aligned(x, y))


def op_div(x, y):
    return F.div2(*_aligned(x, y))


def op_maximum(x, y):
    return F.maximum2(*_aligned(x, y))


def op_minimum(x, y):
    return F.minimum2(*_aligned(x, y))


# Linear algebra.


def op_linear(x, weight, bias):
    # The transpose stays in the graph, so the gradient comes back as [out, in].
    return F.affine(x, F.transpose(weight, (1, 0)), bias, base_axis=x.ndim - 1)


def op_matmul(x, y):
    # F.batch_matmul refuses matrices without a batch.
    return F.affine(x, y) if x.ndim == 2 else F.batch_matmul(x, y)


def op_embedding(x, weight):
    return F.embed(x, weight)


# Convolution.


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


# Pooling.


def op_max_pool2d(x, *, kernel_size, stride, padding):
    # The padding counts as minus infinity: NNabla leaves it out of the window.
    return F.max_pooling(x, kernel_size, stride=stride, pad=padding, ignore_border=True)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    return F.average_pooling(
        x, kernel_size, stride=stride, pad=padding, ignore_border=True, including_pad=count_include_pad
    )


# Normalisation.


def _shaped(parameter, shape):
    return None if parameter is None else F.reshape(parameter, shape, inplace=False)


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    shape = (1, x.shape[1]) + (1,) * (x.ndim - 2)
    weight, bias = _shaped(weight, shape), _shaped(bias, shape)
    # The statistics are written in place during forward, so NNabla refuses a function above them; an unlinked
    # reshape has none and shares the buffer's memory.
    mean, var = (each.reshape(shape, unlink=True) for each in (running_mean, running_var))
    y = F.batch_normalization(
        x, bias, weight, mean, var, decay_rate=1 - momentum, eps=eps, batch_stat=training
    )
    return (y, running_mean, running_var) if training else y


def op_layer_norm(x, weight, bias, *, eps):
    shape = (1,) * (x.ndim - 1) + (x.shape[-1],)
    weight, bias = _shaped(weight, shape), _shaped(bias, shape)
    return F.layer_normalization(x, bias, weight, batch_axis=list(range(x.ndim - 1)), eps=eps)


def op_softmax(x, *, dim):
    return F.softmax(x, axis=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, axis=dim)


# Shape.


def op_flatten(x, *, start_dim):
    return F.reshape(x, x.shape[:start_dim] + (-1,), inplace=False)


def op_reshape(x, *, shape):
    # By default F.reshape shares its input's data, which is then cleared or written for both at once.
    return F.reshape(x, shape, inplace=False)


def op_permute(x, *, dims):
    return F.transpose(x, dims)


def op_cat(xs, *, dim):
    # F.concatenate refuses a single tensor.
    return F.concatenate(*xs, axis=dim) if len(xs) > 1 else F.identity(xs[0])


def op_narrow(x, *, dim, start, length):
    return x[(slice(None),) * dim + (slice(start, start + length),)]


def op_pad(x, *, padding, value):
    return F.pad(x, [each for pair in padding for each in pair], constant_value=value)


# Reduction.


def op_sum(x, *, dim, keepdim):
    return F.sum(x, axis=dim, keepdims=keepdim)


def op_mean(x, *, dim, keepdim):
    return F.mean(x, axis=dim, keepdims=keepdim)


# Loss. NNabla's losses give one number per sample or element.


def op_mse_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.squared_error(x, target))


def op_l1_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.absolute_error(x, target))


def op_cross_entropy(x, target, *, reduction):
    return REDUCTIONS[reduction](
        F.softmax_cross_entropy(x, F.reshape(target, (-1, 1), inplace=False), axis=1)
    )


def op_nll_loss(x, target, *, reduction):
    # F.categorical_cross_entropy wants probabilities and takes their logarithm itself.
    picked = F.gather(x, F.reshape(target, (-1, 1), inplace=False), axis=1, batch_dims=1)
    return -REDUCTIONS[reduction](picked)


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    # F.sigmoid_cross_entropy would cut a target of 0.3 down to 0, in its forward pass only.
    return REDUCTIONS[reduction](F.softplus(x) - x * target)
