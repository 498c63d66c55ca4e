"""Two runs held against each other: what is worse is named, what explains it comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gradconform.history.changes import Changes
from gradconform.history.compare import changes
from gradconform.reasons import Code, Reason, listed, vanished
from gradconform.rows import Row, Verdict, blank
from history_builder import FRAMEWORKS, manifest, night, rows

Spoil = Callable[[list[Row]], list[Row]]


def first(**changed: Any) -> Spoil:
    """Change the first row."""
    return lambda given: [replace(given[0], **changed), *given[1:]]


def compared(folder: Path, spoil: Spoil, *, before: Spoil = list, **options: Any) -> Changes:
    """A good night against one that was changed in one way."""
    one, other = night(folder, before(rows()), 1), night(folder, spoil(rows()), 2)
    return changes(one, other, **options)


def test_two_runs_that_are_the_same(tmp_path: Path) -> None:
    """Nothing is reported, and every row was compared."""
    found = compared(tmp_path, list)
    assert found.nothing
    assert found.regressions == 0
    assert found.compared == len(rows())


@pytest.mark.parametrize(
    ("was", "now", "worse"),
    [
        ("conforms", "diverges", True),
        ("conforms", "missing", True),
        ("conforms", "unsupported", True),
        ("conforms", "measured", True),
        ("conforms", "known", False),
        ("known", "diverges", True),
        ("holds", "refuted", True),
        ("measured", "diverges", True),
        ("measured", "conforms", False),
        ("refuted", "holds", False),
        ("diverges", "conforms", False),
        ("diverges", "missing", False),
    ],
)
def test_a_changed_verdict(tmp_path: Path, was: str, now: str, worse: bool) -> None:
    """It is worse where something fails that did not, or where what was judged to be right no longer is."""
    found = compared(tmp_path, first(verdict=now, reason="value", culprit="fc"), before=first(verdict=was))
    [change] = found.verdicts
    assert (change.before, change.after, change.regression, change.culprit) == (was, now, worse, "fc")
    assert (change.address.spec, change.address.tensor, change.address.adapter) == ("cnn", "output/fc", "torch")
    assert found.regressions == worse


def test_every_verdict_is_worse_or_not_by_the_same_rule(tmp_path: Path) -> None:
    """Words that other parts of the judge add need no entry here: what is not known to pass does not."""
    for verdict in set(Verdict) - {Verdict.CONFORMS, Verdict.KNOWN, Verdict.HOLDS, Verdict.CRASHED}:
        found = compared(tmp_path / verdict, first(verdict=str(verdict)))
        assert found.regressions == 1, verdict


def test_a_row_that_is_gone_is_a_regression(tmp_path: Path) -> None:
    """A test that stops running; one that is new is not, unless it fails."""
    found = compared(tmp_path, lambda given: given[1:])
    assert [(row.address.tensor, row.verdict) for row in found.vanished_rows] == [("output/fc", "conforms")]
    assert found.regressions == 1
    new = replace(rows()[0], tensor="output/new")
    found = compared(tmp_path / "new", lambda given: [*given, new])
    assert [(row.address.tensor, row.regression) for row in found.new_rows] == [("output/new", False)]
    assert found.regressions == 0
    found = compared(tmp_path / "bad", lambda given: [*given, replace(new, verdict="diverges")])
    assert [row.regression for row in found.new_rows] == [True]
    assert found.regressions == 1


def test_of_two_rows_of_one_name_one_may_vanish(tmp_path: Path) -> None:
    """Two claims about one tensor are two rows."""
    claim = replace(rows()[0], check="claim", verdict="holds", reason="one")
    found = compared(tmp_path, lambda g: [*g, claim], before=lambda g: [*g, claim, replace(claim, reason="two")])
    assert len(found.vanished_rows) == 1


def test_a_problem_that_is_refused_now_has_vanished(tmp_path: Path) -> None:
    """The reason of the refusal stands beside each row."""
    refusal = blank(
        spec="cnn",
        framework="torch",
        version="2.13.0",
        dtype="float32",
        check="local",
        route="only",
        verdict="unsupported",
        reason="torch has no linear",
    )
    mine = ("cnn", "torch")
    found = compared(tmp_path, lambda given: [refusal, *(r for r in given if (r.spec, r.framework) != mine)])
    assert {row.instead for row in found.vanished_rows} == {"torch has no linear"}
    assert {row.address.spec for row in found.vanished_rows} == {"cnn"}
    assert found.regressions == len(found.vanished_rows) == 3
    assert not found.new_rows


def crash(**known: Any) -> Row:
    """What the judge says of a framework that gave nothing for a problem."""
    told = {"spec": "cnn", "framework": "torch", "dtype": "float32", "check": "local", "verdict": "crashed"}
    return blank(**(told | {"reason": "killed by SIGKILL"} | known))


def test_a_problem_that_crashed_is_neither_good_nor_bad(tmp_path: Path) -> None:
    """Its rows and those of others that were held against it could not be told; the rest is compared."""
    gone = lambda r: r.spec == "cnn" and (r.framework == "torch" or r.check == "cross:torch")  # noqa: E731
    found = compared(tmp_path, lambda given: [crash(), *(row for row in given if not gone(row))])
    assert [(n.after, n.adapter, n.spec, n.check, n.reason) for n in found.not_run] == [
        (True, "torch", "cnn", "local", "killed by SIGKILL")
    ]
    assert found.regressions == 0
    assert not found.vanished_rows
    assert not found.new_rows


def test_a_crash_excuses_only_its_own_rows(tmp_path: Path) -> None:
    """The twin: another network's row, another dtype's and another framework's are missed all the same."""
    for spoiled in (crash(spec="mlp"), crash(dtype="float64"), crash(framework="nnabla"), crash(check="exact")):
        found = compared(
            tmp_path / spoiled.spec / spoiled.dtype / spoiled.framework / spoiled.check,
            lambda given, spoiled=spoiled: [spoiled, *given[1:]],
        )  # type: ignore[misc]
        assert len(found.vanished_rows) == 1, spoiled


def test_a_framework_that_did_not_come_up_is_one_entry(tmp_path: Path) -> None:
    """Not one for each problem."""
    crashes = [crash(), crash(spec="mlp")]
    others = [row for row in rows() if row.framework != "torch" and row.check != "cross:torch"]
    told = manifest()
    told["frameworks"][0]["version"] = "?"
    one, other = night(tmp_path, rows(), 1), night(tmp_path, [*crashes, *others], 2, told)
    found = changes(one, other)
    assert [(n.adapter, n.spec) for n in found.not_run] == [("torch", "")]
    assert not found.environment
    assert found.regressions == 0
    back = changes(other, one)
    assert [(n.after, n.adapter) for n in back.not_run] == [(False, "torch")]
    assert back.regressions == 0


def test_a_framework_that_was_not_there(tmp_path: Path) -> None:
    """The manifest says so; without that its rows have vanished."""
    left = [row for row in rows() if row.framework != "torch" and row.check != "cross:torch"]
    told = manifest(("chainer",))
    one = night(tmp_path, rows(), 1)
    found = changes(one, night(tmp_path, left, 2, told, absent=[["torch", "no interpreter"]]))
    assert [(n.adapter, n.reason) for n in found.not_run] == [("torch", "no interpreter")]
    assert found.regressions == 0
    found = changes(one, night(tmp_path, left, 3, told))
    assert len(found.vanished_rows) == found.regressions == 8
    found = changes(one, night(tmp_path, left, 4, told), subset=True)
    assert found.regressions == 0
    # What it was asked for is held against the baseline all the same.
    found = changes(one, night(tmp_path, left[1:], 5, told), subset=True)
    assert len(found.vanished_rows) == 1


def test_environments_come_first_and_pair_versions(tmp_path: Path) -> None:
    """A row is found again under the framework's new version, beside an older one of the same framework."""
    names = ("torch", "chainer", "chainer-6.3")
    told = manifest(names)
    before = [replace(r, check="cross:chainer-7.8.1") if r.check == "cross:chainer" else r for r in rows(names)]
    after = [
        replace(r, check=r.check.replace("7.8.1", "7.9.0"), version=r.version.replace("7.8.1", "7.9.0")) for r in before
    ]
    one = night(tmp_path, before, 1, told)
    told["frameworks"][1]["version"] = "7.9.0"
    told["revision"] = "b" * 40
    found = changes(one, night(tmp_path, after, 2, told))
    assert [(e.of, e.what, e.before, e.after) for e in found.environment] == [
        ("harness", "revision", "a" * 40, "b" * 40),
        ("chainer", "version", "7.8.1", "7.9.0"),
    ]
    assert found.compared == len(before)
    assert not (found.vanished_rows)
    assert not (found.new_rows)
    assert not (found.verdicts)


def test_seeds_and_problems(tmp_path: Path) -> None:
    """One seed for all is one difference; a network of its own is told apart, and so is a spec that was edited."""
    told = manifest()
    for network in told["networks"]:
        network["seed"] = 7
    told["problems"] = [[name, digest + "7"] for name, digest in told["problems"]]
    one = night(tmp_path, rows(), 1)
    seeds = changes(one, night(tmp_path, rows(), 2, told)).environment
    assert [(e.of, e.what, e.before, e.after) for e in seeds] == [("networks", "seed", "0", "7")]
    told = manifest()
    told["problems"][1][1] = "sha256:edited"
    edited = changes(one, night(tmp_path, rows(), 3, told)).environment
    assert [(e.of, e.what) for e in edited] == [("mlp", "problem mlp.float32.drawn")]


def test_a_listed_divergence_that_vanished(tmp_path: Path) -> None:
    """As the judge says it: while its entry stands, the comparison fails; when it is taken off, it is a repair."""
    diverging = first(verdict="known", reason=listed(Reason(Code.VALUE), "it is listed for this test", "tests"))
    stale = {"verdict": "diverges", "reason": vanished("it is listed for this test")}
    found = compared(tmp_path / "1", lambda given: [*given, replace(given[0], **stale)], before=diverging)
    [gone] = found.vanished_divergences
    assert gone.still_listed
    assert gone.address.tensor == "output/fc"
    assert found.regressions == 1
    assert not found.verdicts
    found = compared(tmp_path / "2", list, before=diverging)
    assert [entry.still_listed for entry in found.vanished_divergences] == [False]
    assert found.regressions == 0


def test_the_frameworks_of_the_builder_are_two_versions_of_one() -> None:
    """Else pairing versions would be tested on nothing."""
    assert FRAMEWORKS["chainer"][0] == FRAMEWORKS["chainer-6.3"][0]
