"""PyTorch: operators of interpolation.

F.interpolate knows the coordinates align_corners, and with align_corners=False half_pixel; no linear or cubic mode has
those of `asymmetric`.
"""

from torch.nn import functional as F

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _corners(coordinates):
    if coordinates == "asymmetric":
        raise NotImplementedError("F.interpolate takes i n / m for the place of an element in the mode nearest alone")
    return coordinates == "align_corners"


def op_interpolate_nearest(x, *, size, coordinates):
    return F.interpolate(x, size=size, mode="nearest" if coordinates == "asymmetric" else "nearest-exact")


def op_interpolate_linear(x, *, size, coordinates):
    return F.interpolate(x, size=size, mode=LINEAR[len(size)], align_corners=_corners(coordinates), antialias=False)


def op_interpolate_cubic(x, *, size, coordinates, a):
    if a != -0.75:
        raise NotImplementedError("F.interpolate has the parameter -0.75 in its cubic kernel; here it is %r" % a)
    if len(size) != 2:
        raise NotImplementedError("F.interpolate has a cubic mode for images of two axes alone")
    return F.interpolate(x, size=size, mode="bicubic", align_corners=_corners(coordinates), antialias=False)
