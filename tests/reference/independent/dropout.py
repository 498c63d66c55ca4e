"""Independent forwards of the family `dropout`."""

from __future__ import annotations

from typing import Any

import numpy as np
from oracles import forward, onnx


@forward
def dropout(x: Any, *, p: float, training: bool) -> Any:
    return onnx("Dropout", x, np.asarray(p), np.asarray(training))
