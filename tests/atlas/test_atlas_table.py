"""The table that is checked in: the page is made of it, it says what the files say, and each row has its program."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from gradconform.atlas import conditions, differences, table
from gradconform.atlas.lines import MOST_LINES, program
from gradconform.atlas.measured import expected_of
from gradconform.atlas.page import markdown
from gradconform.atlas.table import Row
from gradconform.evidence.source import NoScript
from gradconform.report.atlas import edges_of

ROOT = Path(__file__).resolve().parents[2]
ROWS = table.from_csv((ROOT / "docs" / "atlas.csv").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "atlas.md").read_text(encoding="utf-8")
CONDITIONS = {each.name: each for each in conditions.load()}
AGAIN = "`gradconform atlas --out docs` writes it anew"


def test_the_page_is_that_of_the_table() -> None:
    """Nobody writes a number by hand; the twin has one that was."""
    assert markdown(ROWS) == PAGE, AGAIN
    assert markdown([replace(ROWS[0], gives="[7.0, 7.0]"), *ROWS[1:]]) != PAGE


def test_the_table_can_be_read_back() -> None:
    """And a file with other columns is none."""
    assert table.from_csv(table.to_csv(ROWS)) == ROWS
    with pytest.raises(ValueError, match="columns are a, b"):
        table.from_csv("a,b\n1,2\n")


def test_there_are_more_than_a_hundred_rows() -> None:
    """Pairs of a condition and a framework, in each of the three."""
    assert table.places(ROWS) >= 300
    assert {row.framework for row in ROWS} == {"torch", "chainer", "nnabla"}


def said(rows: Sequence[Row]) -> set[tuple[str, ...]]:
    """What the rows say of what differs."""
    return {(r.framework, r.condition, r.tensor, r.kind, r.reason, r.says, r.link, r.at) for r in rows}


def test_the_table_says_what_the_files_say() -> None:
    """The same places, kinds, sentences and links; the twin lacks a row."""
    known = differences.load(CONDITIONS)
    written = {
        (framework, name, tensor, str(each.kind), each.key, each.says, each.link, CONDITIONS[name].at)
        for each in known
        for framework, name, tensor in each.places
    }
    assert said(ROWS) == written, AGAIN
    assert said(ROWS[1:]) != written


def test_the_references_numbers_are_those_of_today() -> None:
    """What can be worked out without a framework is, for every row; the twin has other numbers."""

    def stale(rows: Sequence[Row]) -> list[str]:
        found = []
        for row in rows:
            condition = CONDITIONS[row.condition]
            if row.tensor != "all":
                numbers = table.numbers(expected_of(condition)[row.tensor][0], condition.dtype)
                found += [row.condition] * (numbers != row.reference)
        return found

    assert stale(ROWS) == [], AGAIN
    row = next(row for row in ROWS if row.tensor == "output")
    assert stale([replace(row, reference="[7.0]")]) == [row.condition]


def faults_of(text: str, framework: str) -> list[str]:
    """What is wrong with a program: too long, or it needs more than its framework and NumPy."""
    found = [f"{len(text.splitlines())} lines"] if len(text.splitlines()) > MOST_LINES else []
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [name for name in names if name.partition(".")[0] not in (framework, "numpy")]
    return found


def test_every_row_has_a_program_of_a_few_lines() -> None:
    """Of at most 15 lines, with the framework and NumPy alone."""
    wanted = {(row.condition, row.framework) for row in ROWS}
    assert {
        (name, framework): faults
        for name, framework in wanted
        if (faults := faults_of(program(CONDITIONS[name], framework), framework))
    } == {}


def test_a_program_that_is_long_or_needs_more_is_noticed() -> None:
    """The twin."""
    text = program(CONDITIONS["relu.nan"], "torch")
    assert faults_of(text, "torch") == []
    assert faults_of(text + "1\n" * MOST_LINES, "torch") == [f"{len(text.splitlines()) + MOST_LINES} lines"]
    assert faults_of(text + "import gradconform.words\n", "torch") == ["gradconform.words"]


def test_a_dtype_that_a_framework_has_not_has_no_program(tmp_path: Path) -> None:
    """As its adapter says of it, whatever it works out for another dtype; the other framework has it."""
    condition = CONDITIONS["softplus.double"]
    assert "float64" in program(condition, "torch")
    home = tmp_path / "torch"
    shutil.copytree(ROOT / "adapters" / "torch", home)
    (home / "adapter.py").write_text(
        'DTYPES = {"float16": dict.fromkeys(("relu",), "no"), "float64": "its CPU has none"}\n'
    )
    with pytest.raises(NoScript, match="torch has no float64: its CPU has none"):
        program(condition, "torch", tmp_path)


def test_the_elements_that_differ_are_shown() -> None:
    """Of many numbers those that are far apart; neighbours are no part of it."""
    row = replace(ROWS[0], tensor="output", gives="[1.0, 2.0000002, 3.0, 4.0]", reference="[1.0, 2.0, 7.0, 4.0]")
    assert table.briefly(row) == ("3.0", "7.0")
    assert table.briefly(replace(row, gives="raises KeyError: x")) == ("raises KeyError: x", "1.0, 2.0, 7.0, 4.0")


def test_the_chapter_of_a_run_has_its_operators_and_frameworks() -> None:
    """And nothing of others."""
    edges = edges_of({"gelu", "amax"}, {"torch"})
    assert {edge.first.operator for edge in edges} == {"gelu", "amax"}
    assert {edge.first.framework for edge in edges} == {"torch"}
    assert sum(len(edge.rows) for edge in edges) == sum(
        row.operator in ("gelu", "amax") and row.framework == "torch" for row in ROWS
    )
    assert edges_of(set(), {"torch"}) == ()
