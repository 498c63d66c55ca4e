"""Independent forwards of the family `sampling`: each element by itself, as a sum of hat functions over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward


@forward
def affine_grid(theta: Any, *, size: Any, align_corners: bool) -> Any:
    # As ONNX's AffineGrid, whose evaluator computes it in float32.
    y = np.empty((theta.shape[0], *size, len(size)))
    for sample, *at in np.ndindex(*y.shape[:-1]):
        ends = [(n - 1) / n if n > 1 and not align_corners else float(n > 1) for n in size]
        place = [np.linspace(-end, end, n)[i] for end, n, i in zip(ends, size, at, strict=True)]
        y[(sample, *at)] = theta[sample, :, :-1] @ place[::-1] + theta[sample, :, -1]
    return y


def _hats(at: float, n: int) -> Any:
    """The weight of each of n elements at a place between them."""
    return np.maximum(1.0 - np.abs(np.arange(n) - at), 0.0)


@forward
def grid_sample(x: Any, grid: Any, *, padding_mode: str, align_corners: bool) -> Any:
    y = np.empty((*x.shape[:2], *grid.shape[1:-1]))
    for sample, *out in np.ndindex(*grid.shape[:-1]):
        image = x[sample]
        for n, g in zip(x.shape[2:], grid[(sample, *out)][::-1], strict=True):
            at = (g + 1) / 2 * (n - 1) if align_corners else (g + 1) / 2 * n - 0.5
            at = min(max(at, 0), n - 1) if padding_mode == "border" else at
            image = np.tensordot(image, _hats(at, n), axes=(1, 0))
        y[(sample, slice(None), *out)] = image
    return y


@forward
def roi_align(x: Any, *, boxes: Any, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool) -> Any:
    y = np.zeros((len(boxes), x.shape[1], *output_size))
    for k, box in enumerate(boxes):
        x1, y1, x2, y2 = (spatial_scale * each for each in box[1:])
        for i, j, a, b in np.ndindex(*output_size, sampling_ratio, sampling_ratio):
            image = x[int(box[0])]
            for n, first, last, parts, at in (
                (x.shape[2], y1, y2, output_size[0], i + (a + 0.5) / sampling_ratio),
                (x.shape[3], x1, x2, output_size[1], j + (b + 0.5) / sampling_ratio),
            ):
                place = first + max(last - first, 0 if aligned else 1) * at / parts - aligned / 2
                hats = _hats(min(max(place, 0), n - 1), n) * (-1 <= place <= n)
                image = np.tensordot(image, hats, axes=(1, 0))
            y[k, :, i, j] += image / sampling_ratio**2
    return y
