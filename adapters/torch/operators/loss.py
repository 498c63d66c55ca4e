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


def op_huber_loss(x, target, *, delta, reduction):
    return F.huber_loss(x, target, reduction=reduction, delta=delta)


def op_smooth_l1_loss(x, target, *, beta, reduction):
    return F.smooth_l1_loss(x, target, reduction=reduction, beta=beta)


def op_binary_cross_entropy(x, target, *, reduction):
    return F.binary_cross_entropy(x, target, reduction=reduction)


def op_kl_div(x, target, *, log_target, reduction):
    return F.kl_div(x, target, reduction=reduction, log_target=log_target)


def op_poisson_nll_loss(x, target, *, log_input, eps, reduction):
    return F.poisson_nll_loss(x, target, log_input=log_input, full=False, eps=eps, reduction=reduction)


def op_cosine_similarity(x, y, *, dim):
    return F.cosine_similarity(x, y, dim=dim, eps=0)


def op_weighted_cross_entropy(x, target, class_weight, *, reduction):
    return F.cross_entropy(x, target, weight=class_weight, reduction=reduction)


def op_masked_cross_entropy(x, target, *, ignore_index, reduction):
    return F.cross_entropy(x, target, ignore_index=ignore_index, reduction=reduction)


def op_smoothed_cross_entropy(x, target, *, label_smoothing, reduction):
    return F.cross_entropy(x, target, reduction=reduction, label_smoothing=label_smoothing)


def op_soft_cross_entropy(x, target, *, reduction):
    return F.cross_entropy(x, target, reduction=reduction)


def op_triplet_margin_loss(anchor, positive, negative, *, margin, eps, reduction):
    return F.triplet_margin_loss(
        anchor, positive, negative, margin=margin, p=2, eps=eps, swap=False, reduction=reduction
    )
