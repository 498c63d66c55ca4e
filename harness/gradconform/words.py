"""Figures as text, and texts fit for a page that travels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from gradconform.dtypes import FLOAT64, known

_PATH = re.compile(r"(?<![\w./\\])(?:file://|~|[A-Za-z]:)?(?:(?:/|\\+)[\w.@+\-]+){2,}")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def figure(value: float) -> str:
    """A ratio or an error, short: two digits, plain between 0.001 and 100,000, never blank."""
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    size = abs(value)
    if 100 <= size < 1e5:
        return f"{value:,.0f}"
    if 0.001 <= size < 100:
        return f"{value:#.2g}" if size < 9.95 else f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def number(value: float, dtype: str) -> str:
    """One value of a tensor with every digit that its dtype can tell apart."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    return (known(dtype) or FLOAT64).text(value)


def printable(text: str) -> str:
    """The text without a terminal's colours and other control characters; lines and tabs stay."""
    if text.isprintable():
        return text
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _ANSI.sub("", text))


def without_paths(text: str) -> str:
    """The text with each absolute path cut to its last parts, so that a page says nothing of the machine it is from."""
    return _PATH.sub(lambda found: _cut(found[0], 3), text)


def tail(path: str, parts: int = 3) -> str:
    """The last parts of a path as text; the whole of a relative one."""
    return _cut(path, parts) if re.match(r"[/\\~]|[A-Za-z]:", path) else path


def _cut(path: str, parts: int) -> str:
    # Never the first part, which is where the machine's own folders begin.
    pieces = [piece for piece in re.split(r"[/\\]+", path) if piece and not piece.endswith(":")]
    return "…/" + "/".join(pieces[1:][-parts:] or pieces)


def counted(n: int, noun: str) -> str:
    """A number with its noun: `1 node`, `2 nodes`, `12,000 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """Words as an enumeration: `a`, `a and b`, `a, b and c`."""
    *most, last = list(words) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last
