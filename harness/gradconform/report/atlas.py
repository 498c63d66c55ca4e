"""The chapter of the page about the edges of the operators that a run is of, from the table that comes along."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from gradconform import paths
from gradconform.atlas.table import Row, briefly, from_csv
from gradconform.words import listed


@dataclass(frozen=True)
class Edge:
    """How one framework differs from the reference under one condition, for one reason.

    rows: a row for each tensor that differs.
    """

    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        """What the tensors have in common, and the numbers that are shown."""
        return self.rows[0]

    @property
    def tensors(self) -> str:
        """Their names."""
        return listed(row.tensor for row in self.rows)

    @property
    def gives(self) -> str:
        """What the framework gives for the first tensor."""
        return briefly(self.first)[0]

    @property
    def reference(self) -> str:
        """What the reference gives for it."""
        return briefly(self.first)[1]


def edges_of(operators: Collection[str], frameworks: Collection[str]) -> tuple[Edge, ...]:
    """What differs at the edges of these operators in these frameworks, as the table has it."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in _recorded():
        if row.operator in operators and row.framework in frameworks:
            groups.setdefault((row.condition, row.framework, row.reason), []).append(row)
    return tuple(Edge(tuple(rows)) for rows in groups.values())


@cache
def _recorded() -> tuple[Row, ...]:
    """The rows of the table; none in a checkout without the documents, whose pages have no such chapter."""
    try:
        text = paths.atlas_table().read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return from_csv(text)
