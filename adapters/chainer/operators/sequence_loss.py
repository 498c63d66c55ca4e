"""Chainer: operators of losses of sequences."""

import numpy as np
from chainer import functions as F


def op_ctc_loss(x, target, *, input_lengths, target_lengths, blank, reduction):
    if reduction == "mean":
        raise NotImplementedError("F.connectionist_temporal_classification does not divide by the lengths of targets")
    losses = F.connectionist_temporal_classification(
        F.separate(x, axis=0),
        target.array.astype(np.int32),
        blank,
        input_length=np.array(input_lengths, dtype=np.int32),
        label_length=np.array(target_lengths, dtype=np.int32),
        reduce="no",
    )
    return losses if reduction == "none" else F.sum(losses)
