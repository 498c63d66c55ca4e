"""The page for reviewers: one file that needs nothing beside it."""

from __future__ import annotations

import math
from datetime import datetime

import jinja2
import pandas as pd

from harness.judge.rows import LIMIT, Reason, Row, Verdict
from harness.report.faults import Fault
from harness.report.matrix import RATIO_STEPS, Cell, networks_of
from harness.report.run import RunInfo
from harness.report.summary import summary_of
from harness.report.words import counted, figure, listed, number, tail, without_paths

CARDS = 40
"""Faulty nodes that get a card; the rest get a line each."""

ROWS = 60
"""Tensors listed in a card; the rest are in diff.csv."""


_BEYOND = {
    str(Reason.SHAPE): "wrong shape",
    str(Reason.DTYPE): "wrong dtype",
    str(Reason.NONFINITE): "NaN or infinity out of place",
    str(Reason.BOUND): "the bound is not finite",
    str(Reason.NOT_BITWISE): "not equal to the bit",
}


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
        for node in fault.nodes
    }


def _beyond(row: Row) -> str:
    """How far a row is beyond its bound, in words."""
    if row.verdict == "missing":
        return "missing"
    if row.reason in _BEYOND:
        return _BEYOND[row.reason]
    if row.ratio != row.ratio:
        return f"wrong: {row.reason.replace('_', ' ') or 'no ratio'}"
    return f"{figure(row.ratio)} times the bound"


def _cell_text(cell: Cell) -> str:
    """What a cell of the table says; never nothing."""
    row = cell.worst
    if row is None or cell.word in (Verdict.MISSING, Verdict.UNSUPPORTED, Verdict.CRASHED):
        return cell.word
    text = figure(row.ratio) if math.isfinite(row.ratio) else row.reason.replace("_", " ") or "no bound"
    return {Verdict.DIVERGES: f"✗ {text}", Verdict.KNOWN: f"known {text}"}.get(Verdict(cell.word), text)


def _cell_title(cell: Cell) -> str:
    """What a cell says to those who point at it."""
    row = cell.worst
    if row is None:
        return "the run holds no row of this"
    if cell.word in ("unsupported", "crashed"):
        return without_paths(row.reason)[:200] or "no reason given"
    parts = [f"{row.tensor} ({row.check})", f"worst of {counted(cell.tensors, 'row')}"]
    if row.reason:
        parts.append(row.reason)
    if row.worst_index and row.ratio > 0:
        got, expected = number(row.got, row.dtype), number(row.expected, row.dtype)
        parts.append(f"at {row.worst_index}: got {got}, expected {expected}")
    return "; ".join(parts)


def _error_text(row: Row | None) -> str:
    """An error end to end; never nothing."""
    if row is None:
        return "not measured"
    return figure(row.max_rel_err) if row.max_rel_err == row.max_rel_err else row.reason or "NaN"


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
    "cell_text": _cell_text, "error_text": _error_text, "cell_title": _cell_title, "counted": counted,
    "listed": listed, "when": _when, "duration": _duration,
}  # fmt: skip
