"""NNabla: its version and its settings."""

import nnabla as nn

VERSION = nn.__version__
DTYPES = {
    "float16": "its backend cpu:half is not asked for by this adapter",
    "bfloat16": "it has no bfloat16",
    "float32": None,
    "float64": "its CPU backends are cpu:float and cpu:half, and cpu:float rounds float64 arrays to float32",
}
LAYOUTS = dict.fromkeys(
    ("channels_last", "strided", "transposed"), "it copies every array that it is given into memory of its own"
)


def set_threads(n):
    """Return 1 whatever n is: NNabla's CPU functions run on the calling thread alone."""
    return 1
