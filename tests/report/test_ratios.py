"""How the ratios of operators are spread, and which bounds are too wide by that."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gradconform.command import coverage
from gradconform.command.main import main
from gradconform.report.page import page
from gradconform.report.payload import unpacked
from gradconform.report.ratios import LEAST, Ratios, quartiles, ratios_of, too_wide
from gradconform.report.summary import Summary
from gradconform.rows import Row, blank


def row(ratio: float, **changes: Any) -> Row:
    """A row of tanh in torch that conforms."""
    told = {"spec": "tanh.plain", "node": "tanh", "op": "tanh", "tensor": "output/tanh", "check": "local"}
    place = {"framework": "torch", "version": "2", "route": "retain_grad", "dtype": "float32", "verdict": "conforms"}
    return blank(**{**told, **place, "ratio": ratio, **changes})


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([2.0], (2.0, 2.0, 2.0)),
        ([3.0, 1.0, 2.0], (1.0, 2.0, 2.0)),
        ([5.0, 4.0, 3.0, 2.0, 1.0], (2.0, 3.0, 4.0)),
        ([1.0, float("inf")], (1.0, 1.0, 1.0)),
    ],
)
def test_quartiles_are_ratios_that_occur(ratios: list[float], expected: tuple[float, ...]) -> None:
    """So that an infinite one among them spoils no other."""
    assert quartiles(ratios) == expected


def test_each_framework_has_a_spread_of_its_own() -> None:
    """What is wrong counts with the operator that did it; what was not judged, or has no ratio, does not count."""
    rows = [
        *(row(ratio) for ratio in (0.1, 0.2, 0.3)),
        row(0.5, framework="chainer"),
        row(9.0, verdict="diverges", culprit_op="relu"),
        row(7.0, verdict="measured", check="end_to_end"),
        row(7.0, check="numeric"),
        row(7.0, verdict="inconclusive"),
        row(float("nan")),
    ]
    assert ratios_of(rows) == (
        Ratios("relu", "torch", 1, 9.0, 9.0, 9.0, 9.0),
        Ratios("tanh", "chainer", 1, 0.5, 0.5, 0.5, 0.5),
        Ratios("tanh", "torch", 3, 0.1, 0.2, 0.2, 0.3),
    )


def test_a_bound_that_nobody_comes_near_is_too_wide() -> None:
    """Unless the operator rounds nothing, or another case, framework or dtype comes near."""
    far = [row(0.001), row(0.004, framework="chainer")]
    assert too_wide(far) == {"tanh": 0.004}
    assert too_wide([*far, row(0.02, dtype="float64")]) == {}
    assert too_wide([*far, row(0.02, op="sigmoid")]) == {"tanh": 0.004}
    assert too_wide([row(0.0, op="relu")]) == {}


def test_what_is_wrong_narrows_no_bound() -> None:
    """The twin: a divergence, a listed one and another check say nothing of how near an honest result comes."""
    wrong = [row(50.0, verdict="diverges"), row(50.0, verdict="known"), row(1.0, check="numeric")]
    assert too_wide([row(0.001), *wrong]) == {"tanh": 0.001}


@pytest.mark.parametrize(("ratio", "code"), [(0.5, 0), (0.002, 1)])
def test_the_command_fails_where_a_bound_is_too_wide(
    ratio: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And names the operator; without the option it lists what there is."""
    monkeypatch.setattr(coverage, "read_run", lambda folder: ([row(ratio), row(ratio / 2, tensor="grad/x")], None))
    result = CliRunner().invoke(main, ["coverage", str(tmp_path), "--least", str(LEAST)])
    assert result.exit_code == code, result.output
    assert ("tanh: the largest |error| / bound is 0.0020; expected 0.01 or more" in result.output) is bool(code)
    file = tmp_path / "coverage.csv"
    assert CliRunner().invoke(main, ["coverage", str(tmp_path), "--csv", str(file)]).exit_code == 0
    (line,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert float(line["largest_ratio"]) == ratio
    assert float(line["lower_ratio"]) == float(line["upper_ratio"]) == ratio / 2


def test_the_page_carries_the_figures() -> None:
    """The script draws them; what is beyond all bounds is a number too, since JSON knows no infinity."""
    text = page(Summary.of([row(0.1), row(0.3), row(float("inf"), verdict="diverges")]))
    packed = text.partition('id="data"')[2].partition(">")[2].partition("<")[0]
    assert unpacked(packed.strip())["ratios"] == [["tanh", "torch", 3, 0.1, 0.3, 0.3, 1e30]]
    assert 'class="scroll tall ratios"' in text


def test_a_page_without_ratios_has_no_drawing() -> None:
    """The twin: where nothing was judged there is nothing to draw."""
    assert 'class="scroll tall ratios"' not in page(Summary.of([row(0.1, verdict="unsupported", tensor="")]))
