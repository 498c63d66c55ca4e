"""What the shape rules refuse, and how they say it."""

from __future__ import annotations

from typing import Any

import pytest
from gradconform.reference import OPERATORS, ShapeError

REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("linear", {"x": (7,)}, {"out_features": 3}, r"x has shape \[7\]; expected two axes or more"),
    (
        "matmul",
        {"x": (3, 4), "y": (5, 2)},
        {},
        r"x has shape \[3, 4\] and y \[5, 2\]; expected \[..., M, K\]",
    ),
    ("matmul", {"x": (2, 3, 4), "y": (4, 2)}, {}, "equal leading axes"),
    ("matmul", {"x": (2, 3, 4), "y": (3, 4, 2)}, {}, "equal leading axes"),
    ("matmul", {"x": (4,), "y": (4,)}, {}, r"x has shape \[4\]"),
    ("dropout", {"x": (3,)}, {"training": True}, "a random mask is no property to conform to"),
    ("clamp", {"x": (3,)}, {"min": 2, "max": 1.5}, r"min is 2 and max is 1.5; expected min <= max"),
    (
        "flatten",
        {"x": (3, 4)},
        {"start_dim": 2},
        r"start_dim is 2; expected less than 2, since x has shape \[3, 4\]",
    ),
    ("reshape", {"x": (3, 4)}, {"shape": [5, 2]}, r"12 elements; expected the 10 of shape \[5, 2\]"),
    (
        "permute",
        {"x": (3, 4)},
        {"dims": [0, 0]},
        r"dims is \[0, 0\]; expected each axis of x, of shape \[3, 4\], once",
    ),
    ("permute", {"x": (3, 4)}, {"dims": [1]}, r"dims is \[1\]"),
    (
        "cat",
        {"xs": [(3, 4), (2, 5)]},
        {"dim": 0},
        r"shapes \[3, 4\] and \[2, 5\]; expected shapes that differ in axis 0",
    ),
    ("cat", {"xs": [(3, 4), (3,)]}, {"dim": 1}, r"\[3\]"),
    ("cat", {"xs": [(3, 4), (3, 4)]}, {"dim": 2}, "dim is 2; expected less than 2"),
    (
        "narrow",
        {"x": (3, 4)},
        {"dim": 1, "start": 2, "length": 3},
        r"start \+ length <= 4, the extent of axis 1",
    ),
    ("narrow", {"x": (3, 4)}, {"dim": 5, "start": 0, "length": 1}, "dim is 5; expected less than 2"),
    ("pad", {"x": (3, 4)}, {"padding": [[1, 1]]}, r"padding has 1 entries; expected one for each axis of x"),
    ("sum", {"x": (3, 4)}, {"dim": [2], "keepdim": False}, "dim is 2; expected less than 2"),
    (
        "mean",
        {"x": (3, 4)},
        {"dim": [1, 1], "keepdim": True},
        r"dim is \[1, 1\]; expected each axis at most once",
    ),
    (
        "mse_loss",
        {"x": (3, 4), "target": (3, 1)},
        {"reduction": "mean"},
        r"x has shape \[3, 4\] and target \[3, 1\]; expected the same",
    ),
    ("l1_loss", {"x": (3,), "target": ()}, {"reduction": "none"}, "expected the same"),
    ("binary_cross_entropy_with_logits", {"x": (3,), "target": (4,)}, {"reduction": "sum"}, "expected the same"),
    (
        "nll_loss",
        {"x": (3, 4), "target": (4,)},
        {"reduction": "mean"},
        r"target \[4\]; expected \[N, C\] and \[N\]",
    ),
    ("cross_entropy", {"x": (3, 4, 5), "target": (3,)}, {"reduction": "mean"}, r"x has shape \[3, 4, 5\]"),
    ("soft_cross_entropy", {"x": (3, 4), "target": (3,)}, {"reduction": "mean"}, r"expected \[N, C\] of both"),
    ("cosine_similarity", {"x": (3, 4), "y": (3, 4)}, {"dim": 2}, "expected the same, with an axis 2"),
    ("group_norm", {"x": (3, 4)}, {"num_groups": 3}, r"a multiple of num_groups = 3"),
    ("instance_norm", {"x": (3, 4, 1)}, {}, "two positions or more"),
    ("batch_norm", {"x": (3,)}, {"training": False}, "expected 2 to 5 axes"),
    ("rms_norm", {"x": (3,)}, {}, "two axes or more"),
    ("weight_norm", {"x": (3, 4), "g": (3,)}, {"dim": 1}, "g of the extent of dim"),
    ("local_response_norm", {"x": (3, 4)}, {}, "three axes or more"),
    ("adaptive_avg_pool2d", {"x": (3, 4, 5)}, {"output_size": [1, 1]}, "expected 4 axes"),
    *[
        (
            op,
            {"x": (3, 4), "y": (3,)},
            {},
            r"x has shape \[3, 4\] and y \[3\]; expected, counted from the last axis",
        )
        for op in ("add", "sub", "mul", "div", "maximum", "minimum")
    ],
]


@pytest.mark.parametrize(("name", "shapes", "values", "message"), REFUSED)
def test_what_does_not_fit_is_refused(name: str, shapes: Any, values: Any, message: str) -> None:
    """The message says what came and what was expected."""
    with pytest.raises(ShapeError, match=message):
        OPERATORS[name].output_shape(shapes, values)


@pytest.mark.parametrize(
    ("name", "shapes", "values", "expected"),
    [
        ("linear", {"x": (2, 3, 7)}, {"out_features": 5}, (2, 3, 5)),
        ("matmul", {"x": (2, 3, 4), "y": (2, 4, 5)}, {}, (2, 3, 5)),
        ("embedding", {"x": (3, 2)}, {"num_embeddings": 9, "embedding_dim": 4}, (3, 2, 4)),
        ("flatten", {"x": (2, 3, 4)}, {"start_dim": 1}, (2, 12)),
        ("permute", {"x": (2, 3, 4)}, {"dims": [2, 0, 1]}, (4, 2, 3)),
        ("cat", {"xs": [(2, 3), (2, 4)]}, {"dim": 1}, (2, 7)),
        ("pad", {"x": (2, 3)}, {"padding": [[1, 0], [2, 3]]}, (3, 8)),
        ("sum", {"x": (2, 3)}, {"dim": [0, 1], "keepdim": False}, ()),
        ("mean", {"x": (2, 3)}, {"dim": [0], "keepdim": True}, (1, 3)),
        ("add", {"x": (3, 1), "y": (2, 1, 5)}, {}, (2, 3, 5)),
        ("cross_entropy", {"x": (3, 4), "target": (3,)}, {"reduction": "mean"}, ()),
        ("cross_entropy", {"x": (3, 4), "target": (3,)}, {"reduction": "none"}, (3,)),
        ("mse_loss", {"x": (3, 4), "target": (3, 4)}, {"reduction": "none"}, (3, 4)),
        ("relu", {"x": (3, 4)}, {}, (3, 4)),
    ],
)
def test_what_fits_has_its_shape(name: str, shapes: Any, values: Any, expected: Any) -> None:
    """The rules alone, without any tensor."""
    assert OPERATORS[name].output_shape(shapes, values) == expected
