"""The figures that the page and the terminal share: what failed, what could not be run, and how near the rest came to its bound."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from harness.judge.rows import LIMIT, Row, Verdict
from harness.report.run import RunInfo

JUDGED = (Verdict.CONFORMS, Verdict.KNOWN, Verdict.MISSING, Verdict.DIVERGES)
FAILING = (Verdict.DIVERGES, Verdict.MISSING, Verdict.CRASHED)

# The worker puts the node before a framework's sentence; without it, one refusal in twenty networks is one entry.
_NODE_BEFORE = re.compile(r"^node '[^']*' \((?P<op>[^)]*)\): ")


@dataclass(frozen=True)
class Headline:
    """The answer in one line. state: conforms | fails | incomplete; sentence: the verdict; scope: what it speaks of; gaps: what was not judged."""

    state: str
    sentence: str
    scope: str
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """The failing (or known) rows of one culprit in one network and one framework, the worst first."""

    framework: str
    version: str
    spec: str
    culprit: str
    op: str
    dtypes: tuple[str, ...]
    rows: tuple[Row, ...]

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


@dataclass(frozen=True)
class Nearest:
    """The honest row of one operator and dtype that came nearest to its bound; beside it, how many rows were judged and how many failed."""

    op: str
    dtype: str
    worst: Row | None
    judged: int
    failed: int


@dataclass(frozen=True)
class Summary:
    """Everything that is said of a run as a whole."""

    headline: Headline
    counts: pd.DataFrame
    faults: tuple[Fault, ...]
    known: tuple[Fault, ...]
    crashed: tuple[Refusal, ...]
    unsupported: tuple[Refusal, ...]
    nearest: tuple[Nearest, ...]
    uninformative: int

    @property
    def faulty_operators(self) -> tuple[str, ...]:
        """`operator (framework)` for each that is at fault, so that one defect seen in twenty networks is recognised."""
        return tuple(dict.fromkeys(f"{fault.op or fault.culprit} ({fault.framework})" for fault in self.faults))


def summary_of(frame: pd.DataFrame, run: RunInfo | None = None) -> Summary:
    """The summary of the rows. With the manifest it also says which network or framework was not judged at all."""
    faults = _faults(frame, (Verdict.DIVERGES, Verdict.MISSING))
    crashed = _refusals(frame, Verdict.CRASHED)
    return Summary(
        headline=_headline(frame, run, faults, crashed),
        counts=pd.crosstab(frame["verdict"], frame["framework"] + " " + frame["version"]),
        faults=faults,
        known=_faults(frame, (Verdict.KNOWN,)),
        crashed=crashed,
        unsupported=_refusals(frame, Verdict.UNSUPPORTED),
        nearest=_nearest(frame),
        uninformative=int((frame["reason"] == "uninformative").sum()),
    )


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """The rows again, as values with names."""
    return [Row(*values) for values in frame.astype(object).itertuples(index=False, name=None)]


def severity(row: Row) -> tuple[int, float]:
    """Sort key: larger is worse. A row that diverges without a ratio (shape, dtype) is beyond any ratio."""
    rank = {Verdict.KNOWN: 1, Verdict.UNSUPPORTED: 2, Verdict.MISSING: 3, Verdict.DIVERGES: 4, Verdict.CRASHED: 5}
    beyond = math.inf if row.verdict == Verdict.DIVERGES else -1.0
    return next((n for v, n in rank.items() if v == row.verdict), 0), beyond if math.isnan(row.ratio) else row.ratio


def counted(n: int, noun: str) -> str:
    """`1 node`, `2 nodes`, `12,000 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = list(words) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def _headline(
    frame: pd.DataFrame, run: RunInfo | None, faults: Sequence[Fault], crashed: Sequence[Refusal]
) -> Headline:
    judged = frame[frame["verdict"].isin(JUDGED)]
    gaps = _gaps(frame, judged, run)
    pairs = judged[["framework", "version"]].drop_duplicates().sort_values(["framework", "version"])
    frameworks = listed(f"{name} {version}" for name, version in pairs.itertuples(index=False, name=None))
    scope = f"{counted(len(judged), 'row')} judged in {counted(judged['spec'].nunique(), 'network')}; frameworks: {frameworks}."
    found = []
    for verdict, verb in ((Verdict.DIVERGES, "diverge"), (Verdict.MISSING, "give no result")):
        n = sum(fault.worst.verdict == verdict for fault in faults)
        if n:
            found.append(f"{counted(n, 'node')} {verb}{('s' if verb == 'diverge' else 's') if n == 1 else ''}")
    if crashed:
        problems = frame[frame["verdict"] == Verdict.CRASHED][["spec", "framework", "version", "route", "dtype"]]
        found.append(f"{counted(len(problems.drop_duplicates()), 'problem')} crashed")
    if found:
        return Headline("fails", f"Not everything conforms: {listed(found)}.", scope, gaps)
    if judged.empty:
        return Headline("incomplete", "Nothing was judged.", scope, gaps)
    if gaps:
        return Headline("incomplete", "What was judged conforms, but not everything was judged.", scope, gaps)
    known = int((judged["verdict"] == Verdict.KNOWN).sum())
    besides = f" besides {counted(known, 'row')} of known divergences" if known else ""
    return Headline("conforms", f"Everything conforms{besides}.", scope, gaps)


def _gaps(frame: pd.DataFrame, judged: pd.DataFrame, run: RunInfo | None) -> tuple[str, ...]:
    """Networks and frameworks that should be there and of which no row was judged, refused or crashed."""
    if run is None:
        return ()
    keys = ["spec", "framework"]
    answered = set(
        pd.concat([judged[keys], frame.loc[frame["verdict"].isin((Verdict.CRASHED, Verdict.UNSUPPORTED)), keys]])
        .drop_duplicates()
        .itertuples(index=False, name=None)
    )
    names = list(dict.fromkeys(framework.name for framework in run.frameworks))
    found = []
    for name in names:
        absent = [network.name for network in run.networks if (network.name, name) not in answered]
        if absent:
            few = listed(absent) if len(absent) <= 5 else counted(len(absent), "network")
            found.append(f"{name}: no row for {'any network' if len(absent) == len(run.networks) else few}.")
    return tuple(found)


def _faults(frame: pd.DataFrame, verdicts: Sequence[str]) -> tuple[Fault, ...]:
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in rows_of(frame[frame["verdict"].isin(verdicts)]):
        groups.setdefault((row.framework, row.version, row.spec, row.culprit or row.node), []).append(row)
    ops = _operators(frame)
    faults = [
        Fault(
            *key,
            op=listed(dict.fromkeys(ops.get((key[2], node), "") for node in key[3].split())) if key[3] else "",
            dtypes=tuple(sorted({row.dtype for row in rows})),
            rows=tuple(sorted(rows, key=severity, reverse=True)),
        )
        for key, rows in groups.items()
    ]
    return tuple(sorted(faults, key=lambda fault: severity(fault.worst), reverse=True))


def _operators(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    known = frame.loc[frame["op"] != "", ["spec", "node", "op"]].drop_duplicates()
    return {(spec, node): op for spec, node, op in known.itertuples(index=False, name=None)}


def _refusals(frame: pd.DataFrame, verdict: str) -> tuple[Refusal, ...]:
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


def _nearest(frame: pd.DataFrame) -> tuple[Nearest, ...]:
    judged = frame[frame["verdict"].isin(JUDGED) & (frame["op"] != "")]
    found = []
    for (op, dtype), group in judged.groupby(["op", "dtype"]):
        honest = group[(group["verdict"] == Verdict.CONFORMS) & group["ratio"].notna()]
        worst = rows_of(honest.loc[[honest["ratio"].idxmax()]])[0] if len(honest) else None
        failed = int(group["verdict"].isin(FAILING).sum())
        found.append(Nearest(str(op), str(dtype), worst, len(group), failed))
    return tuple(sorted(found, key=lambda nearest: (-_ratio(nearest), nearest.op, nearest.dtype)))


def _ratio(nearest: Nearest) -> float:
    return nearest.worst.ratio if nearest.worst else -1.0


__all__: list[Any] = ["LIMIT", "Fault", "Headline", "Nearest", "Refusal", "Summary", "counted", "listed", "rows_of", "severity", "summary_of"]
