"""The figures of page and terminal: no failure is lost in a group, and nothing absent passes for good."""

from dataclasses import replace

import pytest
from gradconform.report.matrix import networks_of
from gradconform.report.summary import Summary
from gradconform.report.terminal import terminal_summary
from gradconform.rows import Row, Verdict, blank
from report_builder import CHECKS, FRAMEWORKS, bad_rows, diverging, good_rows, missing, networks, run_info
from rich.console import Console

NETS = networks(3, 12)
RUN = run_info(NETS)
FAILING = (Verdict.DIVERGES, Verdict.MISSING, Verdict.CRASHED)


def test_a_good_run_conforms() -> None:
    """The headline counts what was judged and names every framework with its version."""
    head = Summary.of(good_rows(NETS), RUN).headline
    judged = sum(row.verdict == Verdict.CONFORMS for row in good_rows(NETS))
    assert (head.state, head.sentence, head.gaps) == ("conforms", "Everything conforms.", ())
    assert f"{judged:,} rows judged in 3 networks, with torch 2.13.0, chainer 7.8.1 and nnabla 1.39.0" in head.scope


def nonfinite(rows: list[Row], *tensors: str, frameworks: tuple[str, ...] = ("torch", "chainer")) -> list[Row]:
    """The rows of a good run in which some tensors of net01 are NaN, as they should be."""
    return [
        replace(row, n_nonfinite=9) if (row.spec, row.tensor) in {("net01", t) for t in tensors} else row
        for row in rows
        if row.framework in frameworks or row.spec != "net01"
    ]


def test_nan_that_conforms_is_told_with_the_node_since_which_it_is_there() -> None:
    """And with the frameworks; outputs come before gradients, which are followed from the loss backward."""
    tensors = ("grad/relu_2", "output/softmax_7", "output/max_pool2d_3")
    rows = nonfinite(good_rows(NETS), *tensors, frameworks=tuple(FRAMEWORKS))
    summary = Summary.of(rows, RUN)
    assert (summary.headline.state, summary.headline.sentence) == (
        "doubtful",
        "Everything conforms, but 3 tensors hold NaN or infinity.",
    )
    (doubt,) = summary.doubts
    assert (doubt.since, doubt.tensors[0]) == ("max_pool2d_3", "output/max_pool2d_3")
    assert doubt.sentence == (
        "net01: NaN or infinity in 3 tensors since max_pool2d_3 (output/max_pool2d_3, output/softmax_7 and "
        "grad/relu_2), in chainer 7.8.1, nnabla 1.39.0 and torch 2.13.0."
    )
    (backward,) = Summary.of(nonfinite(good_rows(NETS), "grad/relu_2", "grad/softmax_7"), RUN).doubts
    assert backward.since == "softmax_7"


def test_nan_that_is_a_finding_is_told_once() -> None:
    """Where nothing else is NaN; what conforms behind it is told with the node at fault, since which it is there."""
    rows = good_rows(NETS)
    first = next(i for i, r in enumerate(rows) if (r.spec, r.tensor, r.check) == ("net01", "output/relu_2", "local"))
    behind = next(i for i, r in enumerate(rows) if (r.spec, r.tensor, r.check) == ("net01", "output/linear_4", "local"))
    rows[first] = replace(diverging(rows[first], reason="nonfinite"), n_nonfinite=2)
    assert Summary.of(rows, RUN).doubts == ()
    rows[behind] = replace(rows[behind], n_nonfinite=2)
    (doubt,) = Summary.of(rows, RUN).doubts
    assert (doubt.since, doubt.tensors) == ("relu_2", ("output/relu_2", "output/linear_4"))


def test_what_rounding_decides_is_counted_in_the_headline() -> None:
    """It is never silently good; a numerical derivative with too wide a bar says nothing against a framework."""
    rows = good_rows(NETS)
    at = next(i for i, row in enumerate(rows) if row.tensor == "output/batch_norm_1" and row.check == "local")
    undecided = replace(rows[at], verdict=Verdict.INCONCLUSIVE, reason="undecided", ratio=float("nan"))
    summary = Summary.of([*rows[:at], undecided, *rows[at + 1 :]], RUN)
    assert summary.headline.state == "doubtful"
    assert summary.headline.sentence == "Everything conforms, but 1 tensor could not be decided."
    (doubt,) = summary.doubts
    assert doubt.sentence.startswith("net00: rounding alone decides 1 tensor, first of batch_norm_1")
    cells = {line.node: line.cells[0] for line in networks_of(summary)[0].lines}
    assert [node for node, cell in cells.items() if cell.word == "inconclusive"] == ["batch_norm_1"]
    wide = replace(undecided, check="numeric")
    assert Summary.of([*rows, wide], RUN).headline.state == "conforms"


def test_what_is_to_be_looked_at_is_told_beside_what_fails() -> None:
    """And on the terminal; a run without any of it says nothing of it."""
    rows = nonfinite(bad_rows(NETS), "output/relu_2", frameworks=tuple(FRAMEWORKS))
    summary = Summary.of(rows, RUN)
    assert summary.headline.state == "fails"
    assert " and 1 tensor holds NaN or infinity. What fails" in summary.headline.sentence
    texts = []
    for each in (summary, Summary.of(bad_rows(NETS), RUN)):
        console = Console(width=300, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
        console.print(terminal_summary(each))
        texts.append(console.export_text())
    assert ["NaN or infinity in 1 tensor since relu_2" in text for text in texts] == [True, False]


@pytest.mark.parametrize("index", range(0, 1000, 83))
def test_one_bad_row_is_enough(index: int) -> None:
    """Whichever single judged row is spoiled, the headline says so and the row has its card."""
    rows = good_rows(NETS)
    judged = [i for i, row in enumerate(rows) if row.verdict == Verdict.CONFORMS]
    at = judged[index % len(judged)]
    rows[at] = diverging(rows[at])
    summary = Summary.of(rows, RUN)
    assert summary.headline.sentence == "Not everything conforms: 1 node diverges."
    assert [fault.rows for fault in summary.faults] == [(rows[at],)]


def test_every_failing_row_is_in_exactly_one_entry() -> None:
    """Grouping neither drops a row nor shows it twice."""
    rows = bad_rows(NETS)
    summary = Summary.of(rows, RUN)
    shown = [row for fault in summary.faults for row in fault.rows]
    assert len(shown) == len(set(map(str, shown))) == sum(r.verdict in FAILING[:2] for r in rows)
    assert sum(refusal.rows for refusal in summary.crashed) == 2
    assert sum(len(fault.rows) for fault in summary.known) == sum(r.verdict == Verdict.KNOWN for r in rows)
    assert sum(r.rows for r in summary.unsupported) == sum(r.verdict == Verdict.UNSUPPORTED for r in rows)


def test_a_faulty_node_with_forty_bad_tensors_is_one_fault() -> None:
    """Tensors, dtypes, checks and routes of one culprit belong together; its worst row comes first."""
    row = blank(spec="net", node="conv1", op="conv2d", framework="torch", version="2", check="local", dtype="float32")
    rows = [diverging(replace(row, tensor=f"grad/t{i}"), ratio=5.0 + i) for i in range(40)]
    (fault,) = Summary.of(rows).faults
    assert (fault.nodes, fault.ops, len(fault.rows), fault.worst.tensor) == (
        ("conv1",),
        ("conv2d",),
        40,
        "grad/t39",
    )


def test_the_culprit_is_named_and_not_the_owner_of_the_tensor() -> None:
    """A wrong gradient of relu1's output is the fault of conv2, which reads it, and in its cell."""
    row = blank(
        spec="net",
        framework="torch",
        version="2",
        check="local",
        dtype="float32",
        verdict=Verdict.CONFORMS,
        ratio=0.5,
    )
    relu, conv = replace(row, node="relu1", op="relu"), replace(row, node="conv2", op="conv2d")
    rows = [relu, conv, diverging(replace(relu, tensor="grad/relu1"), culprit="conv2")]
    (fault,) = Summary.of(rows).faults
    (view,) = networks_of(Summary.of(rows, run_info(())))
    words = {line.node: [c.word for c in line.cells if c.worst] for line in view.lines}
    assert (fault.nodes, fault.ops) == (("conv2",), ("conv2d",))
    assert words == {"conv2": ["diverges"], "relu1": ["conforms"]}


def test_what_could_not_be_judged_for_want_of_others_blames_nobody() -> None:
    """Rows that lack what another node failed to give share one entry without a node."""
    row = blank(spec="net", op="relu", framework="torch", version="2", check="local", dtype="float32")
    rows = [
        missing(replace(row, node=f"n{i}", tensor=f"output/n{i}"), "needs output/a, which is missing") for i in range(3)
    ]
    summary = Summary.of([*rows, missing(replace(row, node="a"), "graph_cut", "a")])
    assert sorted((fault.nodes, len(fault.rows)) for fault in summary.faults) == [((), 3), (("a",), 1)]
    assert "1 node lacks tensors and 3 tensors could not be judged for it" in summary.headline.sentence


def test_one_refusal_in_many_networks_is_one_entry() -> None:
    """The node that the worker puts before the sentence does not split it."""
    row = blank(framework="nnabla", version="1", verdict=Verdict.UNSUPPORTED, dtype="float32")
    rows = [replace(row, spec=f"net{i}", reason=f"node 'gelu{i}' (gelu): only the tanh form") for i in range(20)]
    (refusal,) = Summary.of(rows).unsupported
    assert (refusal.reason, refusal.ops, len(refusal.where)) == ("only the tanh form", ("gelu",), 20)


def test_nothing_judged_is_not_conforming() -> None:
    """No rows, or none but measured ones, never read as good."""
    measured = [row for row in good_rows(NETS) if row.verdict == Verdict.MEASURED]
    for rows in ([], measured):
        head = Summary.of(rows, RUN).headline
        assert (head.state, head.sentence) == ("incomplete", "Nothing was judged.")


def without(framework: str, spec: str | None = None) -> list[Row]:
    """A good run in which a framework gave nothing, for one network or for all."""
    return [r for r in good_rows(NETS) if r.framework != framework or (spec and r.spec != spec)]


@pytest.mark.parametrize(
    ("rows", "gap"),
    [
        (without("chainer"), "chainer: nothing was judged."),
        (without("chainer", "net01"), "chainer: no row of net01."),
    ],
)
def test_a_framework_or_network_that_is_absent_is_a_gap(rows: list[Row], gap: str) -> None:
    """What the manifest promises and the rows lack keeps the run from conforming."""
    head = Summary.of(rows, RUN).headline
    assert (head.state, head.gaps) == ("incomplete", (gap,))


def test_the_honest_ratio_is_of_conforming_rows_only() -> None:
    """A row that diverges raises the count of failures and not the largest honest ratio."""
    row = blank(spec="net", node="a", op="gelu", framework="torch", version="2", check="local", dtype="float32")
    good = replace(row, ratio=0.7, verdict=Verdict.CONFORMS)
    (nearest,) = Summary.of([good, replace(good, ratio=0.2), diverging(row)]).nearest
    assert nearest.worst is not None
    assert (nearest.worst.ratio, nearest.judged, nearest.failed) == (0.7, 3, 1)


@pytest.mark.parametrize(("make", "good"), [(good_rows, True), (bad_rows, False)])
def test_every_node_has_a_cell_in_every_column(make: object, good: bool) -> None:
    """Cells hold a figure or a word; the worst one stands for the network."""
    views = networks_of(Summary.of(make(NETS), RUN))  # type: ignore[operator]
    assert [view.name for view in views] == [net.name for net in NETS]
    for view, net in zip(views, NETS, strict=True):
        assert [(line.node, line.op) for line in view.lines] == list(net.nodes)
        assert all(len(line.cells) == len(view.columns) == 6 for line in view.lines)
    assert all(cell.word in ("conforms", "unsupported") for v in views for cell in v.overall) == good


def test_a_hole_in_the_rows_is_seen() -> None:
    """A node without rows in one framework says so, in its cell and in the line of its network."""
    rows = [r for r in good_rows(NETS) if (r.spec, r.node, r.framework) != ("net01", "relu_2", "torch")]
    view = networks_of(Summary.of(rows, RUN))[1]
    line = next(line for line in view.lines if line.node == "relu_2")
    assert [cell.word for cell in line.cells[:3]] == ["no row", "no row", "conforms"]
    assert [cell.word for cell in view.overall[:3]] == ["no row", "no row", "conforms"]


def test_a_refused_node_takes_its_network_with_it_unless_something_was_judged() -> None:
    """Where a refusal left nothing to judge, every cell says so; beside figures only its own cell does."""
    refused = replace(good_rows(NETS)[0], verdict=Verdict.UNSUPPORTED, reason="no such thing")
    same = (refused.spec, refused.framework, refused.dtype)
    others = [r for r in good_rows(NETS) if (r.spec, r.framework, r.dtype) != same]
    kept = [r for r in good_rows(NETS) if (r.spec, r.framework, r.dtype) == same and r.node != refused.node]
    alone, beside = (networks_of(Summary.of([*rows, refused], RUN))[0].lines for rows in (others, [*others, *kept]))
    assert {line.cells[0].word for line in alone} == {"unsupported"}
    assert [line.cells[0].word for line in beside[:2]] == ["unsupported", "conforms"]


def test_end_to_end_errors_come_in_the_order_of_the_network() -> None:
    """Outputs before gradients, nodes in order; what was not measured is None."""
    view = networks_of(Summary.of(good_rows(NETS, checks=(*CHECKS, "cross:chainer")), RUN))[0]
    assert [line.tensor for line in view.errors][:2] == ["output/conv2d_0", "output/batch_norm_1"]
    assert view.errors[-1].tensor == "grad/conv2d_10.weight"
    assert [cell.row is None for cell in view.errors[0].cells] == [False] * 5 + [True]
    assert {(pair.row.framework, pair.other) for pair in view.between} >= {("torch", "chainer")}


def test_the_terminal_shows_the_same_and_no_markup() -> None:
    """Names with brackets are printed as they are, and every failing framework appears."""
    rows = [
        replace(r, node=r.node.replace("conv2d_0", "[red]x[/red]"), culprit="[red]x[/red]" * bool(r.culprit))
        for r in bad_rows(NETS)
    ]
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(terminal_summary(Summary.of(rows, RUN)))
    text = console.export_text()
    assert "Not everything conforms" in text
    assert "[red]x[/red]" in text
    assert "ValueError: a < b & c > d" in text
