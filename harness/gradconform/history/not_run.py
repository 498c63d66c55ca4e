"""What a run was asked for and could not do. Its rows are absent, which says nothing about the numbers."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from gradconform.history.addresses import Address
from gradconform.history.runs import Run
from gradconform.rows import Check, CheckKind


@dataclass(frozen=True)
class Refusal:
    """A row that stands in the place of many others, such as `crashed` for a whole problem.

    spec, tensor: of what; tensor is empty where it speaks of the whole problem.
    framework, adapter, version, route, dtype, check: in what.
    reason: why.
    """

    spec: str
    tensor: str
    framework: str
    adapter: str
    version: str
    route: str
    dtype: str
    check: str
    reason: str

    def covers(self, row: Address) -> bool:
        """Whether a row is missing because of this refusal, and would be there if the framework had run."""
        # A framework that did not come up has no version, so which of its adapters it was is not known.
        mine = row.framework == self.framework and (row.adapter == self.adapter or not self.version)
        refused, asked = Check.read(self.check), Check.read(row.check)
        crossed = asked.kind == CheckKind.CROSS and asked.of in (self.adapter, self.framework)
        if row.spec != self.spec or self.dtype not in ("", row.dtype) or not (mine or crossed):
            return False
        if self.tensor:
            return (self.tensor, self.check) == (row.tensor, row.check)
        if refused.kind == CheckKind.ROUTE:
            return asked.kind == CheckKind.ROUTE and row.route == self.route
        # Without the primary capture there is nothing to hold any other against.
        return asked == refused or (refused.kind == CheckKind.LOCAL and asked.kind != CheckKind.EXACT)


@dataclass(frozen=True)
class Refusals:
    """Everything that one run could not do.

    crashed, unsupported: the rows that say so.
    absent: the adapters that were not there at all.
    """

    crashed: tuple[Refusal, ...]
    unsupported: tuple[Refusal, ...]
    absent: frozenset[str]

    def could_not_run(self, row: Address) -> bool:
        """Whether a row is absent because a framework was not there or crashed."""
        asked = Check.read(row.check)
        gone = row.adapter in self.absent or (asked.kind == CheckKind.CROSS and asked.of in self.absent)
        return gone or any(refusal.covers(row) for refusal in self.crashed)

    def instead(self, row: Address) -> str:
        """The reason for which the framework refused the problem of a row; empty where it did not refuse it."""
        return next((refusal.reason for refusal in self.unsupported if refusal.covers(row)), "")


def refusals_of(con: duckdb.DuckDBPyConnection, run: int, which: Run) -> Refusals:
    """What one run of the database could not do."""
    rows_of = {}
    for verdict, condition in (("crashed", "true"), ("unsupported", "tensor = ''")):
        rows_of[verdict] = con.execute(
            'select distinct spec, tensor, framework, adapter, version, route, dtype, "check", reason from rows '
            f"where run = ? and verdict = ? and {condition} order by all",
            [run, verdict],
        ).fetchall()
    return Refusals(
        tuple(Refusal(*row) for row in rows_of["crashed"]),
        tuple(Refusal(*row) for row in rows_of["unsupported"]),
        frozenset(name for name, _ in which.manifest.absent),
    )


def whole(con: duckdb.DuckDBPyConnection, run: int, refused: Refusals) -> dict[str, str]:
    """Adapter -> reason, for the adapters that gave nothing but crashes in one run."""
    gave = con.execute("select distinct adapter from rows where run = ? and verdict <> 'crashed'", [run]).fetchall()
    some = {adapter for (adapter,) in gave}
    return {refusal.adapter: refusal.reason for refusal in refused.crashed if refusal.adapter not in some}
