"""PyTorch: operators that sample images between their elements; boxes are torchvision's."""

from torch.nn import functional as F


def op_affine_grid(theta, *, size, align_corners):
    # Of the number of channels nothing depends.
    return F.affine_grid(theta, [theta.shape[0], 1, *size], align_corners=align_corners)


def op_grid_sample(x, grid, *, padding_mode, align_corners):
    return F.grid_sample(x, grid, mode="bilinear", padding_mode=padding_mode, align_corners=align_corners)
