"""The summary of a run for a terminal."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gradconform.report.claims import in_a_line
from gradconform.report.faults import Refusal
from gradconform.report.findings import Finding
from gradconform.report.summary import Summary
from gradconform.words import figure, listed, number, without_paths

SHOWN = 20
_STYLES = {"conforms": "bold green", "fails": "bold red", "doubtful": "bold yellow", "incomplete": "bold yellow"}


def terminal_summary(summary: Summary) -> RenderableType:
    """The summary of a run as text for a terminal: the verdict, what is at fault, what could not run, the counts."""
    head = summary.headline
    # Text, never markup: a name with brackets in it must not change the output.
    parts: list[RenderableType] = [Text(head.sentence, _STYLES[head.state]), Text(head.scope)]
    parts += [Text(gap, "yellow") for gap in head.gaps]
    parts += [Text(doubt.sentence, "yellow") for doubt in summary.doubts[:SHOWN]]
    if len(summary.doubts) > SHOWN:
        parts.append(Text(f"{len(summary.doubts) - SHOWN} more to look at on the page", "yellow"))
    if summary.findings:
        parts.append(_findings(summary.findings))
    if summary.crashed or summary.unsupported:
        parts.append(_refusals((*summary.crashed, *summary.unsupported)))
    parts.append(_counts(summary))
    if line := in_a_line(summary.claims):
        parts.append(Text(line))
    if line := summary.behaviours.in_a_line:
        parts.append(Text(line))
    return Group(*parts)


def _findings(findings: tuple[Finding, ...]) -> Table:
    """A line for each finding: what it is, in how many nodes, and the worst of them."""
    table = _table("operator", "framework", "finding", "nodes", "times the bound", "worst")
    for finding in findings[:SHOWN]:
        row = finding.worst
        worst = f"{listed(finding.faults[0].nodes)} of {row.spec}: {row.tensor} {row.dtype}"
        if row.worst_index:
            got, expected = number(row.got, row.dtype), number(row.expected, row.dtype)
            worst += f" at {row.worst_index}: got {got}, expected {expected}"
        ratio = figure(row.ratio) if math.isfinite(row.ratio) else f"{row.verdict}: {row.reason}"
        texts = [
            listed(finding.ops),
            finding.framework,
            finding.in_short,
            str(len(finding.faults)),
            ratio,
            worst,
        ]
        table.add_row(*map(Text, texts))
    if len(findings) > SHOWN:
        table.add_row(Text(f"{len(findings) - SHOWN} more on the page"))
    return table


def _refusals(refusals: tuple[Refusal, ...]) -> Table:
    table = _table("verdict", "framework", "dtype", "where", "reason")
    for refusal in refusals[:SHOWN]:
        reason = (without_paths(refusal.reason).strip().splitlines() or [""])[-1]
        dtypes = " ".join(refusal.dtypes)
        more = f" and {len(refusal.where) - 1} more" if len(refusal.where) > 1 else ""
        where = f"{next(iter(refusal.where), '')}{more}"
        table.add_row(*map(Text, [refusal.verdict, refusal.framework, dtypes, where, reason]))
    if len(refusals) > SHOWN:
        table.add_row(Text(f"{len(refusals) - SHOWN} more on the page"))
    return table


def _counts(summary: Summary) -> Table:
    table = _table("rows", *summary.counts.columns)
    for verdict, counts in summary.counts.lines:
        table.add_row(Text(verdict), *(Text(f"{n:,}", justify="right") for n in counts))
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(Text(name))
    return table
