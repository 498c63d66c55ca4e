"""Rows of many runs as tables of an embedded database, read from their Parquet files where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from gradconform.contract import ContractError
from gradconform.history.runs import Run
from gradconform.reasons import SENTENCE
from gradconform.rows import Check, CheckKind

# What a row is found by in another run; the adapter stands for framework and version, which may be another there.
KEY = ("spec", "node", "tensor", "kind", "framework", "adapter", "route", "dtype", "check")

# `check` is a reserved word. A check `cross:chainer-7.8.1` names a version; the adapter is the same in the next run.
_ROWS = """
create {kind} {name} as
select r.run, p.spec, p.node, p.tensor, p.kind, p.framework, coalesce(a.adapter, p.framework) as adapter, p.version,
       p.route, p.dtype, coalesce(c.named, p."check") as "check", p.ratio, p.verdict, p.reason,
       split_part(p.reason, '{sentence}', 1) as code, p.culprit,
       p.file_row_number as place
from read_parquet({files}, filename = true, file_row_number = true, union_by_name = true) p
join runs r on r.file = p.filename
left join adapters a on a.run = r.run and a.framework = p.framework and a.version = p.version
left join checks c on c.run = r.run and c."check" = p."check"
"""


def connect(runs: Sequence[Run]) -> duckdb.DuckDBPyConnection:
    """A database of some runs in memory, without their rows, which `rows_of` adds.

    `run` in its tables is the index of a run among them. A check between frameworks, such as `cross:chainer`, is given
    the name of the adapter that it means, so that runs with one version and with several can be compared.
    """
    con = duckdb.connect(":memory:")
    con.execute("create table runs (run integer, file varchar)")
    con.execute("create table adapters (run integer, framework varchar, version varchar, adapter varchar)")
    con.execute('create table checks (run integer, "check" varchar, named varchar)')
    con.execute("create table problems (run integer, spec varchar, dtype varchar, numbers varchar)")
    fill(con, "runs", ((i, str(run.rows)) for i, run in enumerate(runs)))
    named = [(i, *key, adapter) for i, run in enumerate(runs) for key, adapter in run.adapter_of().items()]
    fill(con, "adapters", named)
    crossed = [(i, _cross(f"{name}-{version}"), _cross(adapter)) for i, name, version, adapter in named]
    # `cross:chainer` where a run has one version of Chainer, `cross:chainer-6.3` where it has two: a check without a
    # version belongs to the one adapter that there is.
    alone = {(i, name): adapter for i, name, _, adapter in named}
    crossed += [(i, _cross(name), _cross(adapter)) for (i, name), adapter in alone.items()]
    fill(con, "checks", crossed)
    fill(con, "problems", ((i, *key, told) for i, run in enumerate(runs) for key, told in run.numbers().items()))
    return con


def _cross(partner: str) -> str:
    return str(Check(CheckKind.CROSS, partner))


def rows_of(con: duckdb.DuckDBPyConnection, name: str, runs: Sequence[Run], *, kept: bool = False) -> None:
    """Add the rows of some runs to the database, as a view. Raises ContractError.

    kept: as a table, where they are read several times.
    """
    kind = "temp table" if kept else "view"
    # A run that is in the list twice is read once, and has two numbers.
    files = list(dict.fromkeys(str(run.rows) for run in runs))
    try:
        con.execute(_ROWS.format(kind=kind, name=name, files=files, sentence=SENTENCE))
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise ContractError(f"{runs[0].folder.parent}: the rows of its runs cannot be read ({first})") from error


def fill(con: duckdb.DuckDBPyConnection, table: str, lines: Iterable[tuple[object, ...]]) -> None:
    """Insert lines into a table; `executemany` would take seconds for a year of nights."""
    listed = list(lines)
    if listed:
        marks = ", ".join("unnest(?)" for _ in listed[0])
        con.execute(f"insert into {table} select {marks}", [list(column) for column in zip(*listed, strict=True)])


def joined_by(left: str, right: str, names: Iterable[str] = KEY) -> str:
    """The SQL condition that two tables have the same values in these columns, so that they speak of the same row."""
    return " and ".join(f'{left}."{name}" = {right}."{name}"' for name in names)


def columns(table: str, names: Iterable[str] = KEY) -> str:
    """The names of some columns of a table, joined to a list for a SQL select."""
    return ", ".join(f'{table}."{name}"' for name in names)
