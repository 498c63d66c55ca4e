"""How the angle of a point passes on the rounding errors of its coordinates: `np.arctan2`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.dual import RULES as DUAL_RULES
from gradconform.reference.tracked.rounding import ELEMENTARY, RULES, Part, Rounded

Array = NDArray[np.float64]


def angle(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) from the x axis, in [-pi, pi]: `np.arctan2`, of arrays of any type but complex."""
    return np.arctan2(y, x)


def of_angle(y: Array, x: Array, ey: Array, ex: Array) -> Array:
    """How far the angle of (x', y') may be from that of (x, y), where |x' - x| <= ex and |y' - y| <= ey.

    Seen from the origin a point that moves by e < r, its own distance, turns by arcsin(e / r) at most; with e >= r it
    may be anywhere. Where x < 0 and y' may have the other sign, or be zero of the other sign, it may cross the cut of
    the angle, and then it is off by 2 pi besides.
    """
    moved, distance = np.hypot(ex, ey), np.hypot(x, y)
    with np.errstate(all="ignore"):
        turned = np.where(moved < distance, np.arcsin(np.minimum(moved / distance, 1.0)), 2.0 * np.pi)
    crossed = (x - ex < 0) & (np.abs(y) <= ey) & (ey > 0)
    return np.where(moved == 0, 0.0, np.where(crossed, 2.0 * np.pi, turned))


def _of_arctan2(like: Rounded, value: Array, a: Part, b: Part) -> Rounded:
    if a[1] is None and b[1] is None:
        return like.rounded(value, None, ELEMENTARY)
    ey, ex = (np.zeros(()) if error is None else error for error in (a[1], b[1]))
    return like.rounded(value, of_angle(a[0], b[0], ey, ex), ELEMENTARY)


def _slope(_: Any, values: Any, tangents: Any) -> Any:
    """(x dy - y dx) / (x^2 + y^2)."""
    (y, x), (dy, dx) = values, tangents
    length = np.square(x) + np.square(y)
    parts = [x / length * dy] if dy is not None else []
    parts += [-(y / length) * dx] if dx is not None else []
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


RULES[np.arctan2] = _of_arctan2
DUAL_RULES[np.arctan2] = _slope
