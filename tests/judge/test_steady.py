"""What a worker says of tensors that changed or did not repeat becomes rows, and nothing is believed unread."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradconform.judge import judge
from honest import computed, problem_of, write_capture

DIFFERENCE = {"n": 2, "index": [0, 1], "was": "0.5", "now": "nan"}


def test_each_difference_is_a_row_and_what_follows_from_it_is_blamed_on_its_node(tmp_path: Path) -> None:
    """A weight with two readers was written into; r differs of itself, q since it reads r, grad/h since s reads q."""
    problem = problem_of(tmp_path)
    repeated = dict.fromkeys(("output/r", "output/q", "grad/h"), DIFFERENCE)
    changes = {"changed": {"value/p.weight": DIFFERENCE}, "repeated": repeated}
    folder = write_capture(problem, tmp_path / "c", None, **changes)
    rows = [row for row in judge(problem.folder, {"honest": folder}) if row.verdict.wrong]
    assert {(r.check, r.tensor): (r.reason, r.culprit, r.culprit_op, r.blame) for r in rows} == {
        ("unchanged", "value/p.weight"): ("written_into", "p q", "linear", "joint"),
        ("repeat", "output/r"): ("not_repeated", "r", "relu", ""),
        ("repeat", "output/q"): ("not_repeated", "r", "relu", ""),
        ("repeat", "grad/h"): ("not_repeated", "r", "relu", ""),
    }
    assert {(row.worst_index, row.expected, row.n_bad) for row in rows} == {("[0, 1]", 0.5, 2)}


@pytest.mark.parametrize(
    "changes",
    [
        {"changed": {"output/r": DIFFERENCE}},
        {"repeated": {"value/x": DIFFERENCE}},
        {"changed": {"value/x": {**DIFFERENCE, "was": "half"}}},
        {"changed": {"value/x": {**DIFFERENCE, "n": -1}}},
        {"repeated": {"output/r": "yes"}},
    ],
)
def test_a_difference_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    """Of a tensor that is not there, or in figures that are none: the capture is a row `crashed` that says so."""
    problem = problem_of(tmp_path)
    folder = write_capture(problem, tmp_path / "c", computed(problem), **changes)
    (row,) = judge(problem.folder, {"honest": folder})
    assert row.verdict == "crashed"
    assert "capture.json" in row.reason
