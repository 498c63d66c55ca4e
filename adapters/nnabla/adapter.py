"""NNabla: its version and its settings."""

import nnabla as nn

VERSION = nn.__version__
DTYPES = {
    "float32": None,
    "float64": "its CPU backends are cpu:float and cpu:half, and cpu:float rounds float64 arrays to float32",
}
LAYOUTS = dict.fromkeys(
    ("channels_last", "expanded", "strided", "transposed"),
    "it copies every array that it is given into memory of its own",
)


def set_threads(n):
    """Return 1 whatever n is: NNabla's CPU functions run on the calling thread alone."""
    return 1
