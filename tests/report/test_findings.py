"""Findings: what belongs together, what does not, and whether a law is wrong or digits are lost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.judge.compare import compare
from gradconform.reasons import Code, Reason, listed
from gradconform.report.findings import FaultKind, kind_of
from gradconform.report.summary import Summary
from gradconform.rows import Row, Verdict, blank
from report_builder import diverging, missing

ROW = blank(
    spec="a",
    node="y",
    op="gelu",
    tensor="output/y",
    kind="output",
    framework="torch",
    version="2",
    check="local",
    dtype="float32",
)
BAD = replace(diverging(ROW), digits=3.0)


def findings(*rows: Row) -> list[tuple[str, tuple[str, ...], FaultKind, int]]:
    """Framework, operators, kind and number of nodes of each finding."""
    found = Summary.of(rows).findings
    return [(each.framework, each.ops, each.kind, len(each.faults)) for each in found]


def test_the_same_fault_of_an_operator_is_one_finding() -> None:
    """In other networks, nodes, dtypes and versions of a framework."""
    others = [
        replace(BAD, spec="b"),
        replace(BAD, node="z", culprit="z"),
        replace(BAD, dtype="float64"),
        replace(BAD, version="3"),
    ]
    assert findings(BAD, *others) == [("torch", ("gelu",), FaultKind.ACCURACY, 4)]


@pytest.mark.parametrize(
    "other",
    [
        replace(BAD, framework="chainer"),
        replace(BAD, spec="b", op="relu"),
        replace(BAD, spec="b", digits=0.3),
        replace(BAD, spec="b", reason=Code.NONFINITE),
        replace(BAD, spec="b", reason=Code.SHAPE),
        replace(BAD, spec="b", check="route:hooks"),
        missing(replace(ROW, spec="b"), "graph_cut", "y"),
    ],
)
def test_what_is_of_another_framework_operator_or_kind_is_another_finding(other: Row) -> None:
    """The twin: each difference parts them."""
    assert len(findings(BAD, other)) == 2


def test_listed_faults_are_told_apart_by_what_the_list_says() -> None:
    """Two entries for one operator are two findings among the known ones, and none among the others."""
    known = [
        replace(BAD, spec=spec, verdict=Verdict.KNOWN, reason=listed(Reason(Code.VALUE), why, "a link"))
        for spec, why in (("a", "loses the tail"), ("b", "loses the tail"), ("c", "overflows"))
    ]
    summary = Summary.of(known)
    assert [len(each.faults) for each in summary.known_findings] == [2, 1]
    assert {each.listed for each in summary.known_findings} == {"loses the tail (a link)", "overflows (a link)"}
    assert summary.findings == ()


def test_a_node_is_what_is_graver_among_its_tensors() -> None:
    """A wrong gradient is not hidden by an output that only lost digits."""
    wrong = replace(BAD, tensor="grad/x", digits=0.2, ratio=5.0)
    assert findings(BAD, wrong) == [("torch", ("gelu",), FaultKind.LAW, 1)]


def test_the_cards_say_how_many_digits_are_left() -> None:
    """Of those that the dtype has; of a wrong law, that no loss of accuracy explains it."""
    (accuracy,), (law,) = Summary.of([BAD]).findings, Summary.of([replace(BAD, digits=0.0)]).findings
    assert accuracy.sentence == (
        "Loss of accuracy: the law is right, and 3.0 of the 7.2 digits of float32 are left where it is worst."
    )
    assert law.sentence == "Wrong law: where it is worst no digit is right, which no loss of accuracy explains."


def judged(got: np.ndarray, expected: np.ndarray) -> Row:  # type: ignore[type-arg]
    """A row as the judge makes it of an output in float32, with a bound of half a unit."""
    found = compare(
        got.astype("float32"), expected, np.abs(expected) * 2.0**-24 + 1e-45, Dtype.of("float32"), expected.shape
    )
    return replace(BAD, reason=found.reason, digits=found.digits)


X = np.linspace(-12.0, 12.0, 97)


@pytest.mark.parametrize(
    ("got", "expected", "kind"),
    [
        # Softplus that loses its tail, for the sum with 1 rounds it away.
        (np.log(np.float32(1) + np.exp(X, dtype="float32")), np.log1p(np.exp(X)), FaultKind.ACCURACY),
        # All numbers off by a thousandth.
        (np.tanh(X) * 1.001, np.tanh(X), FaultKind.ACCURACY),
        (np.tanh(X) * 1.1, np.tanh(X), FaultKind.LAW),
        # One element with the wrong sign, and the slope of a leaky ReLU that is small beside the rest.
        (np.where(X[3] == X, -1, 1) * np.cosh(X), np.cosh(X), FaultKind.LAW),
        (np.where(X > 0, X, 0.02 * X), np.where(X > 0, X, 0.01 * X), FaultKind.LAW),
    ],
)
def test_law_and_accuracy_are_told_apart(got: np.ndarray, expected: np.ndarray, kind: FaultKind) -> None:  # type: ignore[type-arg]
    """By the digits that are right where the fewest are, of the elements beyond their bound."""
    assert kind_of(judged(got, expected)) is kind


def test_digits_are_of_what_is_beyond_its_bound_alone() -> None:
    """An element within its bound has said nothing; NaN out of place and what conforms have no digits."""
    unit, bound = Dtype.of("float32"), np.array([1.0, 1e-3])
    assert compare(np.array([0.5, 1.01], "float32"), np.array([0.0, 1.0]), bound, unit, (2,)).digits == pytest.approx(
        2.0, abs=1e-3
    )
    assert math.isnan(compare(np.array([0.5, 1.0], "float32"), np.array([0.0, 1.0]), bound, unit, (2,)).digits)
    assert math.isnan(compare(np.array([np.nan, 2.0], "float32"), np.array([0.0, 1.0]), bound, unit, (2,)).digits)
