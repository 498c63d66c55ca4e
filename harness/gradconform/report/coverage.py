"""What a run covered: for each operator in each framework, dtype, memory layout and order, whether it was judged.

Nothing counts as covered by being skipped: a combination without a row is `not run`, and one that the framework
refused has its own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gradconform.reference import OPERATORS
from gradconform.report.ratios import quartiles
from gradconform.rows import CheckKind, Row, Verdict

CONTIGUOUS = "contiguous"
_LAYOUT = "layout-"
HEAD = (
    *("operator", "family", "framework", "dtype", "layout", "order"),
    *(
        "state",
        "tensors",
        "wrong",
        "known",
        "specs",
        "lower_ratio",
        "median_ratio",
        "upper_ratio",
        "largest_ratio",
        "why",
    ),
)
"""The columns of the CSV."""


@dataclass(frozen=True, order=True)
class Asked:
    """One thing that may be covered: an operator in a framework, dtype, memory layout and order of derivative."""

    operator: str
    framework: str
    dtype: str
    layout: str
    order: int


@dataclass
class Found:
    """What a run has of one such thing.

    judged: tensors that were found right or wrong.
    wrong: those of them that diverge or are missing.
    known: those that a list covers.
    networks: the specs they are of.
    ratios: |error| / bound of each that has one.
    refused: the framework's words where it was refused.
    """

    judged: int = 0
    wrong: int = 0
    known: int = 0
    networks: set[str] = field(default_factory=set)
    ratios: list[float] = field(default_factory=list)
    refused: str = ""

    @property
    def state(self) -> str:
        """`judged`, `unsupported`, or `not run`."""
        return "judged" if self.judged else "unsupported" if self.refused else "not run"


def covered(rows: Iterable[Row]) -> dict[Asked, Found]:
    """What the rows of a run cover, by operator; of what crashed nothing is said here."""
    found: dict[Asked, Found] = {}
    for row in rows:
        for operator in _operators(row):
            place = _place(row, operator)
            if place is None:
                continue
            there = found.setdefault(place, Found())
            if row.verdict == Verdict.UNSUPPORTED:
                there.refused = there.refused or str(row.reason)
            elif row.verdict.judged and row.tensor:
                there.judged += 1
                there.wrong += row.verdict.wrong
                there.known += row.verdict == Verdict.KNOWN
                there.networks.add(row.spec)
                there.ratios += [row.ratio] if row.ratio == row.ratio else []
    return found


def _operators(row: Row) -> Iterator[str]:
    """The operators that a row speaks of: that of its node; of a case that was refused as a whole, the case's."""
    if row.op in OPERATORS:
        yield row.op
    elif not row.tensor and (case := row.spec.partition(".")[0]) in OPERATORS:
        yield case


def _place(row: Row, operator: str) -> Asked | None:
    layout = row.route.removeprefix(_LAYOUT) if row.route.startswith(_LAYOUT) else CONTIGUOUS
    if row.check.kind == CheckKind.SECOND_ORDER:
        return Asked(operator, row.framework, row.dtype, layout, 2)
    first = row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT)
    # Another route of the same layout says nothing more of an operator.
    laid = row.check.kind == CheckKind.ROUTE and layout != CONTIGUOUS
    return Asked(operator, row.framework, row.dtype, layout, 1) if first or laid else None


def lines(found: dict[Asked, Found], frameworks: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(operator, a cell for each framework) of every operator that there is."""
    for operator in sorted(OPERATORS):
        yield operator, [_cell(found, operator, framework) for framework in frameworks]


def _cell(found: dict[Asked, Found], operator: str, framework: str) -> str:
    """`float32 float64, 3 layouts, order 2`: in what it was judged; else why not."""
    here = {asked: f for asked, f in found.items() if (asked.operator, asked.framework) == (operator, framework)}
    judged = [asked for asked, f in here.items() if f.state == "judged"]
    if not judged:
        return next((f"unsupported: {f.refused}" for f in here.values() if f.refused), "not run")
    dtypes = sorted({asked.dtype for asked in judged if asked.order == 1 and asked.layout == CONTIGUOUS})
    layouts = {asked.layout for asked in judged} - {CONTIGUOUS}
    parts = [" ".join(dtypes)]
    parts += [f"{len(layouts)} layouts"] if layouts else []
    parts += ["order 2"] if any(asked.order == 2 for asked in judged) else []
    wrong = sum(f.wrong for f in here.values())
    parts += [f"{wrong} wrong"] if wrong else []
    return ", ".join(filter(None, parts))


def csv_lines(found: dict[Asked, Found]) -> Iterator[tuple[str, ...]]:
    """Head and rows of a CSV: one line for each thing that the run has rows of."""
    yield HEAD
    for asked, there in sorted(found.items()):
        yield (
            asked.operator,
            OPERATORS[asked.operator].family,
            asked.framework,
            asked.dtype,
            asked.layout,
            str(asked.order),
            there.state,
            *(str(n) for n in (there.judged, there.wrong, there.known, len(there.networks))),
            *_spread(there.ratios),
            there.refused if there.state != "judged" else "",
        )


def _spread(ratios: Sequence[float]) -> tuple[str, ...]:
    """The quartiles and the largest, in three digits; empty where there is no ratio, as of exact rows."""
    return tuple(f"{ratio:.3g}" for ratio in (*quartiles(ratios), max(ratios))) if ratios else ("",) * 4
