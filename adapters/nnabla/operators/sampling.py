"""NNabla: operators that sample images between their elements."""

import nnabla as nn
import numpy as np
from nnabla import functions as F

PADDING = {"zeros": "zero", "border": "repeat"}


def op_affine_grid(theta, *, size, align_corners):
    return F.affine_grid(theta, size=size, align_corners=align_corners)


def op_grid_sample(x, grid, *, padding_mode, align_corners):
    return F.warp_by_grid(x, grid, mode="linear", padding_mode=PADDING[padding_mode], align_corners=align_corners)


def op_roi_align(x, *, boxes, output_size, spatial_scale, sampling_ratio, aligned):
    if not aligned:
        raise NotImplementedError("F.roi_align shifts boxes by half an element")
    boxes = nn.Variable.from_numpy_array(np.array(boxes, dtype=np.float32))
    return F.roi_align(x, boxes, output_size, (spatial_scale, spatial_scale), sampling_ratio)
