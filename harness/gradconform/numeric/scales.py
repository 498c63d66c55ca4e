"""How finely numerical derivatives tell a gradient in each dtype: chosen by measurement, not properties of a dtype."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gradconform.contract import ContractError
from gradconform.dtypes import FLOAT32, FLOAT64


@dataclass(frozen=True)
class Scale:
    """What differencing in one dtype can do.

    resolution: a relative fault of this size in a gradient must be seen, or the row says that it could not be.
    bottom: the smallest step is two to this power times the largest element of a leaf; it leaves 3 bits of a step.
    spacing: how far apart the points are that noise is read from: so close that every function is a line there, and not
    so close that they share their rounding.
    """

    resolution: float
    bottom: int
    spacing: float


SCALES: Mapping[str, Scale] = {
    FLOAT32.name: Scale(resolution=1e-3, bottom=-20, spacing=2.0**-18),
    FLOAT64.name: Scale(resolution=1e-8, bottom=-48, spacing=2.0**-44),
}
"""By the dtype's name. Half precision has none: between its roundoff and the next kink no step is left to take."""


def check_dtypes(names: Iterable[str]) -> None:
    """Raise ContractError for the first dtype, by name, in which no numerical derivative is taken."""
    for name in names:
        if name not in SCALES:
            raise ContractError(f"numerical derivatives in {name}: expected one of {', '.join(SCALES)}")
