"""Chainer: operators of losses."""

from chainer import functions as F


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


op_nll_loss.composed = "-select_item(x, target), reduced"


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    # sigmoid_cross_entropy takes labels of type int only.
    return F.bernoulli_nll(target, x, reduce=reduction)
