"""NNabla: operators of losses.

NNabla's losses give one number per sample or element.
"""

from nnabla import functions as F

REDUCTIONS = {"mean": F.mean, "sum": F.sum}


def op_mse_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.squared_error(x, target))


def op_l1_loss(x, target, *, reduction):
    return REDUCTIONS[reduction](F.absolute_error(x, target))


def op_cross_entropy(x, target, *, reduction):
    return REDUCTIONS[reduction](F.softmax_cross_entropy(x, F.reshape(target, (-1, 1), inplace=False), axis=1))


def op_nll_loss(x, target, *, reduction):
    # F.categorical_cross_entropy wants probabilities and takes their logarithm itself.
    picked = F.gather(x, F.reshape(target, (-1, 1), inplace=False), axis=1, batch_dims=1)
    return -REDUCTIONS[reduction](picked)


op_nll_loss.composed = "-gather(x, target), reduced"


def op_binary_cross_entropy_with_logits(x, target, *, reduction):
    # F.sigmoid_cross_entropy would cut a target of 0.3 down to 0, in its forward pass only.
    return REDUCTIONS[reduction](F.softplus(x) - x * target)


op_binary_cross_entropy_with_logits.composed = "softplus(x) - x * target, reduced"
