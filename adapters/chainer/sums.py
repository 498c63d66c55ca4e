"""In what Chainer's sums of half precision accumulate: NumPy's do in single only along the last axis."""

ACCUMULATES = {"float16": "float32"}

_ROWS = "where an axis that is not the last is summed, NumPy adds row after row in float16"
_BIAS = "the sum of the products is stored in float16 before the bias is added"
_COLUMNS = "windows are added one after the other in float16"
_PLACES = "each number is added in float16 to the element that it belongs to"
_RUNNING = "each of NumPy's running sums is stored in float16"
_EINSUM = "np.einsum accumulates in float16"
_ONE_BY_ONE = "F.add adds one array after the other in float16"

BROADCASTING = ("add", "sub", "mul", "div", "pow", "maximum", "minimum", "expand")
NORMALIZING = (
    "batch_norm",
    "group_norm",
    "layer_norm",
    "normalize",
    "l2_normalize",
    "softmax",
    "log_softmax",
    "logsumexp",
)
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
AVERAGES = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
POOLS = (*AVERAGES, "max_pool1d", "max_pool2d", "max_pool2d_ceil", "max_pool3d")

# Pass -> operator -> why its sums accumulate in the dtype all the same.
NARROW = {
    "forward": {
        **dict.fromkeys(("sum", "sum_to_size", *NORMALIZING), _ROWS),
        **dict.fromkeys(("linear", *CONVOLUTIONS), _BIAS),
        **dict.fromkeys((*TRANSPOSED, *AVERAGES), _COLUMNS),
        **dict.fromkeys(("index_add", "scatter_add"), _PLACES),
        "cumsum": _RUNNING,
        "einsum": _EINSUM,
        "add_n": _ONE_BY_ONE,
    },
    "backward": {
        **dict.fromkeys((*BROADCASTING, *NORMALIZING, "linear", "prelu", "tile", "repeat_interleave"), _ROWS),
        **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED, *POOLS, "unfold"), _COLUMNS),
        **dict.fromkeys(("embedding", "gather", "gather_nd", "index_select"), _PLACES),
        "cumsum": _RUNNING,
        "einsum": _EINSUM,
    },
}
