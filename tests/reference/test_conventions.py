"""What the derivative is where there is none: at kinks and ties the reference takes torch's convention."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.reference import OPERATORS

DY = np.array([3.0, 5.0, 7.0])
AT_KINKS: list[tuple[str, list[Any], dict[str, Any], list[Any]]] = [
    ("relu", [[0.0, 1.0, -1.0]], {}, [[0.0, 5.0, 0.0]]),
    ("abs", [[0.0, 1.0, -1.0]], {}, [[0.0, 5.0, -7.0]]),
    ("leaky_relu", [[0.0, 1.0, -1.0]], {"negative_slope": 0.5}, [[1.5, 5.0, 3.5]]),
    ("elu", [[0.0, 1.0, 2.0]], {"alpha": 2.0}, [[6.0, 5.0, 7.0]]),
    ("clamp", [[-1.0, 1.0, 1.5]], {"min": -1, "max": 1}, [[3.0, 5.0, 0.0]]),
    ("maximum", [[1.0, 2.0, 1.0], [1.0, 1.0, 2.0]], {}, [[1.5, 5.0, 0.0], [1.5, 0.0, 7.0]]),
    ("minimum", [[1.0, 2.0, 1.0], [1.0, 1.0, 2.0]], {}, [[1.5, 0.0, 7.0], [1.5, 5.0, 0.0]]),
    ("pow_scalar", [[0.0, 1.0, -2.0]], {"exponent": 0}, [[0.0, 0.0, 0.0]]),
    ("pow_scalar", [[0.0, 1.0, -2.0]], {"exponent": 1}, [[3.0, 5.0, 7.0]]),
]


@pytest.mark.parametrize(("name", "tensors", "attributes", "expected"), AT_KINKS)
def test_the_convention_at_a_kink_is_torchs(name: str, tensors: Any, attributes: Any, expected: Any) -> None:
    """The figures are those of torch 2.13.0."""
    found = OPERATORS[name].run_vjp(DY, [np.array(t) for t in tensors], attributes)
    np.testing.assert_array_equal(found, expected)


def test_the_absolute_error_has_no_slope_where_there_is_none() -> None:
    """l1_loss at x = target."""
    x, target = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 3.0])
    dx, dtarget = OPERATORS["l1_loss"].run_vjp(np.asarray(2.0), [x, target], {"reduction": "sum"})
    np.testing.assert_array_equal(dx, [0.0, -2.0, 2.0])
    np.testing.assert_array_equal(dtarget, [0.0, 2.0, -2.0])
