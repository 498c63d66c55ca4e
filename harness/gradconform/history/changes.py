"""What changed between two runs, as a value: no text, nothing rendered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradconform.history.addresses import Address, EnvironmentChange

__all__ = [
    "Address", "Changes", "EnvironmentChange", "NewRow", "NotRun", "RatioGrowth", "RunName", "VanishedDivergence",
    "VanishedRow", "VerdictChange",
]  # fmt: skip


@dataclass(frozen=True)
class RunName:
    """One of the two runs. folder: as it was given; started: ISO 8601."""

    folder: str
    started: str
    revision: str


@dataclass(frozen=True)
class NotRun:
    """What a run was to do and could not: nothing is known of its numbers, neither good nor bad.

    after: whether it is the later run. spec, dtype and check are empty where the whole framework did not run.
    """

    after: bool
    adapter: str
    spec: str
    dtype: str
    check: str
    reason: str


@dataclass(frozen=True)
class VerdictChange:
    """A row with another verdict than before. regression: for the worse, so that the comparison fails."""

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

    limit: the largest ratio that earlier runs let expect of one more such run; NaN where there are too few.
    earlier: how many of them there are. basis: `repeats` (runs of the same problem in the same environment),
    `draws` (the same environment, other numbers) or `measured` (too few runs to tell: reported, not judged).
    regression: beyond the limit.
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
    """A row of the earlier run that the later one does not have. verdict: what it was.

    instead: the reason of the row that speaks of the whole problem now, such as an `unsupported` one; empty where
    there is none.
    """

    address: Address
    verdict: str
    instead: str


@dataclass(frozen=True)
class NewRow:
    """A row that only the later run has. regression: it fails."""

    address: Address
    verdict: str
    reason: str
    regression: bool


@dataclass(frozen=True)
class VanishedDivergence:
    """A listed divergence that happened before and does not any more.

    still_listed: its entry is still in specs/known, which fails the run until it is taken off.
    """

    address: Address
    reason: str
    still_listed: bool


@dataclass(frozen=True)
class Changes:
    """Everything that differs, in the order in which a person should read it. Most important first in every part.

    compared: rows that both runs have. history: earlier runs that the spread of ratios was taken from.
    regressions: parts of the comparison that make it fail.
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
        """How many rows are worse than before; a row that could not be run again is not among them."""
        return len(self.vanished_rows) + sum(1 for _ in self._worse())

    def _worse(self) -> Iterator[object]:
        yield from (change for change in self.verdicts if change.regression)
        yield from (row for row in self.new_rows if row.regression)
        yield from (growth for growth in self.ratios if growth.regression)
        yield from (entry for entry in self.vanished_divergences if entry.still_listed)

    @property
    def nothing(self) -> bool:
        """Whether the runs tell the same, the environment included; ratios that were only measured aside."""
        parts = (self.environment, self.not_run, self.verdicts, self.vanished_rows, self.vanished_divergences)
        return not any(parts) and not self.new_rows and not any(growth.regression for growth in self.ratios)
