"""Per network: nodes against frameworks, and the error end to end."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from gradconform.contract.run import NetworkInfo, RunInfo
from gradconform.report.errors import Between, Column, ErrorLine, between_of, columns_of, errors_of
from gradconform.report.summary import Summary
from gradconform.rows import LIMIT, CheckKind, Row, Verdict

RATIO_STEPS = (0.01, 0.1, 1.0, LIMIT, 100.0, 10_000.0)
"""Where the colours of a ratio change; beyond the limit only rows that fail may lie."""


@dataclass(frozen=True)
class Cell:
    """One node in one framework and dtype.

    word: its verdict, or why it has none.
    level: how near to its bound it is, for the colour.
    worst: the row behind it; None where there is none.
    tensors: how many were judged.
    """

    word: str
    level: str
    worst: Row | None
    tensors: int


@dataclass(frozen=True)
class Line:
    """One node.

    node, op: its name and its operator.
    cells: in the order of the columns.
    """

    node: str
    op: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class NetworkView:
    """What the page shows of one network.

    name, about, path: what it is called, what it is there for, and its file.
    columns: (framework, version, dtype).
    overall: the worst cell of each column.
    lines: one for each node.
    errors: one for each tensor, end to end.
    between: one for each pair of frameworks and dtype.
    failed, judged: how many rows are.
    """

    name: str
    about: str
    path: str
    columns: tuple[Column, ...]
    overall: tuple[Cell, ...]
    lines: tuple[Line, ...]
    errors: tuple[ErrorLine, ...]
    between: tuple[Between, ...]
    failed: int
    judged: int


def networks_of(summary: Summary) -> tuple[NetworkView, ...]:
    """What the page shows of each network: those of the manifest in its order, then any that only the rows know."""
    run, rows_by_spec = summary.run, dict[str, list[Row]]()
    for row in summary.rows:
        rows_by_spec.setdefault(row.spec, []).append(row)
    named = [network.name for network in run.networks]
    extra = [NetworkInfo(spec) for spec in sorted(set(rows_by_spec) - set(named))]
    columns = _columns(summary.rows, run)
    every = (network for network in [*run.networks, *extra] if network.name not in summary.apart)
    return tuple(_view(network, rows_by_spec.get(network.name, ()), columns) for network in every)


def _columns(rows: Iterable[Row], run: RunInfo) -> tuple[Column, ...]:
    """The page's columns: every framework of the manifest or the rows, with every dtype, so that a gap is seen."""
    dtypes = sorted({row.dtype for row in rows} - {""}) or [""]
    seen = dict.fromkeys((row.framework, row.version) for row in rows)
    pairs = dict.fromkeys([(info.name, info.version) for info in run.frameworks] + [pair for pair in seen if pair[1]])
    # Before a framework could be started its version is unknown; such rows count for every known version.
    named = {name for name, _ in pairs}
    pairs.update({pair: None for pair in seen if pair[0] and pair[0] not in named})
    return tuple((name, version, dtype) for name, version in pairs for dtype in dtypes)


def _view(network: NetworkInfo, rows: Sequence[Row], columns: Sequence[Column]) -> NetworkView:
    listed = dict(network.nodes)
    nodes = listed | {row.node: row.op for row in rows if row.node and row.node not in listed}
    by_cell: dict[tuple[str, Column], list[Row]] = {}
    judged = {column for row in rows if row.verdict.judged for column in columns_of(row, columns)}
    for row in rows:
        # A numerical ratio is of another bar, with another limit; where it fails the cell must show it.
        if (row.verdict.apart and not row.undecided) or (
            row.check.kind == CheckKind.NUMERIC and row.verdict == Verdict.CONFORMS
        ):
            continue
        for column in columns_of(row, columns):
            # A node that was refused or crashed takes the whole network with it, unless something was judged.
            places = _places(row, nodes) if column in judged or row.verdict.judged else []
            for place in places or nodes or [""]:
                by_cell.setdefault((place, column), []).append(row)
    ran = {column for _, column in by_cell}
    lines = tuple(
        Line(node, op, tuple(_cell(by_cell.get((node, column), ()), column in ran) for column in columns))
        for node, op in (nodes or {"": ""}).items()
    )
    return NetworkView(
        network.name,
        network.about,
        network.path,
        tuple(columns),
        overall=tuple(map(_overall, zip(*(line.cells for line in lines), strict=True))),
        lines=lines,
        errors=errors_of(rows, list(nodes), columns),
        between=between_of(rows),
        failed=sum(row.verdict.fails for row in rows),
        judged=sum(row.verdict.judged for row in rows),
    )


def _overall(cells: Sequence[Cell]) -> Cell:
    """The worst of a network's cells in one column.

    One without a row comes first: a network with a hole is not whole.
    """
    return next((cell for cell in cells if cell.worst is None), None) or max(
        cells, key=lambda cell: cell.worst.severity if cell.worst else (0, False, 0.0)
    )


def _places(row: Row, nodes: Iterable[str]) -> list[str]:
    """The nodes in whose cells a row counts: those to look at where it fails, else the node it belongs to."""
    blamed = [name for name in row.culprit.split() if name in nodes]
    return blamed or ([row.node] if row.node in nodes else [])


def _cell(rows: Sequence[Row], ran: bool) -> Cell:
    judged = [row for row in rows if row.verdict != Verdict.UNSUPPORTED]
    # What was refused in one variant and judged in another has a figure; the refusal has its own entry.
    worst = max(judged or rows, key=attrgetter("severity"), default=None)
    if worst is None:
        return Cell("no row" if ran else "not run", "none", None, 0)
    figured = worst.verdict in (Verdict.CONFORMS, Verdict.DIVERGES, Verdict.KNOWN)
    level = _ratio_level(worst) if figured else worst.verdict
    return Cell(worst.verdict, level, worst, sum(row.verdict.judged for row in rows))


def _ratio_level(row: Row) -> str:
    if row.verdict == Verdict.KNOWN:
        return "known"
    if row.ratio != row.ratio:
        return "r6" if row.verdict == Verdict.DIVERGES else "none"
    level = bisect.bisect_left(RATIO_STEPS, row.ratio)
    # The verdict rules the colour: a row that diverges for its shape is not painted as one that conforms.
    honest = bisect.bisect_left(RATIO_STEPS, LIMIT)
    return f"r{max(level, honest + 1) if row.verdict == Verdict.DIVERGES else min(level, honest)}"
