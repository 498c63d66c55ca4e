"""PyTorch: its version and its settings."""

import torch

VERSION = torch.__version__
DTYPES = {"float16": None, "bfloat16": None, "float32": None, "float64": None}
# Words of errors that say of a dtype what NotImplementedError would.
LACKS = ("not implemented for 'Half'", "not implemented for 'BFloat16'", "Low precision dtypes not supported")
LACKS += ("cannot be converted to type c10::Half without overflow",)
LAYOUTS = {"channels_last": None, "expanded": None, "strided": None, "transposed": None}


def set_threads(n):
    """Compute with n threads, deterministically, in full precision; return the number of threads in force."""
    torch.set_num_threads(n)
    # The switch of use_deterministic_algorithms(True), which also imports the compiler: 0.8 s for nothing.
    torch.set_deterministic_debug_mode("error")
    torch.set_float32_matmul_precision("highest")
    return torch.get_num_threads()
