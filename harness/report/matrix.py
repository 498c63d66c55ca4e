"""Per network: nodes against frameworks, and the error end to end."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from harness.judge.rows import LIMIT, Row, Verdict
from harness.report.faults import rows_of, severity
from harness.report.run import NetworkInfo, RunInfo
from harness.report.summary import FAILING, JUDGED

Column = tuple[str, str, str]
"""Framework, version, dtype."""

RATIO_STEPS = (0.01, 0.1, 1.0, LIMIT, 100.0, 10_000.0)
"""Where the colours of a ratio change; beyond the limit only rows that fail may lie."""

ERROR_STEPS = (16.0, 1024.0, 1_048_576.0)
"""Where the shades of an error end to end change, in units of roundoff of the dtype. A shade, not a judgement."""

_UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}


@dataclass(frozen=True)
class Cell:
    """One node in one framework and dtype. word: its verdict or why there is none; worst: the row it comes from; level: its colour."""

    word: str
    level: str
    worst: Row | None
    tensors: int


@dataclass(frozen=True)
class Line:
    """One node: its cells in the order of the columns."""

    node: str
    op: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ErrorCell:
    """The measured error of one tensor in one framework and dtype, against the reference; None where it was not measured."""

    error: float | None
    level: str


@dataclass(frozen=True)
class ErrorLine:
    """One tensor: its errors end to end in the order of the columns."""

    tensor: str
    cells: tuple[ErrorCell, ...]


@dataclass(frozen=True)
class Between:
    """The tensor in which two frameworks differ most, end to end."""

    row: Row
    other: str
    tensors: int


@dataclass(frozen=True)
class NetworkView:
    """What the page shows of one network."""

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


def networks_of(frame: pd.DataFrame, run: RunInfo) -> tuple[NetworkView, ...]:
    """One view for each network: those of the manifest in its order, then any that only the rows know."""
    named = [network.name for network in run.networks]
    extra = [NetworkInfo(str(spec), "", "", ()) for spec in sorted(set(frame["spec"]) - set(named))]
    columns = _columns(frame, run)
    parts = {str(spec): part for spec, part in frame.groupby("spec")}
    empty = frame.iloc[:0]
    return tuple(
        _view(network, parts.get(network.name, empty), columns) for network in [*run.networks, *extra]
    )


def _columns(frame: pd.DataFrame, run: RunInfo) -> tuple[Column, ...]:
    """Every framework of the manifest or the rows, with every dtype of the rows: a column with no row says so."""
    dtypes = sorted(set(frame["dtype"]) - {""}) or [""]
    seen = [
        (row.framework, row.version) for row in frame[["framework", "version"]].drop_duplicates().itertuples()
    ]
    # Before a framework could be started its version is unknown; such rows belong to the version that the manifest names.
    pairs = dict.fromkeys(
        [(info.name, info.version) for info in run.frameworks] + [pair for pair in seen if pair[1]]
    )
    pairs.update(
        dict.fromkeys(pair for pair in seen if pair[0] and pair[0] not in {name for name, _ in pairs})
    )
    return tuple((name, version, dtype) for name, version in pairs for dtype in dtypes)


def _view(network: NetworkInfo, frame: pd.DataFrame, columns: Sequence[Column]) -> NetworkView:
    rows = rows_of(frame)
    nodes = dict(network.nodes) | {
        row.node: row.op for row in rows if row.node and row.node not in dict(network.nodes)
    }
    by_cell: dict[tuple[str, Column], list[Row]] = {}
    for row in rows:
        if row.verdict != Verdict.MEASURED:
            # What failed as a whole failed at every node.
            for place in _places(row, nodes) or nodes or [""]:
                for column in _columns_of(row, columns):
                    by_cell.setdefault((place, column), []).append(row)
    lines = tuple(
        Line(node, op, tuple(_cell(by_cell.get((node, column), ())) for column in columns))
        for node, op in (nodes or {"": ""}).items()
    )
    return NetworkView(
        network.name, network.about, network.path, tuple(columns),
        overall=tuple(map(_overall, zip(*(line.cells for line in lines), strict=True))),
        lines=lines, errors=_errors(rows, list(nodes), columns), between=_between(rows),
        failed=int(frame["verdict"].isin(FAILING).sum()), judged=int(frame["verdict"].isin(JUDGED).sum()),
    )  # fmt: skip


def _overall(cells: Sequence[Cell]) -> Cell:
    """The worst of a network's cells. A node without any row counts: a network with a hole is not whole."""
    return next((cell for cell in cells if cell.worst is None), None) or max(
        cells, key=lambda cell: severity(cell.worst) if cell.worst else (0, False, 0.0)
    )


def _columns_of(row: Row, columns: Iterable[Column]) -> list[Column]:
    """The columns a row speaks of: what failed before its version or dtype was known speaks of them all."""
    return [
        (name, version, dtype)
        for name, version, dtype in columns
        if row.framework == name and row.version in ("", version) and row.dtype in ("", dtype)
    ]


def _places(row: Row, nodes: Iterable[str]) -> list[str]:
    """The nodes in whose cells a row counts: those to look at where it fails, else the node it belongs to."""
    blamed = [name for name in row.culprit.split() if name in nodes]
    return blamed or ([row.node] if row.node in nodes else [])


def _cell(rows: Sequence[Row]) -> Cell:
    judged = [row for row in rows if row.verdict != Verdict.UNSUPPORTED]
    # What was refused in one variant and judged in another has a figure; the refusal has its own entry on the page.
    worst = max(judged or rows, key=severity, default=None)
    if worst is None:
        return Cell("no row", "none", None, 0)
    figured = worst.verdict in (Verdict.CONFORMS, Verdict.DIVERGES, Verdict.KNOWN)
    return Cell(
        worst.verdict,
        _ratio_level(worst) if figured else worst.verdict,
        worst,
        sum(row.verdict in JUDGED for row in rows),
    )


def _ratio_level(row: Row) -> str:
    if row.verdict == Verdict.KNOWN:
        return "known"
    if row.ratio != row.ratio:
        return "r6" if row.verdict == Verdict.DIVERGES else "none"
    level = bisect.bisect_left(RATIO_STEPS, row.ratio)
    # The verdict rules the colour: a row that diverges for its shape is not painted as one that conforms.
    honest = bisect.bisect_left(RATIO_STEPS, LIMIT)
    return f"r{max(level, honest + 1) if row.verdict == Verdict.DIVERGES else min(level, honest)}"


def _errors(rows: Sequence[Row], nodes: list[str], columns: Sequence[Column]) -> tuple[ErrorLine, ...]:
    place = {node: i for i, node in enumerate(nodes)}
    found: dict[str, dict[Column, float]] = {}
    where: dict[str, tuple[bool, int, str]] = {}
    for row in rows:
        if row.check != "end_to_end" or not row.tensor:
            continue
        cells = found.setdefault(row.tensor, {})
        where[row.tensor] = (row.kind != "output", place.get(row.node, len(place)), row.tensor)
        for column in _columns_of(row, columns):
            # The larger of two routes; a NaN is larger than any.
            held = cells.get(column, row.max_rel_err)
            cells[column] = row.max_rel_err if not held >= row.max_rel_err and held == held else held
    return tuple(
        ErrorLine(tensor, tuple(_error_cell(found[tensor].get(column), column[2]) for column in columns))
        for tensor in sorted(found, key=lambda tensor: where[tensor])
    )


def _error_cell(error: float | None, dtype: str) -> ErrorCell:
    if error is None or dtype not in _UNIT:
        return ErrorCell(error, "e0")
    if error != error:
        return ErrorCell(error, f"e{len(ERROR_STEPS)}")
    return ErrorCell(error, f"e{bisect.bisect_right(ERROR_STEPS, error / _UNIT[dtype])}")


def _between(rows: Sequence[Row]) -> tuple[Between, ...]:
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows:
        if row.check.startswith("cross:"):
            groups.setdefault((row.framework, row.version, row.check, row.dtype), []).append(row)
    return tuple(
        Between(
            max(group, key=lambda r: (r.max_rel_err != r.max_rel_err, r.max_rel_err)),
            key[2].partition(":")[2],
            len(group),
        )
        for key, group in groups.items()
    )
