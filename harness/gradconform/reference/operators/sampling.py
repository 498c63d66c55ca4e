"""Sampling of images between their elements, at places that are computed or given as boxes.

A grid holds places in fractions of the image, from -1 to 1, the last axis first: (x, y) for an image [H, W] and
(x, y, z) for a volume [D, H, W], as torch and NNabla have them. With `align_corners` -1 and 1 are the centres of the
first and of the last element, else the outer edges of these.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gradconform.reference.attributes import Flag, Pair, Positive, Real, Size, Sizes
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.computed import computed, whole_below
from gradconform.reference.tracked.places import Places, added, numbered, picked
from gradconform.reference.tracked.sums import scatter_sum
from gradconform.reference.tracked.ties import between, tied

Array = NDArray[Any]
PaddingMode = Literal["zeros", "border"]
Box = Annotated[list[Real], Field(min_length=5, max_length=5, description="[sample, x1, y1, x2, y2]")]
Boxes = Annotated[list[Box], Field(min_length=1, description="a list of [sample, x1, y1, x2, y2]")]


@operator
def affine_grid(theta: Any, *, size: Sizes, align_corners: Flag) -> Any:
    """The grid of the places theta (x, y, 1) for all (x, y) of a grid of its own, with two axes or with three.

    theta [N, d, d + 1]; size: the d extents; the grid [N, *size, d].  Jaderberg et al. (2015), section 3.2.
    """
    base = _base(theta, size, align_corners)
    return np.matmul(base, np.swapaxes(theta, -1, -2)).reshape(theta.shape[0], *size, len(size))


@affine_grid.vjp
def affine_grid_vjp(dy: Any, theta: Any, *, size: Sequence[int], align_corners: bool) -> Any:
    rows = dy.reshape(theta.shape[0], -1, len(size))
    return (np.matmul(np.swapaxes(rows, -1, -2), _base(theta, size, align_corners)),)


@affine_grid.shape
def affine_grid_shape(theta: Dims, *, size: Sizes) -> Dims:
    d = len(size)
    if d not in (2, 3) or len(theta) != 3 or theta[1:] != (d, d + 1):
        raise ShapeError(
            f"theta has shape {list(theta)} and size is {list(size)}; expected [N, 2, 3] with two extents or "
            "[N, 3, 4] with three"
        )
    return (theta[0], *size, d)


def _base(theta: Any, size: Sequence[int], align_corners: bool) -> Any:
    """The places (x, y, 1) of a grid, [N, places, d + 1], of the kind of theta."""
    lines = [(2.0 * np.arange(n) - (n - 1)) / (max(n - 1, 1) if align_corners else n) for n in size]
    axes = [*reversed(np.meshgrid(*lines, indexing="ij")), np.ones(tuple(size))]
    places = np.stack(axes, axis=-1).reshape(-1, len(size) + 1)
    # The last one is written as it is; the others take a quotient, a product and a sum.
    off = np.array([2.0] * len(size) + [0.0])
    return computed(np.broadcast_to(places, (theta.shape[0], *places.shape)), off, theta)


@dataclass(frozen=True)
class _Axis:
    """The places along one axis of an image.

    raw: [N, ...], between the indices of its n elements. at: the same, within the image where places beyond it count
    as its border. cell: of raw, the index of the element before it. below: that of at. slope: of raw in the grid.
    """

    raw: Any
    at: Any
    cell: Array
    below: Array
    n: int
    slope: float

    @property
    def weights(self) -> tuple[Any, Any]:
        """Those of the elements before and behind the place."""
        ahead = self.at - computed(self.below.astype(float), 0.0, self.at)
        return 1.0 - ahead, ahead


def _axes(grid: Any, image: Sequence[int], padding_mode: str, align_corners: bool) -> list[_Axis]:
    """The axes of an image in their order, whose coordinates are the grid's in the opposite one."""
    found = []
    for i, n in enumerate(image):
        from_zero = grid[..., len(image) - 1 - i] + 1.0
        raw = from_zero * (0.5 * (n - 1)) if align_corners else (from_zero * float(n) - 1.0) * 0.5
        at = np.minimum(np.maximum(raw, 0.0), float(n - 1)) if padding_mode == "border" else raw
        slope = 0.5 * (n - 1 if align_corners else n)
        found.append(_Axis(raw, at, whole_below(raw), whole_below(at), n, slope))
    return found


def _corners(x: Any, cells: Sequence[Array]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """For each corner of a cell its offset and the elements of x there, [N, C, ...], 0 beyond the image."""
    for offset in itertools.product((0, 1), repeat=len(cells)):
        inside, places = _elements(x.shape, cells, offset)
        yield offset, np.where(inside, picked(x, places), 0.0)


def _elements(shape: Dims, cells: Sequence[Array], offset: Sequence[int]) -> tuple[Array, Places]:
    """Whether a corner of each cell is an element of x, [N, 1, ...], and its place there [N, C, ...]."""
    image = shape[2:]
    indices = [cell + step for cell, step in zip(cells, offset, strict=True)]
    inside = np.all([(i >= 0) & (i < n) for i, n in zip(indices, image, strict=True)], axis=0)
    within = np.zeros(inside.shape, dtype=np.int64)
    for i, n in zip(indices, image, strict=True):
        within = within * n + np.clip(i, 0, n - 1)
    channels = numbered(shape[:2]).reshape(*shape[:2], *[1] * (inside.ndim - 1)) * math.prod(image)
    return inside[:, None], channels + within[:, None]


def _weight(axes: Sequence[_Axis], offset: Sequence[int], without: int | None = None) -> Any:
    """The weight of a corner, [N, 1, ...], but for the factor of one axis; None where that is the only one."""
    factors = [axis.weights[step] for i, (axis, step) in enumerate(zip(axes, offset, strict=True)) if i != without]
    return math.prod(factors[1:], start=factors[0])[:, None]


@operator
def grid_sample(x: Any, grid: Any, *, padding_mode: PaddingMode, align_corners: Flag) -> Any:
    """x at the places of the grid, linearly between the elements around each: bilinear, or trilinear of a volume.

    x [N, C, ...], of d axes; grid [N, ..., d]; y [N, C, ...] with the extents of the grid. What lies beyond the image
    is zero, or with `border` its nearest element.  Jaderberg et al. (2015), section 3.3.
    """
    axes = _axes(grid, x.shape[2:], padding_mode, align_corners)
    corners = _corners(x, [axis.below for axis in axes])
    terms = [(..., element * _weight(axes, offset)) for offset, element in corners]
    return scatter_sum((*x.shape[:2], *grid.shape[1:-1]), terms)


@grid_sample.vjp
def grid_sample_vjp(dy: Any, x: Any, grid: Any, *, padding_mode: str, align_corners: bool) -> Any:
    axes = _axes(grid, x.shape[2:], padding_mode, align_corners)
    cells = [axis.below for axis in axes]
    back: list[Any] = []
    for offset in itertools.product((0, 1), repeat=len(axes)):
        inside, places = _elements(x.shape, cells, offset)
        back += added(np.where(inside, dy * _weight(axes, offset), 0.0), places)
    slopes = [_slope(dy, x, axes, i, axis.cell, padding_mode)[..., None] for i, axis in enumerate(axes)]
    return scatter_sum((x.size,), back).reshape(x.shape), np.concatenate(slopes[::-1], axis=-1)


def _slope(dy: Any, x: Any, axes: Sequence[_Axis], along: int, cell: Array, padding_mode: str) -> Any:
    """The gradient of the grid's coordinate along one axis, [N, ...], as it is in a cell of that axis."""
    cells = [cell if i == along else axis.below for i, axis in enumerate(axes)]
    terms = []
    for offset, element in _corners(x, cells):
        part = dy * (element * _weight(axes, offset, without=along))
        terms.append((..., part if offset[along] else -part))
    slope = np.sum(scatter_sum(dy.shape, terms), axis=1) * axes[along].slope
    if padding_mode == "zeros":
        return slope
    return np.where((cell >= 0) & (cell < axes[along].n - 1), slope, 0.0)


@grid_sample.choices
def grid_sample_choices(x: Any, grid: Any, *, padding_mode: str, align_corners: bool) -> Any:
    """The cell of each place; it does not matter in which one beyond the image a place lies."""
    beyond = 1 if padding_mode == "border" else 2
    axes = _axes(grid, x.shape[2:], padding_mode, align_corners)
    return np.stack([np.clip(axis.cell, -beyond, axis.n - 2 + beyond) for axis in axes])


@grid_sample.subgradients
def grid_sample_subgradients(dy: Any, x: Any, grid: Any, *, padding_mode: str, align_corners: bool) -> Any:
    """On an element between what the cells before and behind it give; the gradient of x is the same in both."""
    dx, dgrid = grid_sample_vjp(dy, x, grid, padding_mode=padding_mode, align_corners=align_corners)
    axes = _axes(grid, x.shape[2:], padding_mode, align_corners)
    lows, highs = [], []
    for i, axis in enumerate(axes):
        nearest = whole_below(axis.raw + 0.5)
        sides = [_slope(dy, x, axes, i, nearest - step, padding_mode) for step in (1, 0)]
        own = dgrid[..., len(axes) - 1 - i]
        low, high = between(own, tied(axis.raw, nearest.astype(float)), *sides, nan=np.isnan(axis.raw))
        lows.append(low[..., None])
        highs.append(high[..., None])
    return (dx, dx), (np.concatenate(lows[::-1], axis=-1), np.concatenate(highs[::-1], axis=-1))


@grid_sample.shape
def grid_sample_shape(x: Dims, grid: Dims) -> Dims:
    d = len(x) - 2
    if d not in (2, 3) or len(grid) != d + 2 or grid[0] != x[0] or grid[-1] != d:
        raise ShapeError(
            f"x has shape {list(x)} and grid {list(grid)}; expected [N, C, H, W] and [N, ..., 2], or "
            "[N, C, D, H, W] and [N, ..., 3], of the same N and with as many axes"
        )
    return (*x[:2], *grid[1:-1])


@operator
def roi_align(
    x: Any, *, boxes: Boxes, output_size: Pair, spatial_scale: Positive, sampling_ratio: Size, aligned: Flag
) -> Any:
    """The mean over s x s places in each of the OH x OW parts of a box, x being taken bilinearly between its elements.

    x [N, C, H, W]; K boxes [sample, x1, y1, x2, y2] in units of 1 / spatial_scale elements; y [K, C, OH, OW]; s is
    sampling_ratio. A place more than one element beyond the image is zero, and one nearer counts as its border.  He et
    al. (2017), *Mask R-CNN*, section 3. With `aligned`, as torchvision calls it, boxes are shifted by half an element,
    since the centre of the first one is at 1/2; else a box is one element long or more.
    """
    each = [_box(x, box, output_size, spatial_scale, sampling_ratio, aligned) for box in boxes]
    means = [np.matmul(np.matmul(rows, x[n]), np.swapaxes(columns, -1, -2))[None] for n, rows, columns in each]
    return np.concatenate(means, axis=0)


@roi_align.vjp
def roi_align_vjp(
    dy: Any,
    x: Any,
    *,
    boxes: Sequence[Sequence[float]],
    output_size: Sequence[int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Any:
    parts = []
    for k, box in enumerate(boxes):
        n, rows, columns = _box(x, box, output_size, spatial_scale, sampling_ratio, aligned)
        parts.append((n, np.matmul(np.matmul(np.swapaxes(rows, -1, -2), dy[k]), columns)))
    return (scatter_sum(x.shape, parts),)


@roi_align.shape
def roi_align_shape(x: Dims, *, boxes: Boxes, output_size: Pair) -> Dims:
    if len(x) != 4:
        raise ShapeError(f"x has shape {list(x)}; expected 4 axes [N, C, H, W]")
    for box in boxes:
        if box[0] not in range(x[0]):
            raise ShapeError(f"a box is of sample {box[0]}; expected a whole number below {x[0]}, the extent of x")
    return (len(boxes), x[1], *output_size)


def _box(
    x: Any, box: Sequence[float], output_size: Sequence[int], scale: float, ratio: int, aligned: bool
) -> tuple[int, Any, Any]:
    """The sample of a box, and the weights of the rows [OH, H] and of the columns [OW, W] of x in its parts."""
    n, x1, y1, x2, y2 = box
    extents = ((y1, y2, x.shape[2], output_size[0]), (x1, x2, x.shape[3], output_size[1]))
    rows, columns = (
        computed(*_parts(first * scale, last * scale, length, parts, ratio, aligned), x)
        for first, last, length, parts in extents
    )
    return int(n), rows, columns


def _parts(first: float, last: float, length: int, parts: int, ratio: int, aligned: bool) -> tuple[Array, Array]:
    """The weights [parts, length] of the elements of an axis in the parts of a box, and their errors in roundoffs."""
    values, errors = np.zeros((parts, length)), np.zeros((parts, length))
    step = (last - first if aligned else max(last - first, 1.0)) / (parts * ratio)
    for part, i in np.ndindex(parts, ratio):
        place = first + (part * ratio + i + 0.5) * step - (0.5 if aligned else 0.0)
        if place < -1.0 or place > length:
            continue
        place = min(max(place, 0.0), length - 1.0)
        below = int(place)
        for at, weight in ((below, below + 1.0 - place), (min(below + 1, length - 1), place - below)):
            values[part, at] += weight / ratio
            # A product and two sums make the place, and one more the weight.
            errors[part, at] += (2.0 * (abs(first) + abs(place)) + 1.0) / ratio
    return values, errors
