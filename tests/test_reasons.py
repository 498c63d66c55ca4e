"""Reasons: codes, sentences and parts; and that no report depends on how a sentence is worded."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import pytest
from gradconform import reasons
from gradconform.contract.run import RunInfo
from gradconform.history.compare import changes
from gradconform.history.runs import open_run
from gradconform.reasons import Answered, Claimed, Code, Reason, Refused
from gradconform.report.files import write_night
from gradconform.report.junit import junit
from gradconform.report.markdown import markdown
from gradconform.report.page import page
from gradconform.report.summary import Summary
from gradconform.rows import Check, CheckKind, Row, Verdict, blank

SPOKEN = {
    "_GIVES": ", whereas in {framework} of version {version} one finds ",
    "_IS_RIGHT": ", it ought to be",
    "_NO_GRADIENT": " since {leaves} wants none",
    "_TAKE_OFF": "no more ({why}), strike it out",
    "_LISTED": "{reason}: see {link}, {why}",
    "_RECORDED": "{reason}, on record: {why}",
    "_CHANGED": "another habit, {version} `{word}`{rest} and not {was}, {update}",
}
"""Every sentence in other words."""


def row(**known: Any) -> Row:
    """A row of torch, of a network, judged as is said."""
    base = {
        "spec": "net",
        "node": "y",
        "op": "relu",
        "tensor": "output/y",
        "framework": "torch",
        "version": "2.0",
        "dtype": "float32",
        "route": "primary",
        "check": "local",
    }
    return blank(**(base | known))


def told() -> list[Row]:
    """A row for every kind of sentence of which a report shows anything."""
    claim = reasons.claimed("claim is wrong", "y; it is 2 (p. 3)", "torch", "2.0", "3; so")
    wrong = reasons.otherwise("other [1, 2]", [], "adds", "[2, 2]")
    cut = reasons.placed(Code.GRAPH_CUT, ["h"], ["x"])
    route = Check(CheckKind.ROUTE, "retain_grad")
    return [
        row(verdict="refuted", check="claim", reason=claim),
        row(verdict="known", spec="b", check="semantics", reason=reasons.recorded(wrong, "it has always been so")),
        row(
            verdict="diverges",
            spec="c",
            check="semantics",
            culprit="y",
            reason=reasons.changed(wrong, "other [1, 2]", "torch 1.0 did `adds`", "2.0", "look"),
        ),
        row(verdict="conforms", spec="d", check="semantics", reason=reasons.as_it_should("none", cut)),
        row(verdict="known", tensor="grad/y", reason=reasons.listed(Reason(Code.NONFINITE), "it is so", "a link")),
        row(verdict="diverges", tensor="grad/x", reason=reasons.vanished("it was so"), culprit="y"),
        row(verdict="missing", tensor="grad/h", reason=cut, culprit="h"),
        row(verdict="measured", tensor="grad/h", check=route, route="hooks", reason=cut),
        row(verdict="conforms", tensor="grad/z", reason=Reason(Code.UNINFORMATIVE), ratio=0.0),
    ]


def shown(rows: list[Row]) -> dict[str, Any]:
    """Every figure and word of the reports that comes out of a reason."""
    summary = Summary.of(rows, RunInfo(started="2026-01-01T00:00:00+00:00"))
    cases = xml.fromstring(junit(summary))
    lines = [line for behaviour in summary.behaviours.behaviours for line in behaviour.lines]
    cells = [(cell.word, cell.mark, line.right) for line in lines for cell in line.cells]
    return {
        "headline": summary.headline,
        "counts": summary.counts,
        "uninformative": summary.uninformative,
        "claims": [(claim.text, claim.word, [a.given for a in claim.answers]) for claim in summary.claims],
        "behaviours": cells,
        "words": summary.behaviours.words,
        "line": summary.behaviours.in_a_line,
        "faults": [(fault.culprit, len(fault.rows), fault.worst.reason.code) for fault in summary.faults],
        "known": [(fault.culprit, fault.worst.reason.code) for fault in summary.known],
        "routes": summary.routes,
        "junit": [(cases.get("failures"), cases.get("errors"), cases.get("tests"))],
        "beyond": ["NaN or infinity out of place" in text for text in (page(summary), markdown(summary))],
    }


def vanished_in(rows: list[Row], folder: Path) -> list[str]:
    """The listed divergences that a comparison finds vanished, in a run of these rows after one of none."""
    for name, of in (("a", []), ("b", rows)):
        folder.mkdir(exist_ok=True)
        write_night(of, RunInfo(started=f"2026-01-0{1 + (name == 'b')}T00:00:00+00:00"), folder / name)
    found = changes(open_run(folder / "a"), open_run(folder / "b"))
    return [change.address.tensor for change in found.vanished_divergences]


def from_a_file(rows: list[Row]) -> list[Row]:
    """The rows as they are read back: of texts alone."""
    return [Row(*(str(value) if isinstance(value, str) else value for value in astuple(row))) for row in rows]


def reworded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say everything otherwise from now on."""
    for name, sentence in SPOKEN.items():
        monkeypatch.setattr(reasons, name, sentence)


@pytest.mark.parametrize("read", [list, from_a_file], ids=["in memory", "from a file"])
def test_rewording_a_sentence_changes_no_report(
    read: Callable[[list[Row]], list[Row]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Page, summary, JUnit and comparison say the same of rows whose reasons are worded otherwise."""
    before, texts, gone = shown(read(told())), {row.reason for row in told()}, vanished_in(told(), tmp_path / "before")
    reworded(monkeypatch)
    assert texts.isdisjoint({row.reason for row in told() if row.reason.code != Code.UNINFORMATIVE})
    assert shown(read(told())) == before
    assert vanished_in(told(), tmp_path / "after") == gone == ["grad/x"]


def test_what_is_written_in_other_words_and_read_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: texts of one wording, read in another, have lost their parts, and the reports show it."""
    before, written = shown(told()), told()
    reworded(monkeypatch)
    assert shown(written) == before
    assert shown(from_a_file(written)) != before


def test_the_reports_of_the_test_above_show_something() -> None:
    """Nothing there is empty, so an equality says something."""
    seen = shown(told())
    assert seen["claims"] == [("y; it is 2 (p. 3)", "wrong", ["3; so"])]
    assert seen["behaviours"] == [("other [1, 2]", "≠ ", "adds"), ("other [1, 2]", "✗ ", "adds"), ("none", "", "none")]
    assert seen["known"] == [("y", Code.NONFINITE)]
    assert seen["uninformative"] == 1
    assert [view.missing for view in seen["routes"]] == [("1 tensor (graph_cut)",)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("value", Code.VALUE),
        ("value: step 1e-3", Code.VALUE),
        ("graph_cut at h", Code.GRAPH_CUT),
        ("listed divergence vanished: it was", Code.VANISHED),
        ("", None),
        ("values", None),
        ("RuntimeError: no", None),
        ("needs output/value, which is missing", None),
        ("the value: 3", None),
    ],
)
def test_a_code_stands_at_the_beginning(text: str, code: Code | None) -> None:
    """Alone, before a sentence, or before a place; a word of somebody's sentence is none."""
    assert Reason(text).code == code
    assert Reason(text) == text


def test_a_refusal_is_told_from_where_it_was_said() -> None:
    """The node and the operator that the worker writes first are no part of the framework's sentence."""
    refused = row(verdict="unsupported", reason="node 'a' (gelu): only: tanh").refused
    assert refused == Refused("a", "gelu", "only: tanh")
    assert row(verdict="unsupported", reason="no float64").refused == Refused("", "", "no float64")


@pytest.mark.parametrize("carried", [copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row)), replace])
def test_a_row_keeps_its_types_and_parts(carried: Callable[[Row], Row]) -> None:
    """On the way between processes, too."""
    for sent in told():
        got = carried(sent)
        assert got.reason.part == sent.reason.part
        assert got.reason.code == sent.reason.code
        assert (type(got.verdict), type(got.check), got.check.kind) == (Verdict, Check, sent.check.kind)


def test_a_row_of_texts_has_types() -> None:
    """As it comes from a file or from another process; what there is not is refused."""
    read = row(verdict="diverges", kind="output", check="cross:chainer-7.8.1")
    assert (read.verdict, read.check.kind, read.check.of) == (Verdict.DIVERGES, CheckKind.CROSS, "chainer-7.8.1")
    assert str(read.check) == "cross:chainer-7.8.1"
    for wrong in ({"verdict": "fine"}, {"kind": "sideways"}, {"check": "a:b"}):
        with pytest.raises(ValueError, match=next(iter(wrong.values())).partition(":")[0]):
            row(**wrong)


def test_parts_are_carried_where_they_are_written() -> None:
    """A claim and an answer say themselves what a report shows of them."""
    claim, known, *_ = told()
    assert claim.claimed == claim.reason.part == Claimed("y; it is 2 (p. 3)", "3; so")
    assert known.answered == known.reason.part == Answered("other [1, 2]", "adds")
