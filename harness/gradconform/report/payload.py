"""What the page's script reads: every row by column, packed, and the parts of the page that open on demand."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from gradconform.dtypes import FLOAT64, known
from gradconform.report.frame import COUNTS, NUMBERS, TEXTS
from gradconform.rows import COLUMNS, LIMIT, Verdict
from gradconform.words import without_paths

WORST_FIRST = (
    Verdict.CRASHED, Verdict.DIVERGES, Verdict.MISSING, Verdict.KNOWN, Verdict.UNSUPPORTED,
)  # fmt: skip
_VALUES = ("got", "expected")


def payload(frame: pd.DataFrame, more: Mapping[str, Any]) -> str:
    """The rows and what else the script needs, as JSON, deflated, in base64: text that is never markup."""
    columns: dict[str, Any] = {name: _texts(frame[name]) for name in TEXTS}
    columns |= {name: _numbers(frame, name) for name in NUMBERS}
    columns |= {name: [int(n) for n in frame[name]] for name in COUNTS}
    packed = {"columns": columns, "order": COLUMNS, "rows": len(frame), "limit": LIMIT}
    packed["verdicts"] = list(dict.fromkeys([*map(str, WORST_FIRST), *map(str, Verdict)]))
    text = json.dumps(packed | dict(more), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(text: str) -> dict[str, Any]:
    """What `payload` packed."""
    found = json.loads(zlib.decompress(base64.b64decode(text)))
    assert isinstance(found, dict)
    return found


def _texts(column: pd.Series[str]) -> dict[str, list[Any]]:
    """Distinct texts, and for each row which of them it has."""
    codes, words = pd.factorize(column)
    return {"words": [without_paths(str(word)) for word in words], "at": [int(code) for code in codes]}


def _numbers(frame: pd.DataFrame, name: str) -> list[float | str | None]:
    """Figures as short as the page shows them; got and expected with every digit of their dtype."""
    digits = [(known(dtype) or FLOAT64).digits for dtype in frame["dtype"]] if name in _VALUES else [4] * len(frame)
    return [_number(value, n) for value, n in zip(frame[name], digits, strict=True)]


def _number(value: float, digits: int) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    short = float(f"{value:.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short
