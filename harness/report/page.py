"""The page for reviewers: one file that needs nothing beside it."""

from __future__ import annotations

from datetime import datetime

import jinja2
import pandas as pd

from harness.judge.rows import LIMIT, Row
from harness.report.matrix import RATIO_STEPS, Cell, networks_of
from harness.report.run import RunInfo
from harness.report.summary import Fault, counted, listed, summary_of
from harness.report.words import figure, number, tail, without_paths

CARDS = 40
"""Faulty nodes that get a card; the rest get a line each."""

ROWS = 60
"""Tensors listed in a card; the rest are in diff.csv."""


def page(frame: pd.DataFrame, run: RunInfo) -> str:
    """The whole page as text."""
    summary = summary_of(frame, run)
    return _ENVIRONMENT.get_template("page.html").render(
        run=run,
        summary=summary,
        networks=networks_of(frame, run),
        anchors=_anchors(summary.faults[:CARDS]),
        cards=CARDS,
        rows=ROWS,
        limit=LIMIT,
        steps=RATIO_STEPS,
    )


def _anchors(faults: tuple[Fault, ...]) -> dict[tuple[str, str, str, str], str]:
    """Where the card is that speaks of a spec, framework, version and node."""
    return {
        (fault.spec, fault.framework, fault.version, node): f"fault-{i}"
        for i, fault in reversed(list(enumerate(faults, 1)))
        for node in fault.culprit.split()
    }


def _beyond(row: Row) -> str:
    """How far a row is beyond its bound, in words."""
    if row.verdict == "missing":
        return "missing"
    if row.check == "exact" and row.ratio > 0:
        return "not equal to the bit"
    if row.ratio != row.ratio or row.reason in ("shape", "dtype"):
        return f"wrong {row.reason or 'result'}"
    if row.reason == "nonfinite":
        return "NaN or infinity out of place"
    return f"{figure(row.ratio)} times the bound"


def _cell_text(cell: Cell) -> str:
    """What a cell of the table says; never nothing."""
    row = cell.worst
    if row is None or cell.word in ("missing", "unsupported", "crashed"):
        return cell.word
    if cell.word == "known":
        return f"known {figure(row.ratio)}"
    if cell.word == "diverges":
        return f"✗ {figure(row.ratio)}" if row.ratio == row.ratio else f"✗ {row.reason or 'diverges'}"
    if row.ratio != row.ratio:
        return row.reason.replace("_", " ") or "no bound"
    return figure(row.ratio)


def _cell_title(cell: Cell) -> str:
    """What a cell says to those who point at it."""
    row = cell.worst
    if row is None:
        return "the run holds no row for this node"
    if cell.word in ("unsupported", "crashed"):
        return without_paths(row.reason)[:200] or "no reason given"
    parts = [f"{row.tensor} ({row.check})", f"worst of {counted(cell.tensors, 'row')}"]
    if row.reason:
        parts.append(row.reason)
    if row.worst_index and row.ratio > 0:
        parts.append(f"at {row.worst_index}: got {number(row.got, row.dtype)}, expected {number(row.expected, row.dtype)}")
    return "; ".join(parts)


def _when(started: str) -> str:
    try:
        return datetime.fromisoformat(started).strftime("%d %B %Y, %H:%M %Z").strip()
    except ValueError:
        return started


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("harness.report"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "figure": figure, "number": number, "tail": tail, "without_paths": without_paths, "beyond": _beyond,
    "cell_text": _cell_text, "cell_title": _cell_title, "counted": counted, "listed": listed, "when": _when,
    "duration": _duration,
}  # fmt: skip
