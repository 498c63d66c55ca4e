"""A run in a notebook: its rows as a DataFrame, and the worst of them."""

from __future__ import annotations

from pathlib import Path

import gradconform
import pandas as pd
import pytest
from gradconform.report.files import read
from gradconform.report.summary import Summary
from gradconform.report.write import write
from pandas.testing import assert_frame_equal
from report_builder import bad_rows, networks, run_info

NETS = networks(2, 12)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run in which something fails."""
    write(Summary.of(bad_rows(NETS), run_info(NETS)), tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_its_rows(folder: Path) -> None:
    """It is a plain DataFrame, with the types that its columns have on disk."""
    run = gradconform.load_run(folder)
    assert type(run) is pd.DataFrame
    assert_frame_equal(run, read(folder))
    assert run.groupby("verdict").size()["diverges"] > 0


def test_the_worst_rows_come_first(folder: Path) -> None:
    """What crashed, then what diverges, in the columns that are read first; of a selection too."""
    run = gradconform.load_run(str(folder))
    assert list(gradconform.worst(run, 3)["verdict"]) == ["crashed", "crashed", "diverges"]
    assert len(gradconform.worst(run, 7)) == 7
    assert len(gradconform.worst(run)) == 20
    assert list(gradconform.worst(run).columns[:4]) == ["verdict", "spec", "node", "tensor"]
    good = run[run["verdict"] == "conforms"]
    assert gradconform.worst(good, 1)["ratio"].iloc[0] == good["ratio"].max()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    """With the sentence that says what was expected there."""
    with pytest.raises(FileNotFoundError, match="expected the folder of a finished run"):
        gradconform.load_run(tmp_path)
