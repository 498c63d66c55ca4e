"""The claims of a run: what somebody printed, whether it holds, and what each framework gives in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gradconform.rows import CheckKind, Row, Verdict
from gradconform.words import counted, listed

_RANK = {"wrong": 0, "not judged": 1, "holds": 2}
_ONE = {"wrong": "is wrong", "not judged": "is not judged", "holds": "holds"}
_MANY = {"wrong": "are wrong", "not judged": "are not judged", "holds": "hold"}


@dataclass(frozen=True)
class Answer:
    """What one framework gave in the place of a claim.

    framework, version: which one.
    dtypes: in which it gave the same.
    verdict: holds, refuted or measured.
    given: what it gave, as text.
    """

    framework: str
    version: str
    dtypes: tuple[str, ...]
    verdict: str
    given: str


@dataclass(frozen=True)
class Heard:
    """One claim with the answers of all frameworks.

    spec, tensor: what it is about.
    text: what it says, and its source.
    answers: one for each framework and each thing that it gave.
    """

    spec: str
    tensor: str
    text: str
    answers: tuple[Answer, ...]

    @property
    def word(self) -> str:
        """The claim in a word: `wrong` where a framework of which it speaks refutes it, `holds` where one bears it out.

        `not judged` where none of them has been run.
        """
        verdicts = {answer.verdict for answer in self.answers}
        if Verdict.REFUTED in verdicts:
            return "wrong"
        return "holds" if Verdict.HOLDS in verdicts else "not judged"


def claims_of(rows: Iterable[Row]) -> tuple[Heard, ...]:
    """Every claim that the rows speak of, wrong ones first."""
    answers_by_claim: dict[tuple[str, str, str], list[Answer]] = {}
    for row in rows:
        if row.check.kind == CheckKind.CLAIM:
            answer = Answer(row.framework, row.version, (row.dtype,), row.verdict, row.claimed.gives)
            answers_by_claim.setdefault((row.spec, row.tensor, row.claimed.claim), []).append(answer)
    heard = [Heard(*key, tuple(_together(answers))) for key, answers in answers_by_claim.items()]
    return tuple(sorted(heard, key=lambda claim: (_RANK[claim.word], claim.spec, claim.tensor, claim.text)))


def in_a_line(claims: Sequence[Heard]) -> str:
    """The claims in one line for a terminal; empty where there are none."""
    if not claims:
        return ""
    wrong = list(dict.fromkeys(f"{c.spec} {c.tensor}" for c in claims if c.word == "wrong"))
    count = {word: sum(claim.word == word for claim in claims) for word in _RANK}
    parts = [f"{n} {(_MANY if n > 1 else _ONE)[word]}" for word, n in reversed(count.items()) if n]
    return f"{counted(len(claims), 'printed result')}: {listed(parts)}" + (f" ({listed(wrong)})." if wrong else ".")


def _together(answers: Iterable[Answer]) -> list[Answer]:
    """One answer in place of several that differ in their dtype alone."""
    dtypes_of: dict[Answer, list[str]] = {}
    for answer in answers:
        dtypes_of.setdefault(replace(answer, dtypes=()), []).extend(answer.dtypes)
    return [replace(answer, dtypes=tuple(dict.fromkeys(dtypes))) for answer, dtypes in dtypes_of.items()]
