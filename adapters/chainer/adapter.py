"""Chainer: its version and its settings."""

import ctypes
from pathlib import Path

import chainer
import numpy as np

VERSION = chainer.__version__
DTYPES = {
    "float16": None,
    "bfloat16": "it computes in NumPy, which has no bfloat16",
    "float32": None,
    "float64": None,
}
LAYOUTS = {"channels_last": None, "expanded": None, "strided": None, "transposed": None}


def set_threads(n):
    """Let the matrix products use n threads and everything be deterministic; return the number in force.

    Chainer has no threads of its own: it computes in NumPy, and of that only BLAS runs on more than one.
    """
    chainer.global_config.cudnn_deterministic = True
    chainer.global_config.use_ideep = "never"
    blas, prefix, suffix = _openblas()
    getattr(blas, prefix + "openblas_set_num_threads" + suffix)(ctypes.c_int(n))
    return int(getattr(blas, prefix + "openblas_get_num_threads" + suffix)())


def _openblas():
    """The OpenBLAS that NumPy's wheel brought along, and what its functions are called there."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs", home / ".libs"):
        for path in sorted(folder.glob("*openblas*")):
            blas = ctypes.CDLL(str(path))
            for prefix, suffix in (("", ""), ("", "64_"), ("scipy_", ""), ("scipy_", "64_")):
                if hasattr(blas, prefix + "openblas_set_num_threads" + suffix):
                    return blas, prefix, suffix
    raise RuntimeError(
        "NumPy %s has no OpenBLAS of its own, so its threads cannot be set or told; "
        "install NumPy from its wheel" % np.__version__
    )
