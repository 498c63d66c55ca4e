"""PyTorch: operators that put elements elsewhere."""

import torch
from torch.nn import functional as F


def op_stack(xs, *, dim):
    return torch.stack(xs, dim=dim)


def op_hstack(xs):
    return torch.hstack(xs)


def op_vstack(xs):
    return torch.vstack(xs)


def op_dstack(xs):
    return torch.dstack(xs)


def op_squeeze(x, *, dim):
    return torch.squeeze(x, dim=tuple(dim))


def op_unsqueeze(x, *, dim):
    return torch.unsqueeze(x, dim)


def op_transpose(x, *, dim0, dim1):
    return torch.transpose(x, dim0, dim1)


def op_movedim(x, *, source, destination):
    return torch.movedim(x, source, destination)


def op_flip(x, *, dims):
    return torch.flip(x, dims)


def op_roll(x, *, shifts, dims):
    return torch.roll(x, shifts, dims)


def op_pixel_shuffle(x, *, upscale_factor, mode):
    if mode != "CRD":
        raise NotImplementedError("F.pixel_shuffle takes channels in the order CRD; asked for %s" % mode)
    return F.pixel_shuffle(x, upscale_factor)


def op_pixel_unshuffle(x, *, downscale_factor, mode):
    if mode != "CRD":
        raise NotImplementedError("F.pixel_unshuffle gives channels in the order CRD; asked for %s" % mode)
    return F.pixel_unshuffle(x, downscale_factor)
