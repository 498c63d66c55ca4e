"""Which element of a window wins, where it is not simply the largest."""

from __future__ import annotations

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.reference import OPERATORS, ShapeError
from gradconform.reference.tracked.rounding import Rounded

POOL = OPERATORS["max_pool2d"]
PAIRS = {"kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]}
PADDED = {"kernel_size": [2, 2], "stride": [2, 2], "padding": [1, 1]}


def winner(window: list[list[float]]) -> list[list[float]]:
    """The gradient of one 2 x 2 window whose output's gradient is 3."""
    x = np.asarray(window)[None, None]
    return list(POOL.run_vjp(np.full((1, 1, 1, 1), 3.0), [x], PAIRS)[0][0, 0].tolist())


def test_the_first_of_equals_wins_in_row_major_order() -> None:
    """Neither the last, nor each of them."""
    assert winner([[1, 2], [2, 2]]) == [[0, 3], [0, 0]]
    assert winner([[0, 0], [0, 0]]) == [[3, 0], [0, 0]]
    assert winner([[-1, -2], [0, -1]]) == [[0, 0], [3, 0]]


def test_a_window_of_minus_infinity_still_has_a_winner() -> None:
    """Padding never takes the gradient, though it is as large."""
    x = np.full((1, 1, 2, 2), -np.inf)
    dy = np.arange(1.0, 5.0).reshape(1, 1, 2, 2)
    assert POOL.run_vjp(dy, [x], PADDED)[0][0, 0].tolist() == [[1, 2], [3, 4]]


def test_a_nan_wins() -> None:
    """What is not a number is not passed over."""
    x = np.array([[5.0, np.nan], [7.0, np.inf]])[None, None]
    assert np.isnan(POOL.run_forward([x], PAIRS)[0]).all()
    assert winner(x[0, 0].tolist()) == [[0, 3], [0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooling_moves_numbers_and_rounds_none(dtype: str) -> None:
    """No bound where windows do not overlap; the sum of two where they do."""
    unit = Dtype.of(dtype)
    x, dy = Rounded(np.arange(16.0).reshape(1, 1, 4, 4), unit=unit), Rounded(np.ones((1, 1, 2, 2)), unit=unit)
    assert POOL.run_forward([x], PAIRS)[0].error is None
    assert POOL.run_forward([x], PADDED)[0].error is None
    assert POOL.run_vjp(dy, [x], PAIRS)[0].error is None
    overlapping = {"kernel_size": [3, 3], "stride": [1, 1], "padding": [0, 0]}
    highest = Rounded(np.eye(4)[None, None] * 5.0, unit=unit)
    assert POOL.run_vjp(dy, [highest], overlapping)[0].bound().max() > unit.roundoff


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(
    ("shape", "change", "message"),
    [
        ((1, 1, 4, 4), {"padding": [0, 2]}, "padding is 2; expected at most half the kernel size 2"),
        ((1, 1, 1, 4), {}, "the padded x is 1 high; expected 2 or more"),
        ((1, 4, 4), {}, "expected 4 axes"),
    ],
)
def test_what_does_not_fit_is_told(name: str, shape: tuple[int, ...], change: object, message: str) -> None:
    """The error says what came and what was expected."""
    assert isinstance(change, dict)
    with pytest.raises(ShapeError, match=message):
        OPERATORS[name].output_shape({"x": shape}, {**PAIRS, **change})
