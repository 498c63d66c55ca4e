"""What the page's script reads: every row by column, packed, and the parts of the page that open on demand."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gradconform.dtypes import FLOAT64, known
from gradconform.rows import COLUMNS, COUNTS, LIMIT, NUMBERS, TEXTS, Row, Verdict
from gradconform.words import without_paths

_VALUES = ("got", "expected")


def payload(rows: Sequence[Row], more: Mapping[str, Any]) -> str:
    """The rows and what else the script needs, as JSON, deflated, in base64: text that is never markup."""
    columns: dict[str, Any] = {name: _texts(str(getattr(row, name)) for row in rows) for name in TEXTS}
    columns |= {name: _numbers(rows, name) for name in NUMBERS}
    columns |= {name: [getattr(row, name) for row in rows] for name in COUNTS}
    packed = {"columns": columns, "order": COLUMNS, "rows": len(rows), "limit": LIMIT}
    packed["verdicts"] = sorted(Verdict, key=_worst_first)
    text = json.dumps(packed | dict(more), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _worst_first(verdict: Verdict) -> tuple[bool, int]:
    return verdict.apart, -verdict.severity


def unpacked(text: str) -> dict[str, Any]:
    """What `payload` packed into a text: rows by column, and what else the script needs."""
    packed = json.loads(zlib.decompress(base64.b64decode(text)))
    assert isinstance(packed, dict)
    return packed


def _texts(column: Iterable[str]) -> dict[str, list[Any]]:
    """A column of texts as its distinct texts, and for each row which of them it has."""
    places: dict[str, int] = {}
    at = [places.setdefault(text, len(places)) for text in column]
    return {"words": [without_paths(text) for text in places], "at": at}


def _numbers(rows: Iterable[Row], name: str) -> list[float | str | None]:
    """A column of figures, as short as the page shows them; got and expected with every digit of their dtype."""
    return [_number(getattr(row, name), (known(row.dtype) or FLOAT64).digits if name in _VALUES else 4) for row in rows]


def _number(value: float, digits: int) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    short = float(f"{value:.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short
