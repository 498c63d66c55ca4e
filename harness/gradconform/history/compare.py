"""Two runs held against each other: what differs in their environments, then in their rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from gradconform.history import spread
from gradconform.history.changes import (
    Address,
    Changes,
    EnvironmentChange,
    NewRow,
    NotRun,
    RatioGrowth,
    RunName,
    VanishedDivergence,
    VanishedRow,
    VerdictChange,
)
from gradconform.history.database import KEY, columns, connect, joined_by, rows_of
from gradconform.history.not_run import Refusals, refusals_of, whole
from gradconform.history.runs import Run, environment_of
from gradconform.reasons import Code
from gradconform.rows import Check, CheckKind, Verdict

ONLY_WRONG = (CheckKind.UNCHANGED, CheckKind.REPEAT)
"""Checks that have a row only where something is wrong: without it that is mended."""

_NUMBERED = """
create temp table {name} as
select *, row_number() over (partition by {key} order by place) as nth
from rows where run = {run} and verdict <> 'crashed' and not (tensor = '' and verdict = 'unsupported')
  and code <> '{vanished}'
"""
_BOTH = """
create temp table both_runs as
select {key}, b.nth, a.verdict as verdict_a, b.verdict as verdict_b, a.ratio as ratio_a, b.ratio as ratio_b,
       b.reason, b.culprit, a.reason as reason_a
from a join b on {same} and a.nth = b.nth
"""
_ONLY = """
select {key}, {of}.verdict, {of}.reason from {of} anti join {other} on {same} and a.nth = b.nth order by all
"""


def changes(before: Run, after: Run, history: Sequence[Run] = (), *, subset: bool = False) -> Changes:
    """What changed from one run to the other. Raises ContractError where rows cannot be read.

    history: runs before `after`, from which the spread of honest ratios is taken.
    subset: whether `after` was asked for less on purpose. If so, no row counts as vanished whose spec, adapter or dtype
    has no row at all in `after`.
    """
    earlier = [run for run in history if run.started < after.started and not _same(run, after)]
    with connect([before, after, *earlier]) as con:
        rows_of(con, "rows", [before, after], kept=True)
        names = ", ".join(f'"{name}"' for name in KEY)
        for run, name in enumerate("ab"):
            con.execute(_NUMBERED.format(name=name, key=names, run=run, vanished=Code.VANISHED))
        con.execute(_BOTH.format(key=columns("b"), same=joined_by("a", "b")))
        (compared,) = _one(con, "select count(*) from both_runs")
        refused = [refusals_of(con, run, which) for run, which in ((0, before), (1, after))]
        not_run = (*_not_run(con, 0, before, refused[0]), *_not_run(con, 1, after, refused[1]))
        return Changes(
            before=_name(before),
            after=_name(after),
            environment=tuple(_environment(before, after, not_run)),
            not_run=not_run,
            verdicts=tuple(_verdicts(con)),
            vanished_rows=tuple(_vanished(con, refused[1], _Kept(con) if subset else None)),
            vanished_divergences=tuple(_vanished_divergences(con)),
            new_rows=tuple(_new(con)),
            ratios=tuple(_ratios(con, after, earlier)),
            compared=compared,
            history=len(earlier),
        )


def _same(one: Run, other: Run) -> bool:
    return one.folder.resolve() == other.folder.resolve() or one.manifest == other.manifest


def _one(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = con.execute(query).fetchone()
    assert found is not None
    return tuple(found)


def _name(run: Run) -> RunName:
    return RunName(str(run.folder), run.started, run.manifest.revision)


def _address(row: Sequence[Any]) -> Address:
    told = dict(zip(KEY, row, strict=False))
    del told["kind"]
    return Address(**told)


def _environment(before: Run, after: Run, not_run: Sequence[NotRun]) -> Iterator[EnvironmentChange]:
    """The differences between the environments of two runs, those of the harness first.

    An adapter or network that only one run has gives one entry; a framework that did not come up gives none.
    """
    dead = {entry.adapter for entry in not_run if not entry.spec}
    a, b = environment_of(before), environment_of(after)
    have_a, have_b = {of for of, _ in a}, {of for of, _ in b}
    seeds = [key for key in a if key[1] == "seed" and key in b]
    redrawn = {of for of, what in seeds if a[of, what] != b[of, what]}
    if len(redrawn) == len(seeds) > 1 and len({(a[key], b[key]) for key in seeds}) == 1:
        yield EnvironmentChange("networks", "seed", a[seeds[0]], b[seeds[0]])
        a, b = ({key: value for key, value in told.items() if key[1] != "seed"} for told in (a, b))
    for of, what in dict.fromkeys([*a, *b]):
        problem = what.startswith("problem ")
        if of in dead or (problem and (of in redrawn or not {of} <= have_a & have_b)):
            continue
        if not {of} <= have_a & have_b and what not in ("version", "seed"):
            continue
        was, now = a.get((of, what), ""), b.get((of, what), "")
        # A variant of a network that one run did not draw is no difference of the problem.
        if was != now and not (problem and not (was and now)):
            yield EnvironmentChange(of, what, was, now)


def _not_run(con: duckdb.DuckDBPyConnection, run: int, which: Run, refused: Refusals) -> Iterator[NotRun]:
    after = run == 1
    for adapter, reason in which.manifest.absent:
        yield NotRun(after, adapter, "", "", "", reason)
    dead = whole(con, run, refused)
    for adapter, reason in dead.items():
        yield NotRun(after, adapter, "", "", "", reason)
    for refusal in refused.crashed:
        if refusal.adapter not in dead:
            yield NotRun(after, refusal.adapter, refusal.spec, refusal.dtype, refusal.check, refusal.reason)


def _verdicts(con: duckdb.DuckDBPyConnection) -> list[VerdictChange]:
    rows = con.execute(
        f"select {columns('both_runs')}, verdict_a, verdict_b, reason, ratio_a, ratio_b, culprit from both_runs "
        "where verdict_a <> verdict_b and not (verdict_a = 'known' and verdict_b = 'conforms') order by all"
    ).fetchall()
    made = []
    for row in rows:
        was, now, reason, ratio_was, ratio, culprit = row[len(KEY) :]
        made.append(VerdictChange(_address(row), was, now, reason, ratio_was, ratio, culprit, _worse(was, now)))
    return sorted(made, key=lambda change: not change.regression)


def _worse(before: str, after: str) -> bool:
    """Whether a verdict became worse: the row fails now and did not before, or passed before and does no longer."""
    was, now = Verdict(before), Verdict(after)
    return (now.fails and not was.fails) or (was.passes and not now.passes)


@dataclass
class _Kept:
    """The specs, adapters and dtypes that a run has rows of, where it was asked for less on purpose."""

    con: duckdb.DuckDBPyConnection

    def __post_init__(self) -> None:
        found = self.con.execute("select distinct spec, adapter, dtype from rows where run = 1").fetchall()
        self.parts = [{row[i] for row in found} for i in range(3)]

    def holds(self, address: Address) -> bool:
        """Whether the run was asked for this row."""
        asked = zip((address.spec, address.adapter, address.dtype), self.parts, strict=True)
        check = Check.read(address.check)
        partner = check.of if check.kind == CheckKind.CROSS else None
        return all(name in part for name, part in asked) and (partner is None or partner in self.parts[1])


def _only(con: duckdb.DuckDBPyConnection, of: str, other: str) -> list[Any]:
    return con.execute(_ONLY.format(key=columns(of), of=of, other=other, same=joined_by("a", "b"))).fetchall()


def _vanished(con: duckdb.DuckDBPyConnection, refused: Refusals, kept: _Kept | None) -> Iterator[VanishedRow]:
    for row in _only(con, "a", "b"):
        address = _address(row)
        if (kept and not kept.holds(address)) or refused.could_not_run(address):
            continue
        if Check.read(address.check).kind in ONLY_WRONG:
            continue
        yield VanishedRow(address, row[-2], refused.instead(address))


def _new(con: duckdb.DuckDBPyConnection) -> list[NewRow]:
    found = [NewRow(_address(row), row[-2], row[-1], Verdict(row[-2]).fails) for row in _only(con, "b", "a")]
    return sorted(found, key=lambda row: not row.regression)


def _vanished_divergences(con: duckdb.DuckDBPyConnection) -> Iterator[VanishedDivergence]:
    stale = f"select {columns('rows')}, reason from rows where run = ? and code = '{Code.VANISHED}' order by all"
    had = {row[: len(KEY)] for row in con.execute(stale, [0]).fetchall()}
    listed = [row for row in con.execute(stale, [1]).fetchall() if row[: len(KEY)] not in had]
    for row in listed:
        yield VanishedDivergence(_address(row), row[-1], still_listed=True)
    named = {row[: len(KEY)] for row in listed} | had
    for row in con.execute(
        f"select {columns('both_runs')}, reason_a from both_runs where verdict_a = 'known' and verdict_b = 'conforms' "
        "order by all"
    ).fetchall():
        if row[: len(KEY)] not in named:
            yield VanishedDivergence(_address(row), row[-1], still_listed=False)


def _ratios(con: duckdb.DuckDBPyConnection, after: Run, earlier: Sequence[Run]) -> list[RatioGrowth]:
    found = []
    for row, was, now, limit, n, basis in spread.grown(con, after, earlier):
        told = RatioGrowth(_address(row), was, now, limit, n, basis, regression=now > limit)
        found.append(told)
    return sorted(found, key=lambda growth: (not growth.regression, -_growth(growth), growth.address.spec))


def _growth(growth: RatioGrowth) -> float:
    return math.inf if growth.before == 0 else growth.after / growth.before
