"""What the page derives from rows: routes, consequences end to end, addresses, and which specs are no networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gradconform.report.consequence import Ends, consequence
from gradconform.report.faults import Fault
from gradconform.report.page import command, page, row_href, rows_href
from gradconform.report.payload import payload, unpacked
from gradconform.report.routes import routes_of
from gradconform.report.summary import Summary
from gradconform.rows import COLUMNS, Row, Verdict, blank
from report_builder import bad_rows, diverging, good_rows, networks, run_info

NETS = networks(2, 8)
NAN = float("nan")


def route_row(**known: object) -> Row:
    """A row of a route held against the primary one."""
    base = {
        "spec": "net00",
        "node": "relu_2",
        "framework": "torch",
        "version": "2",
        "route": "hooks",
        "check": "route:retain_grad",
        "verdict": "conforms",
    }
    return blank(**(base | known))


def test_routes_are_counted_by_how_far_they_are() -> None:
    """Identical, within the bound, diverging, and what was not kept with its reason; other checks do not count."""
    rows = [
        route_row(max_abs_err=0.0, ratio=0.0),
        route_row(max_abs_err=0.0, ratio=0.0),
        route_row(max_abs_err=1e-9, ratio=0.4),
        route_row(max_abs_err=1.0, ratio=900.0, verdict="diverges"),
        route_row(reason="not_retained"),
        route_row(verdict="measured", max_abs_err=1e-9),
        route_row(route="other", max_abs_err=0.0),
        route_row(check="local", max_abs_err=0.0),
    ]
    hooks, other = routes_of(rows)
    assert (hooks.route, hooks.primary) == ("hooks", "retain_grad")
    assert (hooks.identical, hooks.within, hooks.diverging, hooks.ratio) == (2, 1, 1, 900.0)
    assert hooks.others == ("1 measured",)
    assert hooks.missing == ("1 tensor (not_retained)",)
    assert (other.route, other.identical) == ("other", 1)
    html = page(Summary.of(rows, run_info(NETS)))
    assert 'id="routes"' in html
    assert "✗ 1" in html
    assert 'id="routes"' not in page(Summary.of(good_rows(NETS), run_info(NETS)))


def fault_at(tensor: str, kind: str, node: str) -> tuple[Fault, Ends]:
    """A fault of torch in float32 in net00, in a run whose end-to-end rows are off by what the position says."""
    rows = good_rows(NETS, checks=("local", "end_to_end"))
    mine = [row for row in rows if row.check == "end_to_end"]
    places = {row.tensor: i for i, row in enumerate(mine) if row.spec == "net00"}
    rows = [replace(row, max_rel_err=1e-3 * (1 + places[row.tensor])) if row in mine else row for row in rows]
    at = next(
        i
        for i, r in enumerate(rows)
        if (r.spec, r.tensor, r.framework, r.dtype, r.check) == ("net00", tensor, "torch", "float32", "local")
    )
    rows[at] = diverging(replace(rows[at], kind=kind), culprit=node)
    return Summary.of(rows).faults[0], Ends.of(rows, run_info(NETS))


def test_a_wrong_gradient_is_felt_upstream_only() -> None:
    """The output is as it was; of the gradients only those before the node can be off."""
    fault, ends = fault_at("grad/relu_2", "grad_output", "max_pool2d_3")
    output, worst = consequence(fault, ends)
    assert output.startswith("output/loss is off by")
    name = worst.split()[0].removeprefix("grad/").partition(".")[0]
    nodes = [node for node, _ in NETS[0].nodes]
    assert worst.startswith("grad/")
    assert nodes.index(name) <= nodes.index("relu_2")


def test_a_wrong_output_is_felt_downstream_and_in_every_gradient() -> None:
    """No output before the node is named; the other frameworks' smallest error stands beside."""
    fault, ends = fault_at("output/linear_4", "output", "linear_4")
    said = consequence(fault, ends)
    nodes = [node for node, _ in NETS[0].nodes]
    for text in said:
        kind, _, name = text.split()[0].partition("/")
        assert kind == "grad" or nodes.index(name) >= nodes.index("linear_4")
        assert "(chainer" in text or "(nnabla" in text or "(torch" in text


def test_without_rows_end_to_end_nothing_is_said() -> None:
    """An exact run measures nothing end to end."""
    rows = [diverging(r) if r.framework == "torch" else r for r in good_rows(NETS, checks=("exact",))]
    assert consequence(Summary.of(rows).faults[0], Ends.of(rows, run_info(NETS))) == []


def test_the_command_shows_it_again() -> None:
    """It names the spec, the framework, the dtype and the seed, and keeps what was computed."""
    fault = next(f for f in Summary.of(bad_rows(networks(3, 8))).faults if f.framework == "chainer")
    said = command(fault, replace(run_info(networks(3, 8)), seed=None))
    assert said.startswith(f"gradconform run specs/networks/{fault.spec}.yaml --adapter chainer --dtype float")
    assert "--keep" in said
    assert "--seed" not in said
    assert "--seed 7" in command(fault, run_info(networks(3, 8)))


def test_addresses_are_encoded() -> None:
    """Whatever a name holds, the address is one word that leads to it and to nothing else."""
    row = blank(spec="a b&c=d#/", tensor="grad/x", framework="torch", version="2+cpu", dtype="float32", check="local")
    assert row_href(row) == "#row=a%20b%26c%3Dd%23%2F/grad%2Fx/torch/2%2Bcpu//float32/local"
    assert rows_href({"spec": "a&b", "node": ""}) == "#spec=a%26b"


def test_the_data_in_the_page_is_the_rows() -> None:
    """Every row and column, texts as they are, figures as short as they are shown, values in full."""
    rows = Summary.of(bad_rows(NETS)).rows
    packed = unpacked(payload(rows, {}))
    assert packed["rows"] == len(rows)
    assert set(packed["columns"]) == set(packed["order"]) == set(COLUMNS)
    spec = packed["columns"]["spec"]
    assert [spec["words"][i] for i in spec["at"]] == [row.spec for row in rows]
    at = next(i for i, row in enumerate(rows) if row.ratio > 0 and row.dtype == "float64")
    assert packed["columns"]["got"][at] == rows[at].got
    assert packed["columns"]["ratio"][at] == pytest.approx(rows[at].ratio, rel=1e-3)
    nothing = next(i for i, row in enumerate(rows) if row.ratio != row.ratio)
    assert packed["columns"]["ratio"][nothing] is None


def test_behaviours_are_no_networks() -> None:
    """A spec that holds a behaviour alone is left to its own section; one with arithmetic as well stays."""
    row = blank(
        spec="accumulation.twice",
        node="y",
        tensor="grad/x",
        framework="torch",
        version="2.13.0",
        dtype="float32",
        route="script",
        check="semantics",
        verdict=Verdict.CONFORMS,
        reason="adds",
    )
    rows = [*good_rows(NETS), row, replace(row, check="claim", verdict=Verdict.HOLDS), replace(row, spec="net00")]
    html = page(Summary.of(rows, run_info(NETS)))
    assert 'data-network="accumulation.twice"' not in html
    assert 'data-network="net00"' in html
    assert "2 networks, 1 behaviour" in html


def test_the_page_ends_with_digests_and_with_what_could_not_run() -> None:
    """Whoever compares two pages sees whether the numbers were the same, and which framework is absent."""
    info = replace(
        run_info(NETS), problems=(("net00.float32.drawn", "sha256:0123abcd"),), absent=(("toy", "no <interpreter>"),)
    )
    html = page(Summary.of(good_rows(NETS), info))
    end = html[html.index('id="run"') :]
    assert "0123abcd" in end
    assert "net00.float32.drawn" in end
    assert "toy could not run: no &lt;interpreter&gt;" in end
    assert "Digests" not in page(Summary.of(good_rows(NETS), run_info(NETS)))
