"""PyTorch: operators of losses."""

from torch.nn import functional as F


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
