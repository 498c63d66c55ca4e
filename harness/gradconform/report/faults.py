"""What failed, grouped by whose fault it is, and what a framework refused, grouped by its words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from gradconform.rows import Row, Verdict

_MILD_TO_BAD = (
    Verdict.CONFORMS, Verdict.UNSUPPORTED, Verdict.KNOWN, Verdict.MISSING, Verdict.DIVERGES, Verdict.CRASHED,
)  # fmt: skip

# The worker puts the node before a framework's sentence; without it, a refusal seen twice is one entry.
_NODE_BEFORE = re.compile(r"^node '[^']*' \((?P<op>[^)]*)\): ")


@dataclass(frozen=True)
class Fault:
    """The failing (or known) rows of one culprit in one network and one framework, the worst first."""

    framework: str
    version: str
    spec: str
    culprit: str
    ops: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes to look at: several where they read one tensor and are blamed together."""
        return tuple(self.culprit.split())

    @property
    def worst(self) -> Row:
        """The row furthest beyond its bound."""
        return self.rows[0]


@dataclass(frozen=True)
class Refusal:
    """What one framework could not do, in its own words, and all problems in which it said so."""

    verdict: str
    framework: str
    version: str
    reason: str
    ops: tuple[str, ...]
    where: tuple[str, ...]
    dtypes: tuple[str, ...]
    rows: int


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows again, as values with names."""
    return [Row(*values) for values in frame.astype(object).itertuples(index=False, name=None)]


def severity(row: Row) -> tuple[int, bool, float]:
    """Sort key: larger is worse. A row that diverges without a ratio (shape, dtype) is beyond any ratio."""
    rank = next((n for n, verdict in enumerate(_MILD_TO_BAD) if verdict == row.verdict), 0)
    beyond = math.inf if row.verdict == Verdict.DIVERGES else -1.0
    # Beyond a bound of zero every ratio is infinite, so a local check tells more than an exact one.
    return rank, row.check != "exact", beyond if math.isnan(row.ratio) else row.ratio


def faults_of(frame: pd.DataFrame, verdicts: Sequence[str]) -> tuple[Fault, ...]:
    """The rows of these verdicts, one fault for each framework, network and culprit; the worst first."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows_of(frame[frame["verdict"].isin(verdicts)]):
        # A missing row that blames nobody lacks what another node failed to give: one entry for them all.
        culprit = row.culprit or (row.node if row.verdict != Verdict.MISSING else "")
        groups.setdefault((row.framework, row.version, row.spec, culprit), []).append(row)
    ops = _operators(frame)
    faults = [
        Fault(
            *key,
            ops=_distinct(ops.get((key[2], node), "") for node in key[3].split()),
            dtypes=tuple(sorted({row.dtype for row in rows})),
            rows=tuple(sorted(rows, key=severity, reverse=True)),
        )
        for key, rows in groups.items()
    ]
    return tuple(sorted(faults, key=lambda fault: severity(fault.worst), reverse=True))


def _operators(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    known = frame.loc[frame["op"] != "", ["spec", "node", "op"]].drop_duplicates()
    return {(spec, node): op for spec, node, op in known.itertuples(index=False, name=None)}


def refusals_of(frame: pd.DataFrame, verdict: str) -> tuple[Refusal, ...]:
    """The rows of this verdict, one refusal for each framework and reason."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows_of(frame[frame["verdict"] == verdict]):
        groups.setdefault((row.framework, row.version, _NODE_BEFORE.sub("", row.reason)), []).append(row)
    return tuple(
        Refusal(
            verdict, framework, version, reason or "no reason given",
            ops=_distinct(_operator_refused(row) for row in rows),
            where=_distinct(f"{row.spec}: {row.node}" if row.node else row.spec for row in rows),
            dtypes=_distinct(row.dtype for row in rows),
            rows=len(rows),
        )
        for (framework, version, reason), rows in groups.items()
    )  # fmt: skip


def _operator_refused(row: Row) -> str:
    said = _NODE_BEFORE.match(row.reason)
    return row.op or (said["op"] if said else "")


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in words if word))
