"""PyTorch: operators of losses of sequences."""

from torch.nn import functional as F


def op_ctc_loss(x, target, *, input_lengths, target_lengths, blank, reduction):
    # As its documentation has it: F.ctc_loss takes logarithms of probabilities, and the gradient that it hands back is
    # that of the logits, which log_softmax leaves as it is.
    logs = F.log_softmax(x, dim=2)
    return F.ctc_loss(logs, target, input_lengths, target_lengths, blank=blank, reduction=reduction)


op_ctc_loss.composed = "ctc_loss(log_softmax(x, dim=2))"
