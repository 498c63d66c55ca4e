"""What changed between two runs, as a value: no text, nothing rendered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradconform.history.addresses import Address, EnvironmentChange

__all__ = [
    "Address",
    "Changes",
    "EnvironmentChange",
    "NewRow",
    "NotRun",
    "RatioGrowth",
    "RunName",
    "VanishedDivergence",
    "VanishedRow",
    "VerdictChange",
]


@dataclass(frozen=True)
class RunName:
    """One of the two runs that are compared.

    folder: the path as the user gave it.
    started: when the run began, ISO 8601.
    revision: of the harness in git.
    """

    folder: str
    started: str
    revision: str


@dataclass(frozen=True)
class NotRun:
    """Something that a run was asked for and could not do. Its numbers are unknown, so it is neither good nor bad.

    after: whether the later run is meant.
    adapter: what could not run.
    spec, dtype, check: empty where the whole framework did not run.
    reason: why.
    """

    after: bool
    adapter: str
    spec: str
    dtype: str
    check: str
    reason: str


@dataclass(frozen=True)
class VerdictChange:
    """A row whose verdict differs between the runs.

    address: the row.
    before, after: the two verdicts.
    reason, culprit: those of the later run.
    ratio_before, ratio_after: the two ratios.
    regression: whether it changed for the worse, which makes the comparison fail.
    """

    address: Address
    before: str
    after: str
    reason: str
    ratio_before: float
    ratio_after: float
    culprit: str
    regression: bool


@dataclass(frozen=True)
class RatioGrowth:
    """A row that conforms as before and came nearer to its bound.

    address: the row.
    before, after: the two ratios.
    limit: the largest ratio to be expected of one more such run, by the earlier ones; NaN where there are too few.
    earlier: how many earlier runs there are.
    basis: what the limit is from: `repeats` (runs of the same problem in the same environment), `draws` (the same
    environment, other numbers) or `measured` (too few runs to tell: the growth is reported and not judged).
    regression: whether the ratio is beyond the limit.
    """

    address: Address
    before: float
    after: float
    limit: float
    earlier: int
    basis: str
    regression: bool


@dataclass(frozen=True)
class VanishedRow:
    """A row of the earlier run that the later one does not have.

    address: the row.
    verdict: the one that it had.
    instead: the reason of a row that now speaks of the whole problem, such as an `unsupported` one; empty where there
    is no such row.
    """

    address: Address
    verdict: str
    instead: str


@dataclass(frozen=True)
class NewRow:
    """A row that only the later run has.

    address: the row.
    verdict, reason: those that it has.
    regression: whether its verdict makes a run fail.
    """

    address: Address
    verdict: str
    reason: str
    regression: bool


@dataclass(frozen=True)
class VanishedDivergence:
    """A listed divergence that the earlier run has and the later one has no more.

    address: the row.
    reason: why it was listed.
    still_listed: whether its entry is still in specs/known. The run fails until that is deleted.
    """

    address: Address
    reason: str
    still_listed: bool


@dataclass(frozen=True)
class Changes:
    """Everything that differs between two runs, in the order in which a person should read it.

    Each part has what is most important first.
    before, after: the two runs.
    environment: what differs and is no result.
    not_run: what could not run.
    verdicts, vanished_rows, vanished_divergences, new_rows, ratios: the rows that differ.
    compared: how many rows both runs have.
    history: how many earlier runs the spread of ratios was taken from.
    """

    before: RunName
    after: RunName
    environment: tuple[EnvironmentChange, ...]
    not_run: tuple[NotRun, ...]
    verdicts: tuple[VerdictChange, ...]
    vanished_rows: tuple[VanishedRow, ...]
    vanished_divergences: tuple[VanishedDivergence, ...]
    new_rows: tuple[NewRow, ...]
    ratios: tuple[RatioGrowth, ...]
    compared: int
    history: int

    @property
    def regressions(self) -> int:
        """How many rows are worse than before. Rows that could not be run again are not counted."""
        return len(self.vanished_rows) + sum(1 for _ in self._worse())

    def _worse(self) -> Iterator[object]:
        yield from (change for change in self.verdicts if change.regression)
        yield from (row for row in self.new_rows if row.regression)
        yield from (growth for growth in self.ratios if growth.regression)
        yield from (entry for entry in self.vanished_divergences if entry.still_listed)

    @property
    def nothing(self) -> bool:
        """Whether the runs are alike, environments included. Ratios whose growth is only `measured` do not count."""
        parts = (self.environment, self.not_run, self.verdicts, self.vanished_rows, self.vanished_divergences)
        return not any(parts) and not self.new_rows and not any(growth.regression for growth in self.ratios)
