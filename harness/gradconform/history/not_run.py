"""What a run was to do and could not: its rows are absent, and that says nothing of its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from gradconform.history.addresses import Address
from gradconform.history.runs import Run
from gradconform.rows import Check, CheckKind


@dataclass(frozen=True)
class Refusal:
    """A row that speaks for many that are not there. tensor: empty where it speaks of the whole problem."""

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
        """Whether the row would be there, had this not happened."""
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
    """All that one run could not do. absent: adapters that were not there at all."""

    crashed: tuple[Refusal, ...]
    unsupported: tuple[Refusal, ...]
    absent: frozenset[str]

    def could_not_run(self, row: Address) -> bool:
        """Whether a row is absent since something did not run."""
        asked = Check.read(row.check)
        gone = row.adapter in self.absent or (asked.kind == CheckKind.CROSS and asked.of in self.absent)
        return gone or any(refusal.covers(row) for refusal in self.crashed)

    def instead(self, row: Address) -> str:
        """Why the framework refused the problem that a row was of; empty where it did not."""
        return next((refusal.reason for refusal in self.unsupported if refusal.covers(row)), "")


def refusals_of(con: duckdb.DuckDBPyConnection, run: int, which: Run) -> Refusals:
    """What one run of the database could not do."""
    found = {}
    for verdict, condition in (("crashed", "true"), ("unsupported", "tensor = ''")):
        found[verdict] = con.execute(
            'select distinct spec, tensor, framework, adapter, version, route, dtype, "check", reason from rows '
            f"where run = ? and verdict = ? and {condition} order by all",
            [run, verdict],
        ).fetchall()
    return Refusals(
        tuple(Refusal(*row) for row in found["crashed"]), tuple(Refusal(*row) for row in found["unsupported"]),
        frozenset(name for name, _ in which.manifest.absent),
    )  # fmt: skip


def whole(con: duckdb.DuckDBPyConnection, run: int, refused: Refusals) -> dict[str, str]:
    """Adapter -> reason, for those that gave nothing but crashes."""
    gave = con.execute("select distinct adapter from rows where run = ? and verdict <> 'crashed'", [run]).fetchall()
    some = {adapter for (adapter,) in gave}
    return {refusal.adapter: refusal.reason for refusal in refused.crashed if refusal.adapter not in some}
