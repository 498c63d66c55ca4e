"""Ratios that grew: judged by what earlier runs spread, and only where there are enough of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradconform.history.changes import RatioGrowth
from gradconform.history.compare import changes
from gradconform.history.runs import Run
from gradconform.history.spread import FALSE_ALARM, NEEDED, prediction_limit
from gradconform.rows import Row
from history_builder import manifest, night, rows
from scipy import stats


def with_ratio(ratio: float) -> list[Row]:
    """A night in which one row has this ratio."""
    first, *others = rows()
    return [replace(first, ratio=ratio), *others]


def series(folder: Path, ratios: list[float], *, redraw: bool = False) -> list[Run]:
    """One night for each ratio of a row. redraw: each from numbers of its own."""
    found = []
    for day, ratio in enumerate(ratios, 1):
        told = manifest()
        if redraw:
            told["problems"] = [[name, f"{digest} {day}"] for name, digest in told["problems"]]
        found.append(night(folder, with_ratio(ratio), day, told))
    return found


def grown(runs: list[Run]) -> RatioGrowth:
    """The one row that grew in the last of these nights."""
    [growth] = changes(runs[-2], runs[-1], runs).ratios
    return growth


def test_without_a_history_growth_is_measured(tmp_path: Path) -> None:
    """However large, nothing can be said of it; a ratio that fell is not mentioned."""
    for earlier in range(1, NEEDED):
        growth = grown(series(tmp_path / str(earlier), [*[0.1] * earlier, 3.9]))
        assert (growth.basis, growth.regression, growth.earlier) == ("measured", False, 0)
        assert math.isnan(growth.limit)
    runs = series(tmp_path / "fell", [0.5, 0.4])
    assert changes(*runs, runs).ratios == ()


def test_repeated_runs_of_one_problem_show_no_spread(tmp_path: Path) -> None:
    """Equal to the bit night after night: then any growth in the same environment is a change of something else."""
    growth = grown(series(tmp_path, [0.5] * NEEDED + [0.5000001]))
    assert (growth.basis, growth.limit, growth.earlier, growth.regression) == ("repeats", 0.5, NEEDED, True)
    assert growth.address.tensor == "output/fc"


def test_a_row_that_was_exact_and_is_not(tmp_path: Path) -> None:
    """Zero has no logarithm; more than zero is beyond what zeros let expect."""
    growth = grown(series(tmp_path, [0.0, 0.0, 0.0, 0.1]))
    assert (growth.limit, growth.regression) == (0.0, True)
    assert not grown(series(tmp_path / "some", [0.0, 0.4, 0.1, 0.3, 0.2, 0.25])).regression
    # Other numbers may be right to the bit by luck, and say nothing of these.
    lucky = grown(series(tmp_path / "draws", [0.4, 0.3, 0.0, 0.0, 0.0, 0.0, 0.1], redraw=True))
    assert (lucky.basis, lucky.regression) == ("measured", False)
    assert grown(series(tmp_path / "four", [0.4, 0.3, 0.35, 0.0, 0.0, 0.1], redraw=True)).earlier == 3


def test_draws_spread_and_growth_within_the_spread_is_none(tmp_path: Path) -> None:
    """The limit is that of the formula, computed here from the sample itself with another library's quantile."""
    ratios = [0.5, 0.6, 0.4, 0.55, 0.45, 0.52, 0.48, 0.58, 0.47, 0.53]
    growth = grown(series(tmp_path / "in", [*ratios, 0.65], redraw=True))
    logs, n = np.log(ratios), len(ratios)
    tests = sum(not math.isnan(row.ratio) for row in rows())
    t = stats.t.isf(FALSE_ALARM / tests, n - 1)
    assert growth.limit == pytest.approx(math.exp(logs.mean() + t * logs.std(ddof=1) * math.sqrt(1 + 1 / n)))
    assert (growth.basis, growth.earlier, growth.regression) == ("draws", n, False)
    assert grown(series(tmp_path / "out", [*ratios, growth.limit * 1.01], redraw=True)).regression


def test_a_sample_that_is_narrow_by_chance_borrows_from_other_rows(tmp_path: Path) -> None:
    """Draws of one row lie close together, those of two others do not: its limit is taken from their deviation too."""
    runs, draw = [], np.random.default_rng(3)
    wide = [0.5 * np.exp(draw.normal(0, 0.3, 5)) for _ in range(2)]
    spread = [[0.5, 0.501, 0.499, 0.5005, 0.4995], *wide]
    for day in range(1, 7):
        of = [replace(r, ratio=s[day - 1] if day < 6 else 1.1 * max(s)) for r, s in zip(rows(), spread, strict=False)]
        told = manifest()
        told["problems"] = [[name, f"{digest} {day}"] for name, digest in told["problems"]]
        runs.append(night(tmp_path, [*of, *rows()[len(of) :]], day, told))
    found = changes(runs[-2], runs[-1], runs)
    narrow = next(growth for growth in found.ratios if growth.after == pytest.approx(1.1 * 0.501))
    assert narrow.basis == "draws"
    assert not narrow.regression
    # Alone it is beyond its own spread.
    logs = np.log(spread[0])
    own = prediction_limit(np.array([5]), logs.mean(keepdims=True), logs.std(ddof=1, keepdims=True), 4)
    assert narrow.after > own[0]


@pytest.mark.parametrize("changed", ["version", "numpy", "cpu", "threads"])
def test_nights_of_another_environment_do_not_count(tmp_path: Path, changed: str) -> None:
    """After an update the first growth is measured: how this version spreads is not known yet."""
    told = manifest()
    told["frameworks"][0][changed] = 2 if changed == "threads" else "2.13.0" if changed == "version" else "other"
    old = manifest()
    if changed == "version":
        old["frameworks"][0]["version"] = "2.12.0"
    runs = []
    for day in range(1, 6):
        of = with_ratio(0.5)
        if changed == "version":
            of = [replace(r, version="2.12.0") if r.framework == "torch" else r for r in of]
        runs.append(night(tmp_path, of, day, old))
    runs.append(night(tmp_path, with_ratio(0.9), 6, told))
    assert (grown(runs).basis, grown(runs).regression) == ("measured", False)
    assert [e.what for e in changes(runs[-2], runs[-1], runs).environment] == [changed]


def test_a_later_night_is_no_history(tmp_path: Path) -> None:
    """Nor is the run itself: what is judged must not widen its own limit."""
    runs = series(tmp_path, [0.5, 0.5, 0.5, 0.7, 9.0])
    [growth] = changes(runs[2], runs[3], runs).ratios
    assert (growth.limit, growth.earlier) == (0.5, 3)


def test_false_alarms_are_as_rare_as_they_are_said_to_be() -> None:
    """Over many honest comparisons of many rows, whatever the sample: in the logarithm the rows are normal here."""
    draw, comparisons, tests = np.random.default_rng(1), 3000, 50
    for n in (3, 10, 100):
        sample = draw.normal(-1.0, 0.4, (comparisons, tests, n))
        limits = prediction_limit(np.full((comparisons, tests), n), sample.mean(-1), sample.std(-1, ddof=1), tests)
        alarms = (np.exp(draw.normal(-1.0, 0.4, (comparisons, tests))) > limits).any(axis=1).mean()
        # Three standard deviations of a proportion of 3,000.
        assert alarms < FALSE_ALARM + 3 * math.sqrt(FALSE_ALARM / comparisons), n


def test_growth_is_found_all_the_same() -> None:
    """The twin: a limit that is never exceeded would pass the test above."""
    draw, tests = np.random.default_rng(2), 10_000
    for n, factor in ((10, 6.0), (100, 2.0)):
        sample = draw.normal(-1.0, 0.1, (300, n))
        limits = prediction_limit(np.full(300, n), sample.mean(-1), sample.std(-1, ddof=1), tests)
        grew = factor * np.exp(draw.normal(-1.0, 0.1, 300))
        assert (grew > limits).mean() > 0.9, n
