"""What convolution tells of a spec before anything is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.reference import OPERATORS, ShapeError

CONV: dict[str, Any] = {
    "out_channels": 4,
    "kernel_size": [3, 2],
    "stride": [2, 1],
    "padding": [[1, 0], [0, 2]],
    "dilation": [1, 2],
    "groups": 2,
}
TRANSPOSED: dict[str, Any] = {**CONV, "padding": [1, 0], "output_padding": [1, 0]}


@pytest.mark.parametrize(
    ("name", "shape", "change", "message"),
    [
        ("conv2d", (2, 4, 7), {}, "expected 4 axes"),
        ("conv2d", (2, 5, 7, 9), {}, "x has 5 channels; expected a multiple of groups = 2"),
        ("conv2d", (2, 4, 7, 9), {"out_channels": 3}, "out_channels gives 3 channels; expected a multiple"),
        ("conv2d", (2, 4, 1, 9), {}, "the padded x is 2 high; expected 3 or more"),
        ("conv2d", (2, 4, 7, 2), {"dilation": [1, 4]}, "the padded x is 4 wide; expected 5 or more"),
        (
            "conv_transpose2d",
            (2, 4, 7, 9),
            {"output_padding": [2, 0]},
            "output_padding is 2; expected less than",
        ),
        ("conv_transpose2d", (2, 4, 1, 9), {"padding": [3, 0]}, "expected a padding that leaves 1 or more"),
    ],
)
def test_what_does_not_fit_is_told(name: str, shape: Any, change: dict[str, Any], message: str) -> None:
    """The error says what came and what was expected."""
    values = CONV if name == "conv2d" else TRANSPOSED
    assert len(OPERATORS[name].output_shape({"x": (2, 4, 7, 9)}, values)) == 4
    with pytest.raises(ShapeError, match=message):
        OPERATORS[name].output_shape({"x": shape}, {**values, **change})


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_the_fan_in_of_the_transpose_is_the_most_terms_that_meet(stride: int, dilation: int, kernel: int) -> None:
    """Counted by transposing ones."""
    op = OPERATORS["conv_transpose2d"]
    values = {
        "out_channels": 1,
        "kernel_size": [kernel, 1],
        "stride": [stride, 1],
        "padding": [0, 0],
        "output_padding": [0, 0],
        "dilation": [dilation, 1],
        "groups": 1,
    }
    drawn = op.parameter_draws({"x": (1, 3, 20, 1)}, values)["weight"]
    attributes = {name: values[name] for name in op.attributes}
    counts = op.run_forward([np.ones((1, 3, 20, 1)), np.ones(drawn.shape), None], attributes)[0]
    assert drawn.fan_in == counts.max()
