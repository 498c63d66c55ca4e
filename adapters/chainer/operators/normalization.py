"""Chainer: operators of normalisation."""

from chainer import functions as F


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
