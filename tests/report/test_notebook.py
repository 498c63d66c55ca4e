"""A run in a notebook: the rows as a DataFrame that shows first what matters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradconform
import pandas as pd
import pytest
from gradconform import report
from pandas.testing import assert_frame_equal
from report_builder import bad_rows, networks, run_info

NETS = networks(2, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run in which something fails."""
    report.write(bad_rows(NETS), run_info(NETS), tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_its_rows(folder: Path) -> None:
    """Whatever can be done with a DataFrame can be done with it, and what is selected is a plain one."""
    run = gradconform.load_run(folder)
    assert_frame_equal(pd.DataFrame(run), report.read(folder))
    assert run.manifest is not None and run.manifest.networks[0].name == "net00"
    assert type(run[run["verdict"] == "diverges"]) is pd.DataFrame
    assert run.groupby("verdict").size()["diverges"] > 0


def test_it_shows_the_verdict_and_the_worst_rows_first(folder: Path) -> None:
    """In text and in HTML: the headline, then what crashed and diverges, then how much more there is."""
    run = gradconform.load_run(str(folder))
    for shown in (repr(run), run._repr_html_()):
        assert shown.index("Not everything conforms") < shown.index("crashed") < shown.index("The worst 20 of")
        assert "rows judged in 2 networks" in shown
    assert list(run.worst(3)["verdict"]) == ["crashed", "crashed", "diverges"]
    assert len(run.worst(7)) == 7


def test_a_reason_is_text_in_a_notebook_too(tmp_path: Path) -> None:
    """Markup in a framework's words is escaped in the table."""
    evil = "<img src=x onerror=alert(1)>"
    rows = [replace(row, reason=row.reason and evil) for row in bad_rows(NETS)]
    report.write(rows, run_info(NETS), tmp_path / "run")
    shown = gradconform.load_run(tmp_path / "run")._repr_html_()
    assert "<img" not in shown and "&lt;img" in shown


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """With the sentence that says what was expected there."""
    with pytest.raises(FileNotFoundError, match="expected the folder of a finished run"):
        gradconform.load_run(tmp_path)
