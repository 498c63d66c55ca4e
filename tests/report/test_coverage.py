"""What a run covered: by operator, framework, dtype, layout and order; nothing is covered by being skipped."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gradconform.command.main import main
from gradconform.report.coverage import Asked, covered, csv_lines, lines
from gradconform.rows import Row, blank

RELU = {
    "spec": "relu.plain",
    "node": "relu",
    "op": "relu",
    "tensor": "output/relu",
    "check": "local",
    "dtype": "float32",
}


def row(**changes: Any) -> Row:
    """A row of an operator that conforms in torch."""
    return blank(
        **{**RELU, "framework": "torch", "version": "2", "route": "retain_grad", "verdict": "conforms", **changes}
    )


def cells(*rows: Row) -> dict[str, list[str]]:
    """Operator -> what is said of it in torch and in nnabla."""
    return dict(lines(covered(rows), ["torch", "nnabla"]))


def test_a_combination_without_a_row_is_not_run() -> None:
    """Every operator has a line, whether or not the run knew of it."""
    found = cells(row())
    assert found["relu"] == ["float32", "not run"]
    assert found["tanh"] == ["not run", "not run"]


def test_dtypes_layouts_and_orders_are_told_apart() -> None:
    """Each of them has rows of its own."""
    rows = [
        row(),
        row(dtype="float64", check="exact"),
        row(check="route:retain_grad", route="layout-strided"),
        row(check="route:retain_grad", route="layout-transposed"),
        row(check="second_order", tensor="tangent/relu"),
    ]
    assert cells(*rows)["relu"][0] == "float32 float64, 2 layouts, order 2"
    assert covered(rows)[Asked("relu", "torch", "float32", "strided", 1)].judged == 1
    assert covered(rows)[Asked("relu", "torch", "float32", "contiguous", 2)].judged == 1


@pytest.mark.parametrize("changes", [{"verdict": "measured", "check": "end_to_end"}, {"verdict": "inconclusive"}])
def test_what_was_not_judged_covers_nothing(changes: dict[str, Any]) -> None:
    """A measurement, or what rounding decides."""
    assert cells(row(**changes))["relu"][0] == "not run"


def test_what_was_refused_says_why() -> None:
    """A row of a whole case has no operator; its name is the case's."""
    whole = {"node": "", "op": "", "tensor": "", "verdict": "unsupported", "framework": "nnabla"}
    refused = row(**whole, reason="nnabla does not compute in float64 here", dtype="float64")
    assert cells(row(), refused)["relu"] == ["float32", "unsupported: nnabla does not compute in float64 here"]
    assert cells(row(framework="nnabla"), refused)["relu"] == ["not run", "float32"]


def test_what_is_wrong_is_counted() -> None:
    """It is covered, and wrong; what a list covers is known."""
    rows = [row(verdict="diverges"), row(tensor="grad/x", verdict="known")]
    assert cells(*rows)["relu"][0] == "float32, 1 wrong"
    found = covered(rows)[Asked("relu", "torch", "float32", "contiguous", 1)]
    assert (found.judged, found.wrong, found.known) == (2, 1, 1)


def test_another_route_says_nothing_more_of_an_operator() -> None:
    """Only that of another layout does."""
    assert cells(row(check="route:retain_grad", route="tensor_hooks"))["relu"][0] == "not run"


def test_the_lines_of_the_file_are_those_of_the_run() -> None:
    """One for each combination, with its counts."""
    head, *body = csv_lines(covered([row(), row(tensor="grad/x", spec="relu.wide")]))
    told = dict(zip(head, body[0], strict=True))
    assert len(body) == 1
    assert (told["operator"], told["family"], told["tensors"], told["specs"]) == ("relu", "piecewise", "2", "2")


@pytest.mark.process
def test_the_command_reads_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a real run: the operators in it, and a file that can be read."""
    monkeypatch.delenv("COLUMNS", raising=False)
    folder = tmp_path / "run"
    run = ["run", "relu", "tanh", "--adapter", "chainer", "--order", "2", "--layout", "strided", "--out", str(folder)]
    assert CliRunner().invoke(main, run).exit_code == 0
    result = CliRunner().invoke(main, ["coverage", str(folder), "--csv", str(tmp_path / "coverage.csv")])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("tanh ")]
    assert line.split(maxsplit=1)[1].strip() == "float32 float64, 1 layouts, order 2"
    assert "2 operators judged: 2 in 1 or more of 1 frameworks." in result.output
    with open(tmp_path / "coverage.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(r["operator"], r["order"]) for r in rows} == {(op, n) for op in ("relu", "tanh") for n in "12"}
    assert {r["state"] for r in rows} == {"judged"}


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    """Status 2, and what was expected."""
    result = CliRunner().invoke(main, ["coverage", str(tmp_path)])
    assert result.exit_code == 2
    assert "expected the folder of a finished run" in result.output
