"""NNabla: its version and its settings."""

import nnabla as nn
from nnabla.ext_utils import get_extension_context

VERSION = nn.__version__
DTYPES = {
    # In the backend cpu:half; where that has no kernel for a function, cpu:float computes it, and gives float32.
    # There is no sums.py: all sums of cpu:half accumulate in float16, those of matrix products too.
    "float16": dict.fromkeys(
        ("cumsum", "cumprod", "softmax", "log_softmax", "cross_entropy", "masked_cross_entropy"),
        "its backend cpu:half has no kernel for this, and what comes is float32",
    ),
    "bfloat16": "it has no bfloat16",
    "float32": None,
    "float64": "its CPU backends are cpu:float and cpu:half, and cpu:float rounds float64 arrays to float32",
}
USUAL = nn.get_current_context()
LAYOUTS = dict.fromkeys(
    ("channels_last", "expanded", "strided", "transposed"),
    "it copies every array that it is given into memory of its own",
)


def compute_in(dtype):
    """Let what is called from now on compute in a dtype: in float16 by the backend cpu:half where a function has it."""
    nn.set_default_context(get_extension_context("cpu", type_config="half") if dtype == "float16" else USUAL)


def set_threads(n):
    """Return 1 whatever n is: NNabla's CPU functions run on the calling thread alone."""
    return 1
