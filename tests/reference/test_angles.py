"""The rule of `tracked/angles.py`: its bound holds over the whole interval of both errors, and is not idle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.angles import angle, of_angle
from gradconform.reference.tracked.dual import Dual
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")
POINTS = [(1.0, 0.3), (0.2, -1.5), (-0.7, -0.4), (-1e-3, 2.0), (3.0, 0.0), (1e-9, 2e-9)]
ERRORS = [1e-6, 1e-3, 0.3]


def farthest(y: float, x: float, ey: float, ex: float) -> float:
    """The largest difference of angles that a search finds, going the short way round."""
    rng = np.random.default_rng(4)
    along = np.concatenate([rng.uniform(-1, 1, (2000, 2)), np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)])])
    turned = np.arctan2(y + ey * along[:, 0], x + ex * along[:, 1]) - math.atan2(y, x)
    return float(np.max(np.abs(turned)))


@pytest.mark.parametrize("relative", ERRORS)
@pytest.mark.parametrize(("y", "x"), POINTS)
def test_no_angle_of_a_point_nearby_is_farther(y: float, x: float, relative: float) -> None:
    """The bound holds, and in the worst direction the angle comes up to a half of it; beyond the cut it is a turn."""
    ey, ex = relative * math.hypot(y, x), 0.5 * relative * math.hypot(y, x)
    bound = float(of_angle(*map(np.array, (y, x, ey, ex))))
    assert farthest(y, x, ey, ex) <= bound * (1 + 1e-9)
    assert farthest(y, x, ey, ex) >= 0.3 * bound


@pytest.mark.parametrize(("y", "x"), POINTS)
def test_a_bound_of_a_third_is_seen_to_be_too_narrow(y: float, x: float) -> None:
    """The twin: the search finds an angle outside a bound that is too small."""
    e = 1e-3 * math.hypot(y, x)
    assert farthest(y, x, e, e) > 0.3 * float(of_angle(*map(np.array, (y, x, e, e))))


def test_a_point_on_the_cut_may_be_on_either_side() -> None:
    """With an error in y the angle of (-1, 0) is pi or -pi; without one it is pi."""
    assert of_angle(np.array(0.0), np.array(-1.0), np.array(1e-7), np.array(0.0)) == 2 * math.pi
    assert of_angle(np.array(0.0), np.array(-1.0), np.array(0.0), np.array(0.1)) < 1.0


def test_what_is_exact_is_rounded_once() -> None:
    """Of exact coordinates the angle has the error of an elementary function alone."""
    y, x = (Rounded(np.array([1.0, -2.0]), unit=SINGLE) for _ in range(2))
    found: Any = angle(y, x)
    assert np.all(found.bound() <= 2.1 * SINGLE.roundoff * np.abs(found.value))
    assert np.all(found.bound() > 0)


@pytest.mark.parametrize(("y", "x"), POINTS)
def test_the_tangent_is_the_difference_quotient(y: float, x: float) -> None:
    """The dual number of an angle moves as the angle does, and one with the sign of x exchanged does not."""
    step, dy, dx = 1e-7 * math.hypot(y, x), 0.3, -0.8
    found: Any = angle(Dual(np.array(y), np.array(dy)), Dual(np.array(x), np.array(dx)))
    quotient = (math.atan2(y + step * dy, x + step * dx) - math.atan2(y - step * dy, x - step * dx)) / (2 * step)
    assert float(found.tangent) == pytest.approx(quotient, rel=1e-6)
    wrong: Any = angle(Dual(np.array(y), np.array(dy)), Dual(np.array(x), np.array(-dx)))
    assert x == 0.0 or float(wrong.tangent) != pytest.approx(quotient, rel=1e-3)
