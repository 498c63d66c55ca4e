"""The rows as CSV and Parquet: nothing is lost on the way, and nobody sees half a file."""

import csv
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from gradconform.contract.run import RunInfo
from gradconform.reasons import Code
from gradconform.report import files
from gradconform.report.frame import frame_of
from gradconform.report.summary import Summary
from gradconform.report.write import write
from gradconform.rows import COLUMNS, LIMIT, TEXTS, Row, Verdict, blank
from pandas.testing import assert_frame_equal
from report_builder import bad_rows, good_rows, networks, run_info

NASTY = (
    "a, b; \"c\" 'd'",
    "two\nlines",
    "carriage\rreturn",
    "both\r\nof them",
    " spaces ",
    "nan",
    "NaN",
    "NA",
    "None",
    "inf",
    "1e5",
    "",
    "ünïcödé ≤ 4 × bound",
    "<script>alert(1)</script>",
    "a\tb",
    "\\N",
    '"',
    "'",
    "#",
)
NUMBERS = (
    float("nan"),
    float("inf"),
    float("-inf"),
    0.0,
    -0.0,
    0.1,
    1 / 3,
    5e-324,
    1.7976931348623157e308,
    -1e-300,
)


def row(**known: object) -> Row:
    """A row with a valid verdict and what is asked."""
    return blank(**({"spec": "s", "node": "n", "framework": "torch", "verdict": "conforms"} | known))


def nasty_rows() -> list[Row]:
    """Every nasty text in every column of text, every nasty number in every column of numbers."""
    texts = [name for name in TEXTS if name not in ("verdict", "kind", "check", "blame")]
    rows = [replace(row(), **dict.fromkeys(texts, text)) for text in NASTY]
    figures = ("ratio", "max_abs_err", "max_rel_err", "got", "expected")
    return rows + [row(node=f"n{i}", n_bad=2**40, **dict.fromkeys(figures, x)) for i, x in enumerate(NUMBERS)]


@pytest.mark.parametrize("rows", [nasty_rows(), bad_rows(networks()), []], ids=["nasty", "bad", "none"])
def test_csv_and_parquet_hold_the_same_frame(rows: list[Row], tmp_path: Path) -> None:
    """Both files give back the frame they were written from, to the last bit."""
    frame = frame_of(rows)
    files.write_csv(frame, tmp_path / "diff.csv")
    files.write_parquet(frame, tmp_path / "diff.parquet")
    assert len(frame) == len(rows)
    assert_frame_equal(files.read_csv(tmp_path / "diff.csv"), frame, check_exact=True)
    assert_frame_equal(files.read_parquet(tmp_path / "diff.parquet"), frame, check_exact=True)


def test_a_changed_digit_is_noticed_by_the_comparison_above(tmp_path: Path) -> None:
    """The round trip is judged exactly: one bit in one figure is a difference."""
    frame = frame_of([row(ratio=1 / 3)])
    files.write_csv(frame, tmp_path / "diff.csv")
    text = (tmp_path / "diff.csv").read_text(encoding="utf-8")
    (tmp_path / "diff.csv").write_text(text.replace("0.3333333333333333", "0.33333333333333337"), encoding="utf-8")
    with pytest.raises(AssertionError, match="ratio"):
        assert_frame_equal(files.read_csv(tmp_path / "diff.csv"), frame, check_exact=True)


def test_any_reader_of_csv_understands_the_file(tmp_path: Path) -> None:
    """The standard library's reader sees the columns of `Row`, and texts and signs of zero as they were."""
    rows = nasty_rows()
    files.write_csv(frame_of(rows), tmp_path / "diff.csv")
    with open(tmp_path / "diff.csv", encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert tuple(read[0]) == COLUMNS
    assert sorted(line["node"] for line in read) == sorted(r.node for r in rows)
    assert "-0.0" in {line["ratio"] for line in read}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_reason_is_no_formula_in_a_spreadsheet(start: str) -> None:
    """A framework's words that begin like a formula get an apostrophe, in both files alike."""
    frame = frame_of([row(reason=f'{start}HYPERLINK("http://example.org")')])
    assert frame["reason"][0] == f'\'{start}HYPERLINK("http://example.org")'


def test_names_are_left_as_they_are() -> None:
    """A name is an address, validated with its spec, so it is written unchanged; so is a plain reason."""
    frame = frame_of([row(spec="-starts-with-a-dash", reason="shape")])
    assert (frame["spec"][0], frame["reason"][0]) == ("-starts-with-a-dash", "shape")


def test_what_no_file_can_hold_is_replaced() -> None:
    """Terminal colours go; control characters and half surrogates become a visible sign, the rest stays."""
    frame = frame_of([row(reason="\x1b[31mred\x1b[0m nul\x00 half\udcff\nnext")])
    assert frame["reason"][0] == "red nul\ufffd half\ufffd\nnext"


def test_the_order_of_the_rows_does_not_matter() -> None:
    """The frame is sorted, so two runs can be compared line by line."""
    rows = good_rows(networks(2, 4))
    assert_frame_equal(frame_of(rows), frame_of(rows[::-1]))


def test_an_unknown_verdict_is_refused() -> None:
    """A verdict that no writer knows would be counted nowhere."""
    with pytest.raises(ValueError, match="verdict 'fine'; expected one of conforms"):
        row(verdict="fine")


def test_a_run_folder_is_whole_and_read_back(tmp_path: Path) -> None:
    """`write` leaves its files and nothing else; `read` gives the frame; the manifest survives."""
    nets = networks()
    write(Summary.of(bad_rows(nets), run_info(nets)), tmp_path / "new" / "latest")
    folder = tmp_path / "new" / "latest"
    texts = ["evidence.json", "index.html", "junit.xml", "run.json", "summary.md"]
    assert sorted(p.name for p in folder.iterdir()) == ["diff.csv", "diff.parquet", *texts]
    assert_frame_equal(files.read(folder), frame_of(bad_rows(nets)))
    assert RunInfo.from_json((folder / "run.json").read_text(encoding="utf-8")) == run_info(nets)


def test_a_writer_that_fails_leaves_the_old_files(tmp_path: Path) -> None:
    """Either all files are new or all are old, and no part of a file stays behind."""
    (tmp_path / "a").write_text("old")

    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.write_whole(tmp_path, {"a": lambda path: path.write_text("new"), "b": fails})
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "old"}


def test_a_folder_that_holds_no_run_is_named(tmp_path: Path) -> None:
    """Reading what is not there, or is something else, says what was expected."""
    with pytest.raises(FileNotFoundError, match=r"diff\.parquet: no such file; expected the folder of a finished run"):
        files.read(tmp_path)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "diff.parquet")
    with pytest.raises(ValueError, match="columns differ"):
        files.read(tmp_path)
    with pytest.raises(ValueError, match=r"run\.json"):
        RunInfo.from_json("{}")


def test_the_readme_explains_every_column_verdict_and_reason() -> None:
    """Whoever opens a folder of reports finds each word of it explained, and no column that is not there."""
    text = (Path(__file__).parents[2] / "reports" / "README.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))
    assert explained >= {*COLUMNS, *Verdict}
    assert {*re.findall(r"`([^`]+)`", text)} >= {*Code}
    section = text.partition("## The columns")[2].partition("## ")[0]
    columns = re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE)
    assert tuple(columns) == COLUMNS
    assert f"above {LIMIT:g} diverges" in text


@pytest.mark.process
def test_a_summary_needs_no_frame() -> None:
    """Everything but CSV, Parquet and notebooks is made without pandas; the twin is that those need it."""
    code = "import sys\nfor name in {}:\n    __import__('gradconform.report.' + name)\nprint('pandas' in sys.modules)"
    light = ("summary", "page", "markdown", "junit", "terminal")
    for modules, expected in ((light, "False"), (("write",), "True"), (("notebook",), "True")):
        command = [sys.executable, "-c", code.format(modules)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [expected], modules
