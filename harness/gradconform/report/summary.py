"""What page and terminal share: the verdict, what failed, and how near the rest came to its bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gradconform.contract.run import RunInfo
from gradconform.report.faults import Fault, Refusal, faults_of, refusals_of, rows_of
from gradconform.rows import UNJUDGED, Row, Verdict
from gradconform.words import counted, listed

JUDGED = (Verdict.CONFORMS, Verdict.KNOWN, Verdict.MISSING, Verdict.DIVERGES)
FAILING = (Verdict.DIVERGES, Verdict.MISSING, Verdict.CRASHED)


@dataclass(frozen=True)
class Headline:
    """The answer in one line.

    state: conforms | fails | incomplete. sentence: the verdict. scope: what it speaks of. gaps: what
    should be there and is not.
    """

    state: str
    sentence: str
    scope: str
    gaps: tuple[str, ...]


@dataclass(frozen=True)
class Nearest:
    """The conforming row of one operator and dtype that came nearest to its bound, and how many there are."""

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
        """`operator (framework)` for each at fault: one defect seen in twenty networks is recognised."""
        named = [fault for fault in self.faults if fault.nodes]
        return tuple(
            dict.fromkeys(f"{listed(fault.ops or fault.nodes)} ({fault.framework})" for fault in named)
        )


def summary_of(frame: pd.DataFrame, run: RunInfo | None = None) -> Summary:
    """The summary of the rows. With the manifest it also says which network or framework is absent."""
    faults = faults_of(frame, (Verdict.DIVERGES, Verdict.MISSING))
    return Summary(
        headline=_headline(frame, run, faults),
        counts=_counts(frame, run),
        faults=faults,
        # What a framework means by a gradient is a convention of its own and no fault.
        known=faults_of(frame[frame["check"] != "semantics"], (Verdict.KNOWN,)),
        crashed=refusals_of(frame, Verdict.CRASHED),
        unsupported=refusals_of(frame, Verdict.UNSUPPORTED),
        nearest=_nearest(frame),
        uninformative=int((frame["reason"] == "uninformative").sum()),
    )


def behaviours_in(frame: pd.DataFrame) -> set[str]:
    """The specs that hold a behaviour and no arithmetic."""
    other = frame["verdict"].isin(JUDGED) & ~frame["check"].isin(["semantics", "claim"])
    return set(frame.loc[frame["check"] == "semantics", "spec"]) - set(frame.loc[other, "spec"])


def _counts(frame: pd.DataFrame, run: RunInfo | None) -> pd.DataFrame:
    """Rows by verdict, in the order of `Verdict`, and framework, in the order of the manifest."""
    table = pd.crosstab(frame["verdict"], (frame["framework"] + " " + frame["version"]).str.strip())
    first = [f"{info.name} {info.version}" for info in run.frameworks] if run else []
    columns = list(dict.fromkeys([*first, *map(str, table.columns)]))
    verdicts = [str(verdict) for verdict in Verdict if verdict in table.index]
    return table.reindex(index=verdicts, columns=columns, fill_value=0)


def _headline(frame: pd.DataFrame, run: RunInfo | None, faults: Sequence[Fault]) -> Headline:
    judged = frame[frame["verdict"].isin(JUDGED)]
    gaps = _gaps(frame, judged, run)
    failed = _failed(frame, faults)
    if failed:
        state, sentence = "fails", f"Not everything conforms: {listed(failed)}."
    elif judged.empty:
        state, sentence = "incomplete", "Nothing was judged."
    elif gaps:
        state, sentence = "incomplete", "What was judged conforms, but not everything was judged."
    elif (judged["verdict"] == Verdict.KNOWN).any():
        state, sentence = "conforms", "Everything conforms, but for known divergences."
    else:
        state, sentence = "conforms", "Everything conforms."
    return Headline(state, sentence, _scope(frame, judged, run), gaps)


def _failed(frame: pd.DataFrame, faults: Sequence[Fault]) -> list[str]:
    diverging = sum(fault.worst.verdict == Verdict.DIVERGES for fault in faults)
    lacking = sum(fault.worst.verdict == Verdict.MISSING for fault in faults if fault.nodes)
    unjudged = sum(len(fault.rows) for fault in faults if not fault.nodes)
    crashed = frame[frame["verdict"] == Verdict.CRASHED]
    problems = len(crashed[["spec", "framework", "version", "route", "dtype", "check"]].drop_duplicates())
    found = (
        (diverging, "node", ("diverges", "diverge")),
        (lacking, "node", ("lacks tensors", "lack tensors")),
        (unjudged, "tensor", ("could not be judged for it", "could not be judged for it")),
        (problems, "problem", ("crashed", "crashed")),
    )
    return [f"{counted(n, noun)} {verbs[n > 1]}" for n, noun, verbs in found if n]


def _scope(frame: pd.DataFrame, judged: pd.DataFrame, run: RunInfo | None) -> str:
    """What the verdict speaks of, and what it does not."""
    names = [info.name for info in run.frameworks] if run else []
    pairs = list(judged[["framework", "version"]].drop_duplicates().itertuples(index=False, name=None))
    pairs.sort(key=lambda pair: (names.index(pair[0]) if pair[0] in names else len(names), pair))
    named = set(judged["spec"])
    behaviours = named & behaviours_in(frame)
    counts = ((len(named - behaviours), "network"), (len(behaviours), "behaviour"))
    specs = listed(counted(n, noun) for n, noun in counts if n) or "no network"
    frameworks = listed(" ".join(pair).strip() for pair in pairs)
    text = f"{counted(len(judged), 'row')} judged in {specs}, with {frameworks}."
    beside = [
        (int((frame["verdict"] == verdict).sum()), verdict)
        for verdict in (Verdict.UNSUPPORTED, Verdict.MEASURED, Verdict.INCONCLUSIVE)
    ]
    words = [f"{n:,} {verdict}" for n, verdict in beside if n]
    return f"{text} Not judged: {listed(words)}." if words else text


def _gaps(frame: pd.DataFrame, judged: pd.DataFrame, run: RunInfo | None) -> tuple[str, ...]:
    """Frameworks of which nothing was judged, and networks of which a framework gave no row at all."""
    if run is None:
        return ()
    answered = frame[~frame["verdict"].isin(UNJUDGED)]
    pairs = set(answered[["spec", "framework"]].drop_duplicates().itertuples(index=False, name=None))
    found = []
    for name in dict.fromkeys(framework.name for framework in run.frameworks):
        absent = [network.name for network in run.networks if (network.name, name) not in pairs]
        if not (judged["framework"] == name).any():
            found.append(f"{name}: nothing was judged.")
        elif absent:
            what = listed(absent) if len(absent) <= 5 else counted(len(absent), "network")
            found.append(f"{name}: no row of {what}.")
    return tuple(found)


def _nearest(frame: pd.DataFrame) -> tuple[Nearest, ...]:
    judged = frame[frame["verdict"].isin(JUDGED) & (frame["op"] != "")]
    found = []
    for (op, dtype), group in judged.groupby(["op", "dtype"]):
        # The bar of a numerical derivative is no rounding bound of an operator.
        honest = group[(group["verdict"] == Verdict.CONFORMS) & group["ratio"].notna() & (group["check"] != "numeric")]
        worst = rows_of(honest.loc[[honest["ratio"].idxmax()]])[0] if len(honest) else None
        failed = int(group["verdict"].isin(FAILING).sum())
        found.append(Nearest(str(op), str(dtype), worst, len(group), failed))
    return tuple(sorted(found, key=lambda nearest: (-_ratio(nearest), nearest.op, nearest.dtype)))


def _ratio(nearest: Nearest) -> float:
    return nearest.worst.ratio if nearest.worst else -1.0
