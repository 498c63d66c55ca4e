"""NNabla: operators of losses.

NNabla's losses give one number per sample or element. F.huber_loss is d^2, or delta (2 |d| - delta), twice what others
call so, and F.kl_multinomial takes probabilities where kl_div takes their logarithms: neither is here.
"""

from nnabla import functions as F

REDUCTIONS = {"mean": F.mean, "sum": F.sum, "none": lambda terms: terms}


def _labels(target):
    """The target with the axis of classes, over which it is one number."""
    return F.reshape(target, (-1, 1), inplace=False)


def _by_sample(terms):
    """What has an extent of 1 over the classes, without that axis."""
    return F.reshape(terms, terms.shape[:1], inplace=False)


def op_mse_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.squared_error(x, target))


def op_l1_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.absolute_error(x, target))


def op_cross_entropy(x, target, *, reduction):
    return REDUCTIONS[reduction](_by_sample(F.softmax_cross_entropy(x, _labels(target), axis=1)))


def op_masked_cross_entropy(x, target, *, ignore_index, reduction):
    if ignore_index != -1:
        raise NotImplementedError("F.softmax_cross_entropy leaves out rows with the label -1 only")
    if reduction == "mean":
        raise NotImplementedError("NNabla has no mean over the rows that are not left out")
    return REDUCTIONS[reduction](_by_sample(F.softmax_cross_entropy(x, _labels(target), axis=1)))


def op_nll_loss(x, target, *, reduction):
    # F.categorical_cross_entropy wants probabilities and takes their logarithm itself.
    picked = F.gather(x, _labels(target), axis=1, batch_dims=1)
    return -REDUCTIONS[reduction](_by_sample(picked))


op_nll_loss.composed = "-gather(x, target), reduced"


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    # F.sigmoid_cross_entropy would cut a target of 0.3 down to 0, in its forward pass only.
    return REDUCTIONS[reduction](F.softplus(x) - x * target)


op_binary_cross_entropy_with_logits.composed = "softplus(x) - x * target, reduced"


def op_binary_cross_entropy(x, target, *, reduction):
    return REDUCTIONS[reduction](F.binary_cross_entropy(x, target))
