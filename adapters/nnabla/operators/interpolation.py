"""NNabla: operators of interpolation, along any number of the last axes."""

from nnabla import functions as F


def op_interpolate_nearest(x, *, size, coordinates):
    return F.interpolate(
        x,
        output_size=size,
        mode="nearest",
        align_corners=False,
        half_pixel=False,
        half_pixel_for_nn=coordinates == "half_pixel",
    )


def op_interpolate_linear(x, *, size, coordinates):
    return F.interpolate(
        x,
        output_size=size,
        mode="linear",
        align_corners=coordinates == "align_corners",
        half_pixel=coordinates == "half_pixel",
    )


def op_interpolate_cubic(x, *, size, coordinates, a):
    raise NotImplementedError("F.onnx_resize is this operator forwards, and has no backward: NNabla says so")
