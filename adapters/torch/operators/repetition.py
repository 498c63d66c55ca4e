"""PyTorch: operators that read an element more than once."""

import torch
from torch.nn import functional as F


def op_expand(x, *, shape):
    return torch.broadcast_to(x, shape)


def op_sum_to_size(x, *, shape):
    return x.sum_to_size(shape)


def op_tile(x, *, dims):
    return torch.tile(x, dims)


def op_repeat_interleave(x, *, repeats, dim):
    return torch.repeat_interleave(x, repeats, dim=dim)


def _continued(x, padding, mode):
    spatial = max([x.ndim - i for i, sides in enumerate(padding) if any(sides)] + [x.ndim - 2, 1])
    if spatial > 3 or x.ndim - spatial not in (1, 2):
        raise NotImplementedError(
            "F.pad of mode %s pads up to three axes behind one or two that it leaves; asked for %s" % (mode, padding)
        )
    # torch lists the last axis first.
    return F.pad(x, [n for pair in reversed(padding[-spatial:]) for n in pair], mode=mode)


def op_reflection_pad(x, *, padding):
    return _continued(x, padding, "reflect")


def op_replication_pad(x, *, padding):
    return _continued(x, padding, "replicate")


def op_circular_pad(x, *, padding):
    return _continued(x, padding, "circular")


def op_unfold(x, *, kernel_size, dilation, padding, stride):
    return F.unfold(x, kernel_size, dilation=dilation, padding=padding, stride=stride)
