"""In what PyTorch's sums of half precision accumulate, on a CPU without instructions for it; measured in 2.13.0."""

ACCUMULATES = {"float16": "float32", "bfloat16": "float32"}

_COLUMNS = "col2im adds window after window in the dtype, and the gradient of a weight is added sample after sample"
_PLACES = "each gradient is added in the dtype to the element that it belongs to"
_STORED = "what is summed first, or multiplied first, is stored in the dtype"
_ROWS = "the gradients of weight and bias are added row after row in the dtype (layer_norm_kernel.cpp)"

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
POOLS = ("avg_pool1d", "avg_pool2d", "adaptive_avg_pool2d", "max_pool3d")
PADS = ("reflection_pad", "replication_pad", "circular_pad")

# Pass -> operator -> why its sums accumulate in the dtype all the same.
NARROW = {
    "forward": {
        **dict.fromkeys(TRANSPOSED, _COLUMNS),
        "index_add": _PLACES,
        "einsum": _STORED,
    },
    "backward": {
        **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED, "unfold"), _COLUMNS),
        **dict.fromkeys((*POOLS, *PADS, "embedding", "index_select", "gather_nd"), _PLACES),
        **dict.fromkeys(("outer", "einsum"), _STORED),
        "layer_norm": _ROWS,
    },
}
