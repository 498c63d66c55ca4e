"""Chainer: operators that sample images between their elements. A grid has its two coordinates before its extents."""

import numpy as np
from chainer import functions as F


def op_affine_grid(theta, *, size, align_corners):
    if len(size) != 2 or not align_corners:
        raise NotImplementedError("F.spatial_transformer_grid is of two axes, and has -1 and 1 on their elements")
    return F.transpose(F.spatial_transformer_grid(theta, tuple(size)), (0, 2, 3, 1))


def op_grid_sample(x, grid, *, padding_mode, align_corners):
    if x.ndim != 4 or padding_mode != "zeros" or not align_corners:
        raise NotImplementedError(
            "F.spatial_transformer_sampler is of two axes, takes zeros beyond the image, has -1 and 1 on its elements"
        )
    return F.spatial_transformer_sampler(x, F.transpose(grid, (0, 3, 1, 2)))


def op_roi_align(x, *, boxes, output_size, spatial_scale, sampling_ratio, aligned):
    if aligned:
        raise NotImplementedError("F.roi_average_align_2d does not shift boxes by half an element")
    if x.dtype != np.float32:
        raise NotImplementedError("F.roi_average_align_2d is for float32 alone")
    boxes = np.array(boxes, dtype=np.float32)
    return F.roi_average_align_2d(
        x, boxes[:, [2, 1, 4, 3]], boxes[:, 0].astype(np.int32), tuple(output_size), spatial_scale, sampling_ratio
    )
