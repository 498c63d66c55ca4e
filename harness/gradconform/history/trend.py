"""Questions about many runs: what each gave, how one row went, what changed when."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradconform.contract import ContractError
from gradconform.history.addresses import Address, EnvironmentChange
from gradconform.history.database import columns, connect, rows_of
from gradconform.history.not_run import refusals_of, whole
from gradconform.history.runs import Run, environment_of

ROW = "spec/tensor/framework/check"


@dataclass(frozen=True)
class Night:
    """One run as a whole.

    run: the run.
    verdicts: verdict -> how many rows have it.
    could_not: adapter -> why it did not run.
    environment: what differs from the run before.
    """

    run: Run
    verdicts: Mapping[str, int]
    could_not: Mapping[str, str]
    environment: tuple[EnvironmentChange, ...]


@dataclass(frozen=True)
class Point:
    """One row in one run.

    run, address: the run and the row.
    version: the framework's.
    ratio: largest |error| / bound; NaN where there is none.
    verdict: empty where the run has no such row.
    why: the reason for which the row could not be run; empty where it was.
    environment: what differs from the run before.
    """

    run: Run
    address: Address
    version: str
    ratio: float
    verdict: str
    why: str
    environment: tuple[EnvironmentChange, ...]


@dataclass(frozen=True)
class Event:
    """A row whose verdict changed from one run to the next, or that appeared or vanished.

    run, address: the later run and the row.
    before, after: the two verdicts; empty where that run has no such row.
    """

    run: Run
    address: Address
    before: str
    after: str


def nights(runs: Sequence[Run]) -> list[Night]:
    """Every run as a whole, in their order. Raises ContractError."""
    if not runs:
        return []
    with connect(runs) as con:
        rows_of(con, "rows", runs)
        counts: dict[int, dict[str, int]] = {}
        dead: dict[int, dict[str, str]] = {i: dict(run.manifest.absent) for i, run in enumerate(runs)}
        for run, verdict, n in con.execute(
            "select run, verdict, count(*) from rows group by all order by all"
        ).fetchall():
            counts.setdefault(run, {})[verdict] = n
        # Adapters of which a run has crashes and nothing else.
        for run, adapter, reason in con.execute(
            "select run, adapter, min(reason) from rows group by run, adapter having bool_and(verdict = 'crashed')"
        ).fetchall():
            dead[run][adapter] = reason
    changed = list(_environments(runs))
    return [Night(run, counts.get(i, {}), dead[i], changed[i]) for i, run in enumerate(runs)]


def _environments(runs: Sequence[Run]) -> Iterator[tuple[EnvironmentChange, ...]]:
    """For every run, how its environment differs from that of the run before; seeds and problems are no part of it."""
    told = [
        {key: value for key, value in environment_of(run).items() if key[1] != "seed" and " " not in key[1]}
        for run in runs
    ]
    for before, after in zip([told[0], *told], told, strict=False):
        yield tuple(
            EnvironmentChange(of, what, before[of, what], after[of, what])
            for of, what in before
            if (of, what) in after and before[of, what] != after[of, what]
        )


def trend(runs: Sequence[Run], row: str) -> list[Point]:
    """One row through all runs, each of its dtypes, routes and adapters. Raises ContractError where there is none."""
    spec, tensor, framework, check = _parts(row)
    wanted = 'spec = ? and tensor = ? and framework = ? and "check" = ?'
    with connect(runs) as con:
        rows_of(con, "rows", runs)
        rows = con.execute(
            'select run, spec, node, tensor, framework, adapter, route, dtype, "check", version, ratio, verdict '
            f"from rows where {wanted} order by dtype, route, adapter, run",
            [spec, tensor, framework, check],
        ).fetchall()
        if not rows:
            known = con.execute(
                "select distinct concat_ws('/', spec, tensor, framework, \"check\") from rows where run = ?",
                [len(runs) - 1],
            ).fetchall()
            near = difflib.get_close_matches(row, [name for (name,) in known], 1, 0.0)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ContractError(f"--row {row}: no run has such a row; expected {ROW}{hint}")
        series: dict[Address, dict[int, tuple[str, float, str]]] = {}
        for run, *named, version, ratio, verdict in rows:
            series.setdefault(Address(*named), {})[run] = (version, ratio, verdict)
        lacking = sorted({i for had in series.values() for i in range(len(runs)) if i not in had})
        refused = {i: refusals_of(con, i, runs[i]) for i in lacking}
        dead = {i: {**whole(con, i, refused[i]), **dict(runs[i].manifest.absent)} for i in lacking}
    changed = list(_environments(runs))
    points = []
    for address, had in series.items():
        for i, run in enumerate(runs):
            version, ratio, verdict = had.get(i, ("", float("nan"), ""))
            why = ""
            if not verdict:
                crashes = (refusal.reason for refusal in refused[i].crashed if refusal.covers(address))
                why = dead[i].get(address.adapter) or next(crashes, "")
            mine = tuple(change for change in changed[i] if change.of in ("harness", address.adapter))
            points.append(Point(run, address, version, ratio, verdict, why, mine))
    return points


def _parts(row: str) -> tuple[str, str, str, str]:
    """The parts of a row's name, read from both ends: the tensor's name in the middle has strokes of its own."""
    spec, _, rest = row.partition("/")
    parts = rest.rsplit("/", 2)
    if not spec or len(parts) != 3:
        raise ContractError(f"--row {row}: expected {ROW}, such as cnn/grad/conv2.weight/torch/local")
    return spec, parts[0], parts[1], parts[2]


# 64 bits of hash stand for a row: among a million rows two are alike with a chance of 3e-8.
_TOLD = """
create temp table told_once as
select run, hash({key}) as row, verdict, place from rows where verdict <> 'crashed'
"""
# Several claims about one tensor are rows of the same name: their verdicts are held against each other together.
_TOLD_TWICE = """
create temp table told_twice as
select row, run, string_agg(verdict, ' ' order by verdict) as verdict, min(place) as place
from told_once semi join (select row from told_once group by run, row having count(*) > 1) using (row) group by all
"""
_STEPS = """
insert into found
with steps as (
    select row, run, verdict, place, lag(run) over w as run_before,
           lag(verdict) over w as before, lead(run) over w as run_after
    from {told} window w as (partition by row order by run)
)
select run, place, coalesce(before, ''), verdict, run from steps
where (run > 0 and run_before is null) or (run_before = run - 1 and before <> verdict)
union all
select run, place, '', verdict, run from steps where run_before < run - 1
union all
select run, place, verdict, '', run + 1 from steps where run < {last} and (run_after is null or run_after > run + 1)
"""


def events(runs: Sequence[Run]) -> list[Event]:
    """Every row that changed its verdict, appeared or vanished from one run to the next. Raises ContractError."""
    if len(runs) < 2:
        return []
    with connect(runs) as con:
        rows_of(con, "rows", runs)

        con.execute(_TOLD.format(key=columns("rows")))
        con.execute(_TOLD_TWICE)
        once = "(from told_once anti join told_twice using (row))"
        con.execute("create temp table found (run integer, place bigint, before varchar, after varchar, seen integer)")
        for told in (once, "told_twice"):
            con.execute(_STEPS.format(told=told, last=len(runs) - 1))
        rows = con.execute(
            'select f.seen, r.spec, r.node, r.tensor, r.framework, r.adapter, r.route, r.dtype, r."check", '
            "f.before, f.after from found f join rows r on r.run = f.run and r.place = f.place order by all"
        ).fetchall()
    return [Event(runs[row[0]], Address(*row[1:9]), row[9], row[10]) for row in rows]


def counted(changes: Sequence[Event]) -> list[tuple[str, str, int]]:
    """(verdict before, verdict after, how many rows) of some changes, the most frequent change first."""
    return [(*pair, n) for pair, n in Counter((e.before, e.after) for e in changes).most_common()]


def folder_name(run: Run) -> str:
    """What a run is called on a terminal: the name of its folder."""
    return Path(run.folder).name
