"""The verdicts for CI systems: one test case for each node of each network in each framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from xml.etree import ElementTree as xml

from gradconform.contract.run import RunInfo
from gradconform.report.doubts import Doubt
from gradconform.report.summary import Summary
from gradconform.rows import CheckKind, Row, Verdict
from gradconform.words import counted, figure, listed, number, without_paths

WHOLE = "(whole problem)"
Suite = tuple[str, str, str]
"""Spec, framework, version."""


def junit(summary: Summary) -> str:
    """The summary as the text of `junit.xml`."""
    run = summary.run
    suites = _suites(summary.rows, run)
    root = xml.Element("testsuites", name="gradconform")
    for suite, nodes in suites.items():
        root.append(_suite(suite, nodes, run, summary.doubts))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{run.seconds:.1f}")
    xml.indent(root, " ")
    return xml.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _suites(rows: Iterable[Row], run: RunInfo) -> Mapping[Suite, Mapping[str, list[Row]]]:
    """Network and framework -> node -> the rows that count for it, nodes without any among them."""
    suites: dict[Suite, dict[str, list[Row]]] = {}
    nodes = {network.name: [name for name, _ in network.nodes] for network in run.networks}
    for row in rows:
        key = (row.spec, row.framework, row.version)
        suite = suites.get(key)
        if suite is None:
            suite = suites[key] = {name: [] for name in nodes.get(row.spec, [])}
        # As in the page's tables: a row that fails counts for those to look at.
        blamed = [name for name in row.culprit.split() if name in suite]
        for name in blamed or [row.node or WHOLE]:
            suite.setdefault(name, []).append(row)
    return suites


def _suite(suite: Suite, nodes: Mapping[str, Sequence[Row]], run: RunInfo, doubts: Sequence[Doubt]) -> xml.Element:
    spec, framework, version = suite
    made = xml.Element("testsuite", name=" ".join(filter(None, (spec, framework, version))))
    told = [d.sentence for d in doubts if d.spec == spec and f"{framework} {version}".strip() in d.frameworks]
    # A crash at a node is the reason why the nodes behind it have no row.
    whole = [*nodes.get(WHOLE, ()), *(row for rows in nodes.values() for row in rows if row.verdict == Verdict.CRASHED)]
    for name, rows in nodes.items():
        made.append(_case(spec, f"{framework} {version}".strip(), name, rows, whole))
    tags = [child.tag for case in made for child in case]
    made.set("tests", str(len(made)))
    for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        made.set(plural, str(tags.count(tag)))
    made.set("time", "0")
    made.set("timestamp", run.started[:19])
    if told:
        xml.SubElement(made, "system-out").text = "\n".join(told)
    return made


def _case(spec: str, framework: str, node: str, rows: Sequence[Row], whole: Sequence[Row]) -> xml.Element:
    case = xml.Element("testcase", classname=f"{spec}.{framework}", name=node, time="0")
    crashed = [row for row in rows if row.verdict == Verdict.CRASHED]
    failed = [row for row in rows if row.verdict.wrong]
    refused = [row for row in rows if row.verdict == Verdict.UNSUPPORTED]
    if crashed:
        _say(case, "error", crashed)
    elif failed:
        _say(case, "failure", failed)
    elif undecided := [row for row in rows if row.undecided]:
        message = f"undecided, {counted(len(undecided), 'row')}: {_line(undecided[0])}"
        xml.SubElement(case, "skipped", message=message).text = "\n".join(map(_line, undecided))
    elif rows and len(refused) == len(rows):
        xml.SubElement(case, "skipped", message=without_paths(refused[0].reason) or "unsupported")
    elif not rows:
        why = next((row.reason for row in whole), "") or "the run holds no row of this node"
        xml.SubElement(case, "skipped", message=f"not judged: {without_paths(why)}")
    known = [row for row in rows if row.verdict == Verdict.KNOWN]
    nonfinite = [row for row in rows if row.n_nonfinite and row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT)]
    if known or nonfinite:
        lines = [*map(_line, known), *map(_nonfinite, nonfinite)]
        xml.SubElement(case, "system-out").text = "\n".join(lines)
    return case


def _say(case: xml.Element, tag: str, rows: Iterable[Row]) -> None:
    """Add what is wrong to a test case: the worst row as its message, all of them as its text."""
    ordered = sorted(rows, key=attrgetter("severity"), reverse=True)
    element = xml.SubElement(case, tag, message=_line(ordered[0]), type=ordered[0].verdict)
    element.text = "\n".join(map(_line, ordered))


def _nonfinite(row: Row) -> str:
    count = counted(row.n_nonfinite, "element")
    return f"{row.tensor} {row.dtype} {row.check}; {count} of NaN or infinity; {row.verdict}"


def _line(row: Row) -> str:
    """One row of a report in a sentence."""
    words = [" ".join(filter(None, (row.tensor or "the whole problem", row.dtype, row.check))), row.verdict]
    if row.ratio == row.ratio:
        words.append(f"{figure(row.ratio)} times the bound")
    if row.worst_index:
        got, expected = number(row.got, row.dtype), number(row.expected, row.dtype)
        words.append(f"at {row.worst_index}: got {got}, expected {expected}")
    if row.reason:
        words.append(without_paths(row.reason))
    if row.culprit:
        words.append(f"look at {listed(row.culprit.split())}")
    return "; ".join(words)
