"""PyTorch: its version, its settings and its operators."""

import torch
from torch.nn import functional as F

VERSION = torch.__version__
DTYPES = {"float32": None, "float64": None}


def set_threads(n):
    """Compute with n threads, deterministically, in full precision; return the number of threads in force."""
    torch.set_num_threads(n)
    # The switch of use_deterministic_algorithms(True), which also imports the compiler: 0.8 s for nothing.
    torch.set_deterministic_debug_mode("error")
    torch.set_float32_matmul_precision("highest")
    return torch.get_num_threads()


# Elementwise


def op_relu(x):
    return F.relu(x)


def op_abs(x):
    return torch.abs(x)


def op_neg(x):
    return torch.neg(x)


def op_exp(x):
    return torch.exp(x)


def op_log(x):
    return torch.log(x)


def op_sqrt(x):
    return torch.sqrt(x)


def op_square(x):
    return torch.square(x)


def op_sigmoid(x):
    return torch.sigmoid(x)


def op_tanh(x):
    return torch.tanh(x)


def op_silu(x):
    return F.silu(x)


def op_leaky_relu(x, *, negative_slope):
    return F.leaky_relu(x, negative_slope=negative_slope)


def op_elu(x, *, alpha):
    return F.elu(x, alpha=alpha)


def op_softplus(x):
    return F.softplus(x)


def op_gelu(x, *, approximate):
    return F.gelu(x, approximate=approximate)


def op_clamp(x, *, min, max):
    return torch.clamp(x, min=min, max=max)


def op_add_scalar(x, *, value):
    return torch.add(x, value)


def op_mul_scalar(x, *, value):
    return torch.mul(x, value)


def op_pow_scalar(x, *, exponent):
    return torch.pow(x, exponent)


def op_dropout(x, *, p, training):
    return F.dropout(x, p=p, training=training)


# Binary


def op_add(x, y):
    return torch.add(x, y)


def op_sub(x, y):
    return torch.sub(x, y)


def op_mul(x, y):
    return torch.mul(x, y)


def op_div(x, y):
    return torch.div(x, y)


def op_maximum(x, y):
    return torch.maximum(x, y)


def op_minimum(x, y):
    return torch.minimum(x, y)


# Linear algebra


def op_linear(x, weight, bias):
    return F.linear(x, weight, bias)


def op_matmul(x, y):
    return torch.matmul(x, y)


def op_embedding(x, weight):
    return F.embedding(x, weight)


# Convolution


def op_conv2d(x, weight, bias, *, stride, padding, dilation, groups):
    (top, bottom), (left, right) = padding
    if (top, left) == (bottom, right):
        return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride, 0, dilation, groups)


def op_conv_transpose2d(x, weight, bias, *, stride, padding, output_padding, dilation, groups):
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)


# Pooling


def _refuse_wide_padding(kernel_size, padding):
    if any(2 * p > k for k, p in zip(kernel_size, padding)):
        raise NotImplementedError(f"torch pads at most half of the window {kernel_size}; asked for {padding}")


def op_max_pool2d(x, *, kernel_size, stride, padding):
    _refuse_wide_padding(kernel_size, padding)
    return F.max_pool2d(x, kernel_size, stride=stride, padding=padding, ceil_mode=False)


def op_avg_pool2d(x, *, kernel_size, stride, padding, count_include_pad):
    _refuse_wide_padding(kernel_size, padding)
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=count_include_pad)


# Normalisation


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    # torch updates the running statistics in place: those of the problem stay as they are.
    mean, var = running_mean.clone(), running_var.clone()
    y = F.batch_norm(x, mean, var, weight, bias, training=training, momentum=momentum, eps=eps)
    return (y, mean, var) if training else y


def op_layer_norm(x, weight, bias, *, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps=eps)


def op_softmax(x, *, dim):
    return F.softmax(x, dim=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, dim=dim)


# Shape


def op_flatten(x, *, start_dim):
    return torch.flatten(x, start_dim=start_dim)


def op_reshape(x, *, shape):
    return torch.reshape(x, shape)


def op_permute(x, *, dims):
    return torch.permute(x, dims)


def op_cat(xs, *, dim):
    return torch.cat(xs, dim=dim)


def op_narrow(x, *, dim, start, length):
    return torch.narrow(x, dim, start, length)


def op_pad(x, *, padding, value):
    # torch lists the last axis first.
    return F.pad(x, [n for pair in reversed(padding) for n in pair], value=value)


# Reduction


def op_sum(x, *, dim, keepdim):
    return torch.sum(x, dim=dim, keepdim=keepdim)


def op_mean(x, *, dim, keepdim):
    return torch.mean(x, dim=dim, keepdim=keepdim)


# Loss


def op_mse_loss(x, target, *, reduction):
    return F.mse_loss(x, target, reduction=reduction)


def op_l1_loss(x, target, *, reduction):
    return F.l1_loss(x, target, reduction=reduction)


def op_cross_entropy(x, target, *, reduction):
    return F.cross_entropy(x, target, reduction=reduction)


def op_nll_loss(x, target, *, reduction):
    return F.nll_loss(x, target, reduction=reduction)


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    return F.binary_cross_entropy_with_logits(x, target, reduction=reduction)
