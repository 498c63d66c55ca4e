"""The page for reviewers: one file that needs nothing beside it."""

from __future__ import annotations

import base64
import hashlib
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import datetime
from functools import partial
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

import jinja2

from gradconform.contract.run import RunInfo
from gradconform.evidence.value import Evidence, key_of
from gradconform.history.changes import Changes
from gradconform.reasons import Code
from gradconform.report.atlas import edges_of
from gradconform.report.consequence import Ends, consequence
from gradconform.report.errors import Column
from gradconform.report.faults import Fault
from gradconform.report.findings import WORST, Finding
from gradconform.report.matrix import RATIO_STEPS, Cell, NetworkView, networks_of
from gradconform.report.payload import payload
from gradconform.report.ratios import Ratios
from gradconform.report.summary import Summary
from gradconform.rows import LIMIT, CheckKind, Row, Verdict
from gradconform.words import counted, figure, listed, number, tail, without_paths

CARDS = 40
"""Findings that get a card; the rest get a line each."""

ROWS = 60
"""Tensors listed in a card; the rest are in diff.csv."""

FEW = 12
"""So many networks are all listed below their table; of more, those that fail and those asked for."""

BEYOND = 1e30
"""So far a ratio is drawn at all."""

Place = tuple[str, str, str, str]
"""Spec, framework, version, node."""

_SCRIPTS = ("data.js", "table.js", "charts.js", "main.js")

_BEYOND = {
    Code.SHAPE: "wrong shape",
    Code.DTYPE: "wrong dtype",
    Code.NONFINITE: "NaN or infinity out of place",
    Code.BOUND: "the bound is not finite",
    Code.NOT_BITWISE: "not equal to the bit",
}


def page(summary: Summary, changes: Changes | None = None, evidence: Sequence[Evidence] = ()) -> str:
    """The whole page as text.

    changes: since an earlier run.
    evidence: of the worst rows.
    """
    run, networks = summary.run, networks_of(summary)
    anchors = _anchors(summary.findings[:CARDS])
    shown = _shown(summary.findings[:CARDS], evidence)
    scripts = page_scripts()
    environment = _environment(summary)
    return environment.get_template("page.html").render(
        run=run,
        summary=summary,
        networks=networks,
        few=FEW,
        changes=changes,
        edges=edges_of({row.op for row in summary.rows}, {info.name for info in run.frameworks}),
        evidence=shown,
        anchors=anchors,
        cards=CARDS,
        worst=WORST,
        rows=ROWS,
        limit=LIMIT,
        steps=RATIO_STEPS,
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        payload=payload(
            summary.rows,
            {
                "networks": [_drawn(network, run, environment, anchors) for network in networks],
                "frameworks": list(dict.fromkeys(info.name for info in run.frameworks)),
                "ratios": [astuple(_finite(each)) for each in summary.ratios],
                "evidence": {anchor: _carried(each) for anchor, each in shown.items()},
            },
        ),
    )


def _finite(ratios: Ratios) -> Ratios:
    """The spread as numbers that JSON knows: what is beyond all bounds is drawn at the end of the scale."""
    figures = {name: min(getattr(ratios, name), BEYOND) for name in ("lower", "median", "upper", "largest")}
    return replace(ratios, **figures)


def _shown(findings: Sequence[Finding], evidence: Sequence[Evidence]) -> dict[str, Evidence]:
    """Anchor of a card -> the evidence that the card shows, for the cards that have any."""
    by_row = {each.row: each for each in evidence}
    keys = {f"fault-{i}": key_of(finding.worst) for i, finding in enumerate(findings, 1)}
    return {anchor: by_row[key] for anchor, key in keys.items() if key in by_row}


def page_scripts() -> tuple[str, ...]:
    """The scripts of the page: the plotting library, then the page's own."""
    home = resources.files("gradconform.report")
    ours = [(home / "templates" / "js" / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return (home / "vendor" / "plot" / "plot.js").read_text(encoding="utf-8"), "\n".join(ours)


def _hash(script: str) -> str:
    """The digest of a script in the page's policy: no other script is run, whatever a name or a reason holds."""
    # The parser turns carriage returns into line feeds before it looks.
    digest = hashlib.sha256(script.replace("\r\n", "\n").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _drawn(
    network: NetworkView, run: RunInfo, environment: jinja2.Environment, anchors: Mapping[Place, str]
) -> dict[str, Any]:
    """What is shown of a network when it is opened: its tables as markup, its graph as names."""
    info = next((info for info in run.networks if info.name == network.name), None)
    html = environment.get_template("network.html").render(
        network=network, anchors=anchors, limit=LIMIT, steps=RATIO_STEPS
    )
    nodes, edges = (list(info.nodes), list(info.edges)) if info else ([], [])
    return {"name": network.name, "html": html, "nodes": nodes, "edges": edges}


def _carried(evidence: Evidence) -> dict[str, Any]:
    histogram = evidence.histogram
    return {"name": evidence.name, "script": evidence.script, "bins": histogram.bins if histogram else ()}


def _anchors(findings: Sequence[Finding]) -> dict[Place, str]:
    """(spec, framework, version, node) -> the anchor of the card that speaks of it."""
    return {
        (fault.spec, fault.framework, fault.version, node): f"fault-{i}"
        for i, finding in reversed(list(enumerate(findings, 1)))
        for fault in finding.faults
        for node in fault.nodes
    }


def rows_href(wanted: Mapping[str, str]) -> str:
    """The address, within the page, of the table of rows with a filter for these values."""
    return "#" + urlencode({name: value for name, value in wanted.items() if value}, quote_via=quote, safe="")


def row_href(row: Row) -> str:
    """The address, within the page, of one row."""
    return "#row=" + "/".join(quote(part, safe="") for part in key_of(row))


def _cell_href(
    cell: Cell, network: NetworkView, column: Column, node: str | None, anchors: Mapping[Place, str] | None = None
) -> str:
    """Where a cell of the matrix leads: to the card of what diverges, else to its rows; nowhere where it has none."""
    framework, version, dtype = column
    card = (anchors or {}).get((network.name, framework, version, node or ""))
    if card and cell.worst is not None and cell.worst.verdict.wrong:
        return f"#{card}"
    if cell.worst is None or not cell.tensors:
        return ""
    return rows_href(
        {"spec": network.name, "node": node or "", "framework": framework, "version": version, "dtype": dtype}
    )


def beyond(row: Row) -> str:
    """How far a row is beyond its bound, in words."""
    if row.verdict == Verdict.MISSING:
        return str(row.verdict)
    if row.reason.code in _BEYOND:
        return _BEYOND[row.reason.code]
    if row.ratio != row.ratio:
        return f"wrong: {row.reason.replace('_', ' ') or 'no ratio'}"
    return f"{figure(row.ratio)} times the bound"


def _cell_text(cell: Cell) -> str:
    """What stands in a cell of the matrix; never nothing."""
    row = cell.worst
    if row is None or cell.word in (Verdict.MISSING, Verdict.UNSUPPORTED, Verdict.CRASHED):
        return cell.word
    # The whole of a sentence is in the title.
    word = row.reason.head.replace("_", " ")[:24]
    text = figure(row.ratio) if math.isfinite(row.ratio) else word or "no bound"
    return {Verdict.DIVERGES: f"✗ {text}", Verdict.KNOWN: f"known {text}"}.get(Verdict(cell.word), text)


def _cell_title(cell: Cell) -> str:
    """What a cell of the matrix says to those who point at it."""
    row = cell.worst
    if row is None:
        return "the run holds no row of this"
    if cell.word in (Verdict.UNSUPPORTED, Verdict.CRASHED):
        return without_paths(row.reason)[:200] or "no reason given"
    parts = [f"{row.tensor} ({row.check})", f"worst of {counted(cell.tensors, 'row')}"]
    if row.reason:
        parts.append(row.reason)
    if row.worst_index and row.ratio > 0:
        got, expected = number(row.got, row.dtype), number(row.expected, row.dtype)
        parts.append(f"at {row.worst_index}: got {got}, expected {expected}")
    return "; ".join(parts)


def _error_text(row: Row | None) -> str:
    """What stands in a cell of the errors end to end; never nothing."""
    if row is None:
        return "not measured"
    return figure(row.max_rel_err) if row.max_rel_err == row.max_rel_err else row.reason or "NaN"


def _when(started: str) -> str:
    try:
        return datetime.fromisoformat(started).strftime("%d %B %Y, %H:%M %Z").strip()
    except ValueError:
        return started


def duration(seconds: float) -> str:
    """Wall time in words, such as `2 min 5 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def command(fault: Fault, run: RunInfo) -> str:
    """The command that shows a fault again, with problem and capture kept."""
    row = fault.worst
    path = next((info.path for info in run.networks if info.name == row.spec), "") or row.spec
    words = ["gradconform", "run", path, "--adapter", row.framework]
    words += ["--dtype", row.dtype] if row.dtype else []
    words += ["--route", row.route] if row.check.kind == CheckKind.ROUTE else []
    words += [] if run.seed is None else ["--seed", str(run.seed)]
    return shlex.join([*words, "--out", "again", "--keep", "again.kept"])


def _environment(summary: Summary) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradconform.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure,
        "number": number,
        "tail": tail,
        "without_paths": without_paths,
        "beyond": beyond,
        "cell_text": _cell_text,
        "error_text": _error_text,
        "cell_title": _cell_title,
        "counted": counted,
        "listed": listed,
        "when": _when,
        "duration": duration,
        "cell_href": _cell_href,
        "row_href": row_href,
        "rows_href": rows_href,
        "quoted": partial(quote, safe=""),
        "command": partial(command, run=summary.run),
        "consequence": partial(consequence, ends=Ends.of(summary.rows, summary.run)),
    }
    return environment
