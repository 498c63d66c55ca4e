"""Independent forwards of the family `fourier`: SciPy's fast transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward
from scipy import fft as fast


def _by_parts(transform: Any, x: Any, signal_ndim: int, norm: str) -> Any:
    y = transform(x[..., 0] + 1j * x[..., 1], axes=range(-signal_ndim, 0), norm=norm)
    return np.stack([y.real, y.imag], axis=-1)


@forward
def fft(x: Any, *, signal_ndim: int, norm: str) -> Any:
    return _by_parts(fast.fftn, x, signal_ndim, norm)


@forward
def ifft(x: Any, *, signal_ndim: int, norm: str) -> Any:
    return _by_parts(fast.ifftn, x, signal_ndim, norm)
