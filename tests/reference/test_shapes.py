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
    ("pow", {"x": (3, 4), "exponent": (3,)}, {}, r"x has shape \[3, 4\] and exponent \[3\]; expected, counted"),
    ("squared_difference", {"x": (3, 4), "y": (4,)}, {}, r"x has shape \[3, 4\] and y \[4\]; expected the same"),
    ("absolute_difference", {"x": (3,), "y": ()}, {}, "expected the same"),
    ("lerp", {"start": (3,), "end": (3,), "weight": (1,)}, {}, r"\[3\], \[3\], \[1\]; expected one"),
    ("add_n", {"xs": [(3, 4), (3, 4), (4,)]}, {}, r"\[3, 4\] and \[4\]; expected the same"),
    ("prod", {"x": (3, 4)}, {"dim": [2], "keepdim": False}, "dim is 2; expected less than 2"),
    ("amax", {"x": (3, 4)}, {"dim": [0, 0], "keepdim": False}, "each axis at most once"),
    ("var", {"x": (3, 4)}, {"dim": [0], "correction": 3, "keepdim": False}, "expected less than the 3 elements"),
    ("vector_norm", {"x": (3,)}, {"ord": 0.5, "dim": [0], "keepdim": False}, "expected 1 or more"),
    ("l2_normalize", {"x": (3,)}, {"eps": 0, "dim": [0]}, "eps is 0; expected more than 0"),
    ("l2_normalize", {"x": (3,)}, {"eps": 1, "dim": [1]}, "dim is 1; expected less than 1"),
    ("cumsum", {"x": (3, 4)}, {"dim": 2}, "dim is 2; expected less than 2"),
    ("stack", {"xs": [(3, 4), (3,)]}, {"dim": 0}, r"\[3, 4\] and \[3\]; expected the same"),
    ("stack", {"xs": [(3, 4), (3, 4)]}, {"dim": 3}, "dim is 3; expected 2 or less"),
    ("hstack", {"xs": [(3, 4), (2, 4)]}, {}, "expected shapes that differ in axis 1"),
    ("vstack", {"xs": [(3,), (4,)]}, {}, "expected shapes that differ in axis 0"),
    ("dstack", {"xs": [(3,), (4,)]}, {}, "expected shapes that differ in axis 2"),
    ("squeeze", {"x": (3, 1)}, {"dim": [0]}, r"dim is \[0\] and x has shape \[3, 1\]; expected axes of extent 1"),
    ("unsqueeze", {"x": (3, 1)}, {"dim": 3}, "dim is 3; expected 2 or less"),
    ("transpose", {"x": (3, 1)}, {"dim0": 0, "dim1": 2}, "dim1 is 2; expected less than 2"),
    ("movedim", {"x": (3, 1)}, {"source": [0], "destination": [1, 0]}, "as many axes in both"),
    ("movedim", {"x": (3, 1)}, {"source": [0, 0], "destination": [1, 0]}, r"source is \[0, 0\]; expected each axis"),
    ("flip", {"x": (3, 1)}, {"dims": [1, 1]}, "each axis at most once"),
    ("roll", {"x": (3, 1)}, {"shifts": [1], "dims": [0, 1]}, "as many shifts as axes"),
    ("pixel_shuffle", {"x": (2, 6, 3, 3)}, {"upscale_factor": 2}, "x has 6 channels; expected a multiple of 4"),
    ("pixel_unshuffle", {"x": (2, 6, 4, 3)}, {"downscale_factor": 2}, "height and width to be multiples of 2"),
    ("pixel_unshuffle", {"x": (6, 4, 2)}, {"downscale_factor": 2}, r"expected 4 axes \[N, C, H, W\]"),
    ("expand", {"x": (3, 2)}, {"shape": [3, 4]}, r"x is \[3, 2\] and shape \[3, 4\]"),
    ("sum_to_size", {"x": (3, 4)}, {"shape": [2, 4]}, r"shape is \[2, 4\] and x \[3, 4\]"),
    ("tile", {"x": (3, 4)}, {"dims": [2]}, "expected a number for each axis of x"),
    ("repeat_interleave", {"x": (3,)}, {"repeats": 2, "dim": 1}, "dim is 1; expected less than 1"),
    ("reflection_pad", {"x": (2, 4)}, {"padding": [[0, 0], [4, 0]]}, r"padding is \[4, 0\]; expected 3 or less"),
    ("circular_pad", {"x": (4,)}, {"padding": [[0, 5]]}, r"padding is \[0, 5\]; expected 4 or less"),
    ("replication_pad", {"x": (4, 2)}, {"padding": [[0, 5]]}, "padding has 1 entries"),
    (
        "unfold",
        {"x": (1, 1, 3, 3)},
        {"kernel_size": [3, 3], "dilation": [2, 1], "padding": [0, 0], "stride": [1, 1]},
        "the padded x has an extent of 3; expected 5 or more",
    ),
    ("where", {"condition": (3,), "x": (2, 4), "y": (4,)}, {}, r"condition has shape \[3\], x \[2, 4\] and y \[4\]"),
    ("masked_fill", {"x": (3,), "mask": (2, 3)}, {}, "expected a mask that broadcasts to x"),
    ("index_select", {"x": (3, 4), "index": (2, 2)}, {"dim": 0}, r"index has shape \[2, 2\]; expected one axis"),
    ("gather", {"x": (3, 4), "index": (4, 4)}, {"dim": 1}, "expected as many axes, each but axis 1 no longer"),
    ("scatter_add", {"x": (3, 4), "index": (3, 4), "src": (3, 5)}, {"dim": 1}, r"src \[3, 5\]; expected the same"),
    ("gather_nd", {"x": (3, 4), "index": (3, 2)}, {}, r"index \[3, 2\]; expected an index of"),
    (
        "index_add",
        {"x": (3, 4), "index": (2,), "src": (3, 4)},
        {"dim": 0},
        r"src has shape \[3, 4\]; expected \[2, 4\]",
    ),
    ("select", {"x": (3, 4)}, {"dim": 1, "index": 4}, "index is 4; expected less than 4"),
    ("strided_slice", {"x": (5,)}, {"dim": 0, "start": 3, "end": 3, "step": 1}, "expected start < end <= 5"),
    ("diagonal", {"x": (3, 4)}, {"offset": 4, "dim1": 0, "dim2": 1}, "offset is 4; expected a diagonal"),
    ("diagonal", {"x": (3, 4)}, {"offset": 0, "dim1": 1, "dim2": 1}, "dim1 and dim2 are both 1"),
    ("tril", {"x": (4,)}, {"diagonal": 0}, "expected two axes or more"),
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
