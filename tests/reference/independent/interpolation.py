"""Independent forwards of the family `interpolation`: each element as a sum over the whole axis, by its kernel.

ONNX's Resize computes its scales in float32, and so tells no more than seven digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from oracles import forward


@forward
def interpolate_nearest(x: Any, *, size: Any, coordinates: str) -> Any:
    # Along each axis the last element whose beginning, in units of 1 / (2 m), is not behind the place.
    ahead = 0 if coordinates == "asymmetric" else 1
    for axis, m in enumerate(size, start=2):
        n = x.shape[axis]
        chosen = [max(k for k in range(n) if 2 * m * k <= (2 * i + ahead) * n) for i in range(m)]
        x = np.stack([np.take(x, k, axis=axis) for k in chosen], axis=axis)
    return x


def _resized(x: Any, size: Any, coordinates: str, kernel: Callable[[float], float]) -> Any:
    """Every axis by a kernel of the distance from the place, the border continued by three elements on each side."""
    for axis, m in enumerate(size, start=2):
        n = x.shape[axis]
        around = np.take(x, np.clip(np.arange(-3, n + 3), 0, n - 1), axis=axis)
        weights = np.array([[kernel(abs(at - k)) for k in range(-3, n + 3)] for at in _places(n, m, coordinates)])
        x = np.moveaxis(np.tensordot(weights, around, axes=(1, axis)), 0, axis)
    return x


def _places(n: int, m: int, coordinates: str) -> Any:
    if coordinates == "align_corners":
        return np.linspace(0, n - 1, m)
    ahead = 0.5 if coordinates == "half_pixel" else 0.0
    return (np.arange(m) + ahead) / m * n - ahead


@forward
def interpolate_linear(x: Any, *, size: Any, coordinates: str) -> Any:
    return _resized(x, size, coordinates, lambda s: max(1 - s, 0.0))


@forward
def interpolate_cubic(x: Any, *, size: Any, coordinates: str, a: float) -> Any:
    def keys(s: float) -> float:
        if s >= 2:
            return 0.0
        return (a + 2) * s**3 - (a + 3) * s**2 + 1 if s <= 1 else a * (s**3 - 5 * s**2 + 8 * s - 4)

    return _resized(x, size, coordinates, keys)
