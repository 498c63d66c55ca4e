"""What honest repetitions of a run let expect of a ratio, from the spread of earlier ones.

A ratio is compared with earlier ratios of the same row in the same environment: of the same problem where there are
enough (then only a lack of determinism can spread them), else of other draws of it. Ratios spread by factors, so their
logarithms are taken as a sample of size n, with mean m and standard deviation s; one more is expected below

    m + t s sqrt(1 + 1/n)

the one-sided prediction limit (Hahn, 1969), where t is Student's quantile with n - 1 degrees of freedom at the
probability FALSE_ALARM / (number of rows compared): of a hundred honest comparisons, one raises a false alarm in any
row at all. For draws, s is never taken below its median over all rows that grew: a few draws may be close together by
chance. The limit is never below the largest earlier ratio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from gradconform.history.database import KEY, columns, fill, joined_by, rows_of
from gradconform.history.runs import Run

FALSE_ALARM = 0.01
NEEDED = 3
"""Earlier runs below which a spread is no estimate: two give a standard deviation of one degree of freedom."""

_GROWN = """
create temp table grown as
select row_number() over () as id, {key}, verdict_b as verdict, ratio_a, ratio_b,
       count(*) over (partition by {key}) = 1 as alone
from both_runs where verdict_a = verdict_b and ratio_b > ratio_a and not isnan(ratio_b)
"""
# One value for each repetition of the later run's own problem, and one for each other draw of it: its largest. A
# draw that was right to the bit tells nothing of how far others are off: a scalar loss is, every now and then.
_SAMPLE = """
create temp table sample as
with found as (
    select g.id, x.run, p.numbers, x.ratio, p.numbers = now.numbers as repeated
    from earlier x
    join alike e on e.run = x.run and e.adapter = x.adapter
    join grown g on {same} and g.verdict = x.verdict and g.alone
    join problems p on p.run = x.run and p.spec = x.spec and p.dtype = x.dtype
    join problems now on now.run = 1 and now.spec = x.spec and now.dtype = x.dtype
    where isfinite(x.ratio)
)
select id, 'repeats' as basis, ratio from found where repeated
union all
select id, 'draws', max(ratio) from found group by id, numbers having max(ratio) > 0
"""
# A ratio of zero has no logarithm: among repetitions it counts as the smallest other one of its row.
_SPREAD = """
with least as (select id, basis, min(ratio) filter (ratio > 0) as least from sample group by all),
sized as (select id, basis, ratio, nullif(greatest(ratio, least), 0) as size from sample join least using (id, basis))
select id, basis, count(*), avg(ln(size)), stddev_samp(ln(size)), max(ratio)
from sized group by all having count(*) >= {needed}
"""


def grown(
    con: duckdb.DuckDBPyConnection, after: Run, earlier: Sequence[Run]
) -> Iterator[tuple[tuple[Any, ...], float, float, float, int, str]]:
    """(row, ratio before, ratio after, limit, runs it is from, basis) of every row whose ratio is larger than before.

    con: a database that knows these runs as numbers 1 and 2 on, with the rows of both runs in `both_runs`.
    """
    con.execute(_GROWN.format(key=columns("both_runs")))
    same = after.environment()
    con.execute("create temp table alike (run integer, adapter varchar)")
    alike = (
        (i, name)
        for i, run in enumerate(earlier, 2)
        for name, environment in run.environment().items()
        if environment == same.get(name)
    )
    fill(con, "alike", alike)
    if earlier:
        rows_of(con, "earlier", earlier)
        con.execute(_SAMPLE.format(same=joined_by("x", "g")))
    count = con.execute("select count(*) from both_runs where verdict_a = verdict_b and not isnan(ratio_b)").fetchone()
    spreads = con.execute(_SPREAD.format(needed=NEEDED)).fetchall() if earlier else []
    limits = _limits(spreads, count[0] if count else 0)
    rows = con.execute(f"select id, ratio_a, ratio_b, {columns('grown')} from grown").fetchall()
    for identity, was, now, *row in rows:
        known = limits.get((identity, "repeats")) or limits.get((identity, "draws"))
        limit, n, basis = (*known, "repeats" if (identity, "repeats") in limits else "draws") if known else _NO_LIMIT
        yield tuple(row[: len(KEY)]), was, now, limit, n, basis


_NO_LIMIT = (float("nan"), 0, "measured")


def _limits(spreads: Sequence[Any], tests: int) -> dict[tuple[int, str], tuple[float, int]]:
    if not spreads:
        return {}
    n, mean, deviation, largest = (np.array([row[i] for row in spreads], float) for i in range(2, 6))
    drawn = np.array([row[1] == "draws" for row in spreads])
    if (drawn & (deviation > 0)).any():
        # A few draws may lie close together by chance; other rows tell how far apart draws usually are.
        usual = np.median(deviation[drawn & (deviation > 0)])
        deviation = np.where(drawn, np.fmax(deviation, usual), deviation)
    limits = np.fmax(prediction_limit(n, mean, deviation, tests), largest)
    return {(row[0], row[1]): (float(limit), row[2]) for row, limit in zip(spreads, limits, strict=True)}


def prediction_limit(n: NDArray[Any], mean: NDArray[Any], deviation: NDArray[Any], tests: int) -> NDArray[Any]:
    """The ratio that one more run stays below: from n earlier ones, mean and deviation of their logarithms."""
    t = -stdtrit(n - 1, FALSE_ALARM / max(tests, 1))
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(mean + t * deviation * np.sqrt(1 + 1 / n)))
