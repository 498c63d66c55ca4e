"""The arithmetic of the dtype under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Unit:
    """The dtype under test. roundoff: u; tiny: the smallest normal number, below which results may flush."""

    dtype: str
    roundoff: float
    tiny: float

    @classmethod
    def of(cls, dtype: str) -> Unit:
        """The unit of 'float32' or 'float64'."""
        info = np.finfo(dtype)
        return cls(dtype, float(info.eps) / 2, float(info.smallest_normal))

    def constant_error(self, value: Array) -> Array | None:
        """How far a constant of a formula is from the dtype's nearest number; None where it is one."""
        with np.errstate(invalid="ignore"):
            error = np.where(np.isinf(value), 0.0, np.abs(value.astype(self.dtype).astype(float) - value))
        return error if error.any() else None
