"""The answer of a run in one line: what fails, what is to be looked at, what it speaks of, and what is absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from gradconform.contract.run import RunInfo
from gradconform.report.doubts import Doubt, DoubtKind, tensors_in
from gradconform.report.findings import Finding
from gradconform.rows import Row, Verdict
from gradconform.words import counted, listed


@dataclass(frozen=True)
class Headline:
    """The answer of a run in one line.

    state: conforms | doubtful | fails | incomplete. Doubtful is what fails nothing and must be looked at.
    sentence: the verdict.
    scope: what it speaks of.
    gaps: what should be there and is not.
    """

    state: str
    sentence: str
    scope: str
    gaps: tuple[str, ...]


def headline_of(
    rows: Sequence[Row], run: RunInfo, findings: Sequence[Finding], doubts: Sequence[Doubt], apart: frozenset[str]
) -> Headline:
    """The headline of a run of these rows.

    findings, doubts: what is wrong in them, and what is to be looked at.
    apart: the specs that hold a behaviour and no arithmetic.
    """
    judged = [row for row in rows if row.verdict.judged]
    gaps = _gaps(rows, judged, run)
    failed = _failed(rows, findings)
    if failed:
        state, sentence = "fails", f"Not everything conforms: {listed([*failed, *_doubtful(doubts)])}."
        if len(findings) < sum(len(finding.faults) for finding in findings):
            sentence += f" What fails comes to {counted(len(findings), 'finding')}."
    elif not judged:
        state, sentence = "incomplete", "Nothing was judged."
    elif gaps:
        but = listed(["not everything was judged", *_doubtful(doubts)])
        state, sentence = "incomplete", f"What was judged conforms, but {but}."
    elif doubts:
        known = ["some divergences are known"] if any(row.verdict == Verdict.KNOWN for row in judged) else []
        state, sentence = "doubtful", f"Everything conforms, but {listed([*known, *_doubtful(doubts)])}."
    elif any(row.verdict == Verdict.KNOWN for row in judged):
        state, sentence = "conforms", "Everything conforms, but for known divergences."
    else:
        state, sentence = "conforms", "Everything conforms."
    return Headline(state, sentence, _scope(rows, judged, run, apart), gaps)


def _doubtful(doubts: Sequence[Doubt]) -> list[str]:
    nonfinite, undecided = (tensors_in(doubts, kind) for kind in (DoubtKind.NONFINITE, DoubtKind.UNDECIDED))
    counts = (
        (nonfinite, f"{counted(nonfinite, 'tensor')} {'hold' if nonfinite > 1 else 'holds'} NaN or infinity"),
        (undecided, f"{counted(undecided, 'tensor')} could not be decided"),
    )
    return [said for n, said in counts if n]


def _failed(rows: Sequence[Row], findings: Sequence[Finding]) -> list[str]:
    faults = [fault for finding in findings for fault in finding.faults]
    diverging = sum(fault.worst.verdict == Verdict.DIVERGES for fault in faults)
    lacking = sum(fault.worst.verdict == Verdict.MISSING for fault in faults if fault.nodes)
    unjudged = sum(len(fault.rows) for fault in faults if not fault.nodes)
    problem = attrgetter("spec", "framework", "version", "route", "dtype", "check")
    problems = len({problem(row) for row in rows if row.verdict == Verdict.CRASHED})
    counts = (
        (diverging, "node", ("diverges", "diverge")),
        (lacking, "node", ("lacks tensors", "lack tensors")),
        (unjudged, "tensor", ("could not be judged for it", "could not be judged for it")),
        (problems, "problem", ("crashed", "crashed")),
    )
    return [f"{counted(n, noun)} {verbs[n > 1]}" for n, noun, verbs in counts if n]


def _scope(rows: Sequence[Row], judged: Sequence[Row], run: RunInfo, apart: frozenset[str]) -> str:
    """What the verdict speaks of, and what it does not."""
    names = [info.name for info in run.frameworks]
    pairs = list({(row.framework, row.version) for row in judged})
    pairs.sort(key=lambda pair: (names.index(pair[0]) if pair[0] in names else len(names), pair))
    named = {row.spec for row in judged}
    counts = ((len(named - apart), "network"), (len(named & apart), "behaviour"))
    specs = listed(counted(n, noun) for n, noun in counts if n) or "no network"
    frameworks = listed(" ".join(pair).strip() for pair in pairs)
    text = f"{counted(len(judged), 'row')} judged in {specs}, with {frameworks}."
    verdicts = Counter(row.verdict for row in rows)
    beside = (Verdict.UNSUPPORTED, Verdict.MEASURED, Verdict.INCONCLUSIVE)
    unjudged = [f"{verdicts[verdict]:,} {verdict}" for verdict in beside if verdicts[verdict]]
    return f"{text} Not judged: {listed(unjudged)}." if unjudged else text


def _gaps(rows: Iterable[Row], judged: Iterable[Row], run: RunInfo) -> tuple[str, ...]:
    """Frameworks of which nothing was judged, and networks of which a framework gave no row at all."""
    answered = {(row.spec, row.framework) for row in rows if not row.verdict.apart}
    frameworks = {row.framework for row in judged}
    gaps = []
    for name in dict.fromkeys(framework.name for framework in run.frameworks):
        absent = [network.name for network in run.networks if (network.name, name) not in answered]
        if name not in frameworks:
            gaps.append(f"{name}: nothing was judged.")
        elif absent:
            what = listed(absent) if len(absent) <= 5 else counted(len(absent), "network")
            gaps.append(f"{name}: no row of {what}.")
    return tuple(gaps)
