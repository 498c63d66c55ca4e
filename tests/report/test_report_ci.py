"""What CI systems and pull requests read: junit.xml is valid and complete, summary.md is short and harmless."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
import xmlschema
from gradconform.history.changes import (
    Address,
    Changes,
    EnvironmentChange,
    NotRun,
    RunName,
    VanishedRow,
    VerdictChange,
)
from gradconform.report.junit import WHOLE, junit
from gradconform.report.markdown import markdown, plain
from gradconform.report.page import page
from gradconform.report.summary import Summary
from gradconform.rows import Row, Verdict
from report_builder import bad_rows, good_rows, networks, run_info

NETS = networks(3, 12)
SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit-10.xsd")
NASTY = "]]> <failure/> & \"'\x0b\x00\ud800 \x1b[31mred"


def of(rows: list[Row], nets: object = NETS) -> str:
    """The text of junit.xml for these rows."""
    return junit(Summary.of(rows, run_info(nets)))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [good_rows(NETS), bad_rows(NETS), []], ids=["good", "bad", "none"])
def test_junit_is_valid(rows: list[Row]) -> None:
    """The schema that CI systems were written against accepts it, whatever is in the run."""
    SCHEMA.validate(of(rows))


def test_the_schema_would_refuse_another_element() -> None:
    """The twin: the same file with a test case under another name is refused."""
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        SCHEMA.validate(of(bad_rows(NETS)).replace("<testcase", "<case").replace("</testcase", "</case"))


def test_every_node_is_a_case_and_the_sums_are_right() -> None:
    """One case for each network, framework and node; the heads count what is below them."""
    root = xml.fromstring(of(bad_rows(NETS)))
    for suite in root:
        names = [case.get("name") for case in suite]
        spec = next(net for net in NETS if suite.get("name", "").startswith(net.name))
        assert [name for name in names if name != WHOLE] == [name for name, _ in spec.nodes]
        tags = [child.tag for case in suite for child in case]
        told = [int(suite.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")]
        assert told == [len(names), tags.count("failure"), tags.count("error"), tags.count("skipped")]
    assert len(root) == 9
    assert int(root.get("failures", "0")) == sum(int(suite.get("failures", "0")) for suite in root) > 0


def test_a_failure_says_what_is_wrong_and_a_refusal_is_a_skip_with_its_reason() -> None:
    """The message has the tensor, the ratio, the element and the node to look at; crashes are errors."""
    root = xml.fromstring(of(bad_rows(NETS)))
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    failure = cases["net01.chainer 7.8.1", "conv2d_0"].find("failure")
    assert failure is not None
    message = failure.get("message", "")
    element = "at [0, 3, 1, 2]: got 0.9, expected 0.3"
    for words in ("grad/conv2d_0.", "3.4e6 times the bound", element, "look at conv2d_0"):
        assert words in message
    crash = cases["net02.chainer 7.8.1", WHOLE].find("error")
    assert crash is not None
    assert "ValueError: a < b & c > d" in (crash.text or "")
    assert "/home/" not in of(bad_rows(NETS))
    skipped = cases["net02.nnabla 1.39.0", NETS[2].nodes[0][0]].find("skipped")
    assert skipped is not None
    assert "no row of this node" in skipped.get("message", "")
    known = cases["net01.nnabla 1.39.0", "layer_norm_6"]
    assert known.find("failure") is None
    assert "known" in (known.findtext("system-out") or "")
    assert cases["net00.torch 2.13.0", "conv2d_0"].find("failure") is None


def test_a_node_that_fails_in_one_row_fails_whatever_the_others_say() -> None:
    """One diverging row among the conforming, refused and measured ones of a node is enough."""
    rows = good_rows(NETS)
    at = next(i for i, row in enumerate(rows) if row.node == "gelu_5" and row.framework == "torch")
    rows[at] = replace(rows[at], verdict=Verdict.MISSING, reason="graph_cut", culprit="gelu_5")
    root = xml.fromstring(of(rows))
    failing = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failing == ["gelu_5"]


def test_words_that_xml_cannot_hold_do_not_break_it() -> None:
    """Brackets, control characters and half characters in a reason leave a file that parses."""
    rows = [replace(row, reason=row.reason and NASTY) for row in bad_rows(NETS)]
    SCHEMA.validate(of(rows))
    assert "]]&gt; &lt;failure/&gt;" in of(rows)


def test_the_summary_is_short_and_names_the_culprits() -> None:
    """A reviewer sees the verdict, the nodes, how far they are, and what crashed; and no more than a screen."""
    text = markdown(Summary.of(bad_rows(NETS), run_info(NETS)))
    lines = text.splitlines()
    assert lines[0].startswith("## ❌ Not everything conforms")
    assert "| **conv2d**: wrong law | chainer 7.8.1 | 2 nodes of 1 network | conv2d\\_0 of net01 | 3.4e6 times" in text
    assert "**chainer 7.8.1 crashed** in 1 place" in text
    assert "ValueError: a \\< b & c \\> d" in text
    assert len(lines) < 45
    assert len(text) < 8_000
    assert "/home/" not in text
    table = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}


def test_a_good_summary_is_shorter_still() -> None:
    """Nothing to look at: the verdict, what it speaks of, and where it comes from."""
    text = markdown(Summary.of(good_rows(NETS), run_info(NETS)))
    assert text.startswith("## ✅ Everything conforms")
    assert "|" not in text.replace("\\|", "")


@pytest.mark.parametrize("words", ["<img src=x>", "[a](http://b)", "| a |", "*a* _b_ `c`", "@somebody #12", "a\nb"])
def test_other_peoples_words_are_no_markdown(words: str) -> None:
    """Every sign that means something is escaped, and nobody is mentioned."""
    made = plain(words)
    assert not re.search(r"(?<!\\)[<>\[\]|*_`#]", made)
    assert "\n" not in made
    assert "@s" not in made
    assert "://" not in made


def changes() -> Changes:
    """A run that is worse than the one before in two ways, in another environment."""
    where = Address("net01", "conv2d_0", "grad/conv2d_0", "chainer", "chainer", "primary", "float32", "local")
    worse = VerdictChange(where, "conforms", "diverges", "value", 0.5, 812.0, "conv2d_0", regression=True)
    return Changes(
        RunName("reports/history/before", "2025-11-03T02:17:09+00:00", "abcdef1234567890"),
        RunName("reports/latest", "2025-11-04T02:17:09+00:00", ""),
        environment=(EnvironmentChange("chainer", "version", "7.8.0", "7.8.1"),),
        not_run=(NotRun(True, "nnabla-1.32", "", "", "", "no <interpreter>"),),
        verdicts=(worse,),
        vanished_rows=(VanishedRow(replace(where, tensor="output/gone"), "conforms", ""),),
        vanished_divergences=(),
        new_rows=(),
        ratios=(),
        compared=1234,
        history=7,
    )


def test_changes_are_told_on_the_page_and_in_the_summary() -> None:
    """The environment comes first, then what could not run, then what is worse; nothing of it without changes."""
    rows, run = bad_rows(NETS), run_info(NETS)
    html = page(Summary.of(rows, run), changes())
    section = html[html.index('id="changes"') : html.index('id="faults"')]
    order = [
        "2 rows worse",
        "1,234 rows compared",
        "Environment: 1",
        "7.8.0",
        "nnabla-1.32",
        "no &lt;interpreter&gt;",
        "Other verdict: 1",
        "grad/conv2d_0",
        "✗ worse",
        "Vanished rows",
        "output/gone",
    ]
    places = [section.index(words) for words in order]
    assert places == sorted(places)
    text = markdown(Summary.of(rows, run), changes())
    assert "2 rows worse" in text
    assert "chainer version 7.8.0 → 7.8.1" in text
    assert "nnabla-1.32 could not run" in text
    assert 'id="changes"' not in page(Summary.of(rows, run))
    assert "worse" not in markdown(Summary.of(rows, run))


def doubtful() -> list[Row]:
    """A good run in which one node's output is NaN as it should be, and another's is decided by rounding alone."""
    changed = {
        "output/relu_2": {"n_nonfinite": 3},
        "output/softmax_7": {"verdict": "inconclusive", "reason": "undecided"},
    }
    return [
        replace(row, **changed[row.tensor])  # type: ignore[arg-type]
        if row.tensor in changed and (row.check, row.framework, row.dtype) == ("local", "torch", "float32")
        else row
        for row in good_rows(NETS)
    ]


def test_what_is_to_be_looked_at_is_in_junit_and_in_the_summary() -> None:
    """What could not be decided is skipped and not passed; NaN is told in its case and in its suite."""
    SCHEMA.validate(of(doubtful()))
    suites = xml.fromstring(of(doubtful())).findall("testsuite")
    (suite,) = [suite for suite in suites if suite.get("name") == "net01 torch 2.13.0"]
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    skipped = cases["softmax_7"].find("skipped")
    assert skipped is not None
    assert skipped.get("message", "").startswith("undecided, 1 row: output/softmax_7 float32 local; inconclusive")
    assert [name for name, case in cases.items() if case.find("skipped") is not None] == ["softmax_7"]
    assert suite.get("skipped") == "1"
    said = cases["relu_2"].findtext("system-out")
    assert said == "output/relu_2 float32 local; 3 elements of NaN or infinity; conforms"
    assert "NaN or infinity in 1 tensor since relu_2" in (suite.findtext("system-out") or "")
    text = markdown(Summary.of(doubtful(), run_info(NETS)))
    assert "## ⚠️ Everything conforms, but 3 tensors hold NaN or infinity and 3 tensors could not be decided." in text
    assert "since relu\\_2" in text
    assert "To look at, though nothing fails there" in page(Summary.of(doubtful(), run_info(NETS)))
    assert "To look at, though nothing fails there" not in page(Summary.of(good_rows(NETS), run_info(NETS)))
