"""Chainer: operators of normalisation."""

import numpy as np
from chainer import functions as F


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    # In place of what is absent, what links.BatchNormalization hands over.
    weight = np.ones(x.shape[1], x.dtype) if weight is None else weight
    bias = np.zeros(x.shape[1], x.dtype) if bias is None else bias
    if not training:
        return F.fixed_batch_normalization(x, weight, bias, running_mean, running_var, eps=eps)
    # Chainer updates the statistics in place; the problem's own must stay as they are.
    mean, var, decay = running_mean.copy(), running_var.copy(), 1 - momentum
    y = F.batch_normalization(x, weight, bias, eps=eps, running_mean=mean, running_var=var, decay=decay)
    return y, mean, var


def op_layer_norm(x, weight, bias, *, eps):
    if weight is None or bias is None:
        raise NotImplementedError("F.layer_normalization always scales and shifts")
    rows = F.reshape(x, (-1, x.shape[-1]))
    return F.reshape(F.layer_normalization(rows, weight, bias, eps=eps), x.shape)


def op_group_norm(x, weight, bias, *, num_groups, eps):
    if weight is None or bias is None:
        raise NotImplementedError("F.group_normalization always scales and shifts")
    return F.group_normalization(x, num_groups, weight, bias, eps=eps)


def op_normalize(x, *, dim):
    return F.normalize(x, eps=0, axis=dim)


def op_local_response_norm(x, *, size, alpha, beta, k):
    if size % 2 == 0:
        raise NotImplementedError("F.local_response_normalization takes a window of n + 1 channels where n is even")
    # Its alpha is that of the sum over the window, not of the mean.
    return F.local_response_normalization(x, n=size, k=k, alpha=alpha / size, beta=beta)


def op_softmax(x, *, dim):
    return F.softmax(x, axis=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, axis=dim)
