"""PyTorch: operators that drop elements."""

from torch.nn import functional as F


def op_dropout(x, *, p, training):
    return F.dropout(x, p=p, training=training)
