"""PyTorch: operators of normalisation."""

import torch
from torch.nn import functional as F


def op_batch_norm(x, weight, bias, running_mean, running_var, *, eps, momentum, training):
    # torch updates the running statistics in place: those of the problem stay as they are.
    mean, var = running_mean.clone(), running_var.clone()
    y = F.batch_norm(x, mean, var, weight, bias, training=training, momentum=momentum, eps=eps)
    return (y, mean, var) if training else y


def op_layer_norm(x, weight, bias, *, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps=eps)


def op_group_norm(x, weight, bias, *, num_groups, eps):
    if weight is None and bias is not None:
        raise NotImplementedError("the backward of F.group_norm raises where a bias comes without a weight")
    return F.group_norm(x, num_groups, weight, bias, eps=eps)


def op_instance_norm(x, weight, bias, *, eps):
    return F.instance_norm(x, weight=weight, bias=bias, eps=eps)


def op_rms_norm(x, weight, *, eps):
    return F.rms_norm(x, x.shape[-1:], weight, eps=eps)


def op_normalize(x, *, dim):
    return F.normalize(x, p=2, dim=dim, eps=0)


def op_weight_norm(x, g, *, dim):
    # What torch.nn.utils.parametrizations.weight_norm calls, which has g with all axes of x.
    return torch._weight_norm(x, g.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)]), dim)


def op_local_response_norm(x, *, size, alpha, beta, k):
    return F.local_response_norm(x, size, alpha=alpha, beta=beta, k=k)


def op_softmax(x, *, dim):
    return F.softmax(x, dim=dim)


def op_log_softmax(x, *, dim):
    return F.log_softmax(x, dim=dim)
