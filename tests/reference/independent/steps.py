"""Independent forwards of the family `steps`."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import numpy as np
from oracles import Forward, precisely


def _whole(rounding: str) -> Forward:
    """To whole numbers, by decimal arithmetic."""
    return Forward(np.vectorize(lambda x: float(Decimal(float(x)).quantize(Decimal(1), rounding)), otypes=[float]))


floor = _whole(ROUND_FLOOR)
ceil = _whole(ROUND_CEILING)
trunc = _whole(ROUND_DOWN)
round = _whole(ROUND_HALF_EVEN)
sign = precisely(lambda x: (x > 0) - (x < 0))
