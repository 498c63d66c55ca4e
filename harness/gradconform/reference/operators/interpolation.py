"""Resizing of [N, C, ...] along each axis behind the channels, to a given extent.

The place in x from which element i of an axis of extent m is taken is a number between the indices of x, of extent n:

| coordinates | place |
|---|---|
| `half_pixel` | (i + 1/2) n / m - 1/2: pixels are squares, and the outer edges of both images meet |
| `align_corners` | i (n - 1) / (m - 1): the centres of the first and of the last pixels meet; 0 where m is 1 |
| `asymmetric` | i n / m: the first edges meet |

The words are those of ONNX's operator Resize. Each place is computed from whole numbers here; a framework computes it
in the dtype, and errs by a few roundoffs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.attributes import Real, Sizes
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.computed import computed
from gradconform.reference.tracked.places import Places, numbered, picked, sent_back

Coordinates = Literal["half_pixel", "align_corners", "asymmetric"]
Array = NDArray[Any]


@operator
def interpolate_nearest(x: Any, *, size: Sizes, coordinates: Literal["half_pixel", "asymmetric"]) -> Any:
    """The element whose square the place lies in.  x [N, C, ...]; y [N, C, *size].

    Of index floor(i n / m) where it is `asymmetric`, and floor((i + 1/2) n / m) where it is `half_pixel`: modes
    `nearest` and `nearest-exact` of torch.
    """
    return picked(x, _nearest(x.shape, size, coordinates))


@interpolate_nearest.vjp
def interpolate_nearest_vjp(dy: Any, x: Any, *, size: Sequence[int], coordinates: str) -> Any:
    return (sent_back(dy, _nearest(x.shape, size, coordinates), x.shape),)


def _nearest(shape: Dims, size: Sequence[int], coordinates: str) -> Places:
    """The place in x of each element of y."""
    places = numbered(shape)
    for axis, m in enumerate(size, start=2):
        n, i = shape[axis], np.arange(m)
        places = np.take(places, i * n // m if coordinates == "asymmetric" else (2 * i + 1) * n // (2 * m), axis=axis)
    return places


@operator
def interpolate_linear(x: Any, *, size: Sizes, coordinates: Coordinates) -> Any:
    """Between the two elements beside the place in proportion, along one axis after the other.

    x [N, C, ...]; y [N, C, *size]. A place before the first or behind the last element counts as that element.
    With two axes it is called bilinear, with three trilinear.
    """
    return _resized(x, _matrices(x, size, coordinates, _linear_weights))


@interpolate_linear.vjp
def interpolate_linear_vjp(dy: Any, x: Any, *, size: Sequence[int], coordinates: str) -> Any:
    return (_resized(dy, [np.transpose(w) for w in _matrices(x, size, coordinates, _linear_weights)]),)


@operator
def interpolate_cubic(x: Any, *, size: Sizes, coordinates: Coordinates, a: Real) -> Any:
    """The four elements around the place, weighed by the cubic kernel of Keys (1981) with its parameter a.

    x [N, C, ...]; y [N, C, *size]. Its kernel of a distance s is (a + 2) s^3 - (a + 3) s^2 + 1 up to 1 and
    a (s^3 - 5 s^2 + 8 s - 4) up to 2. What lies before the first or behind the last element counts as that element.
    """
    return _resized(x, _matrices(x, size, coordinates, lambda t: _cubic_weights(t, a)))


@interpolate_cubic.vjp
def interpolate_cubic_vjp(dy: Any, x: Any, *, size: Sequence[int], coordinates: str, a: float) -> Any:
    weights = _matrices(x, size, coordinates, lambda t: _cubic_weights(t, a))
    return (_resized(dy, [np.transpose(w) for w in weights]),)


@interpolate_nearest.shape
@interpolate_linear.shape
@interpolate_cubic.shape
def interpolate_shape(x: Dims, *, size: Sizes) -> Dims:
    if len(x) != 2 + len(size) or len(size) > 3:
        raise ShapeError(
            f"x has shape {list(x)} and size is {list(size)}; expected [N, C, ...] and a number for each axis behind "
            "the channels, of which there are up to three"
        )
    return (*x[:2], *size)


def _resized(x: Any, matrices: Sequence[Any]) -> Any:
    """x with each axis behind the channels multiplied by its matrix [m, n]."""
    for axis, matrix in enumerate(matrices, start=2):
        x = np.moveaxis(np.matmul(np.moveaxis(x, axis, -1), np.transpose(matrix)), -1, axis)
    return x


def _matrices(x: Any, size: Sequence[int], coordinates: str, weights: Any) -> list[Any]:
    """The matrix [m, n] of each axis, of the kind of x."""
    return [computed(*_matrix(n, m, coordinates, weights), x) for n, m in zip(x.shape[2:], size, strict=True)]


def _matrix(n: int, m: int, coordinates: str, weights: Any) -> tuple[Array, Array]:
    """The weights [m, n] of the elements of an axis, and by how many roundoffs each may be off.

    A place is off by three roundings of its own size and of 1/2, a weight has slopes of up to 2 in it, and the kernel
    of four elements comes to numbers up to 1 through terms of up to 6. Where a place is a whole number, it may as well
    be taken for one just below.
    """
    values, errors = np.zeros((m, n)), np.zeros((m, n))
    for i in range(m):
        place = _place(i, n, m, coordinates)
        first = place.numerator // place.denominator
        taken = weights(float(place - first))
        off = 2.0 * float(abs(place)) + (2.0 if len(taken) == 2 else 8.0)
        reached = range(first - len(taken) // 2 + (place > first), first + len(taken) // 2 + 1)
        for at, weight in zip(range(first + 1 - len(taken) // 2, first + 1 + len(taken) // 2), taken, strict=True):
            values[i, min(max(at, 0), n - 1)] += weight
        for at in reached:
            errors[i, min(max(at, 0), n - 1)] = off
    return values, errors


def _place(i: int, n: int, m: int, coordinates: str) -> Fraction:
    """Where in x element i of y is taken from."""
    if coordinates == "align_corners":
        return Fraction(i * (n - 1), max(m - 1, 1))
    return Fraction(i * n, m) if coordinates == "asymmetric" else Fraction((2 * i + 1) * n - m, 2 * m)


def _linear_weights(t: float) -> list[float]:
    """The weights of the elements before and behind a place that is t behind the former."""
    return [1.0 - t, t]


def _cubic_weights(t: float, a: float) -> list[float]:
    """The weights of the four elements around such a place."""

    def near(s: float) -> float:
        return ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0

    def far(s: float) -> float:
        return ((a * s - 5.0 * a) * s + 8.0 * a) * s - 4.0 * a

    return [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
