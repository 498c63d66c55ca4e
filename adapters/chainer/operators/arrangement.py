"""Chainer: operators that put elements elsewhere."""

from chainer import functions as F


def op_stack(xs, *, dim):
    return F.stack(xs, axis=dim)


def op_hstack(xs):
    return F.hstack(xs)


def op_vstack(xs):
    return F.vstack(xs)


def op_dstack(xs):
    return F.dstack(xs)


def op_squeeze(x, *, dim):
    return F.squeeze(x, axis=tuple(dim))


def op_unsqueeze(x, *, dim):
    return F.expand_dims(x, axis=dim)


def op_transpose(x, *, dim0, dim1):
    return F.swapaxes(x, dim0, dim1)


def op_movedim(x, *, source, destination):
    return F.moveaxis(x, tuple(source), tuple(destination))


def op_flip(x, *, dims):
    if len(dims) > 1:
        raise NotImplementedError("F.flip takes one axis; asked for %s" % (dims,))
    return F.flip(x, dims[0])


def op_pixel_shuffle(x, *, upscale_factor, mode):
    if mode != "DCR":
        raise NotImplementedError("F.depth2space takes channels in the order DCR; asked for %s" % mode)
    return F.depth2space(x, upscale_factor)


def op_pixel_unshuffle(x, *, downscale_factor, mode):
    if mode != "DCR":
        raise NotImplementedError("F.space2depth gives channels in the order DCR; asked for %s" % mode)
    return F.space2depth(x, downscale_factor)
