"""Chainer: operators of interpolation.

F.resize_images is for images of two axes, in float32. Its coordinates are those of align_corners, and with
align_corners=False of half_pixel; in the mode nearest those of asymmetric.
"""

import numpy as np
from chainer import functions as F


def _resized(x, size, **options):
    if len(size) != 2:
        raise NotImplementedError("F.resize_images is for images of two axes; here are %d" % len(size))
    if x.dtype != np.float32:
        raise NotImplementedError("F.resize_images is for float32 alone")
    if not hasattr(np, "float"):
        raise NotImplementedError("F.resize_images uses numpy.float, which NumPy has no more since 1.24")
    return F.resize_images(x, tuple(size), **options)


def op_interpolate_nearest(x, *, size, coordinates):
    ratios = [divmod(m, n) for m, n in zip(size, x.shape[2:])]
    if all(rest == 0 for _, rest in ratios):
        # Each element as often as it is read, with any of the coordinates.
        whole = [times for times, _ in ratios]
        return F.unpooling_nd(x, whole, stride=whole, pad=0, cover_all=False)
    if coordinates != "asymmetric":
        raise NotImplementedError("F.resize_images takes i n / m for the place of an element in the mode nearest")
    return _resized(x, size, mode="nearest")


def op_interpolate_linear(x, *, size, coordinates):
    if coordinates == "asymmetric":
        raise NotImplementedError("F.resize_images takes i n / m for the place of an element in the mode nearest alone")
    return _resized(x, size, mode="bilinear", align_corners=coordinates == "align_corners")
