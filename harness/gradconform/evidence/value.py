"""What stands behind the worst row of a faulty node: how its errors are spread, and a script that shows it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from gradconform.rows import Row

Key = tuple[str, str, str, str, str, str, str]


def key_of(row: Row) -> Key:
    """The key of a row: no other row of a run has the same."""
    return row.spec, row.tensor, row.framework, row.version, row.route, row.dtype, row.check


@dataclass(frozen=True)
class Histogram:
    """How many elements of a tensor have which |error| / bound.

    elements: how many there are.
    zero: right to the bit.
    nonfinite: NaN or infinite out of place, or without a finite ratio.
    beyond: above the limit, the nonfinite among them.
    bins: (from, to, count), even on a logarithmic scale.
    """

    elements: int
    zero: int
    nonfinite: int
    beyond: int
    bins: tuple[tuple[float, float, int], ...]


@dataclass(frozen=True)
class Evidence:
    """What stands behind one row.

    row: the key of the row.
    histogram: of its errors; None where they cannot be known.
    name, script: of a stand-alone program, what it is called and its text.
    why: why there is no program.
    """

    row: Key
    histogram: Histogram | None
    name: str
    script: str
    why: str


def to_json(found: Sequence[Evidence]) -> str:
    """The evidence of some rows as the text of `evidence.json`."""
    return json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False) + "\n"
