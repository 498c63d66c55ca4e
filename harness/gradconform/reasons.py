"""Why a row says what it says: a code where one word says it, a sentence for people, and the parts that reports show.

A reason is written and read back here and nowhere else. Its text is `code`, `code: sentence`, `code at nodes`, or a
sentence alone, such as the last lines of a traceback. Whoever needs a part of a sentence takes it from the value, so a
sentence may be worded otherwise; only where rows come from a file is the part read out of the text again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The words that a reason may begin with: the judge's, an adapter's for a missing tensor, and the cluster's."""

    SHAPE = "shape"
    DTYPE = "dtype"
    NONFINITE = "nonfinite"
    VALUE = "value"
    BOUND = "no_finite_bound"
    NOT_BITWISE = "not_bitwise"
    UNINFORMATIVE = "uninformative"
    UNDECIDED = "undecided"
    SUBGRADIENT = "subgradient"
    DERIVATIVE_AT_NAN = "derivative_at_nan"
    AT_KINK = "at_kink"
    NO_SECOND_BOUND = "no_second_bound"
    NONFINITE_EXPECTED = "nonfinite_expected"
    VANISHED = "listed divergence vanished"
    NOT_ON_PATH = "not_on_path"
    NOT_REQUESTED = "not_requested"
    GRAPH_CUT = "graph_cut"
    NOT_RETAINED = "not_retained"
    BUFFER_REUSED = "buffer_reused"
    NOT_DIFFERENTIABLE = "not_differentiable"
    UNINITIALISED = "uninitialised"
    UNEXPLAINED = "unexplained"
    KILLED_WORKER = "killed_worker"
    WRITTEN_INTO = "written_into"
    NOT_REPEATED = "not_repeated"


@dataclass(frozen=True)
class Claimed:
    """The parts of a claim's reason.

    claim: what is claimed, with its source.
    gives: what there is in its place, with what the reference gives.
    """

    claim: str
    gives: str


@dataclass(frozen=True)
class Answered:
    """The parts of a behaviour's reason.

    word: what the framework does to an asked tensor, in a word (with the numbers, where the word needs them).
    right: the word for the right answer; empty where nothing was judged.
    """

    word: str
    right: str


@dataclass(frozen=True)
class Refused:
    """A framework's own words, where it refused a problem or crashed.

    node, op: the node at work and its operator, which the worker puts before the sentence; both may be empty.
    sentence: what the framework said.
    """

    node: str
    op: str
    sentence: str


class Reason(str):
    """Why a row has its verdict. It is its text, as a StrEnum is, so rows compare, sort and are written as they are.

    code: what it begins with, where that is a code.
    part: what a report shows of it; None where nobody needs a part, or where it came from a file.
    """

    code: Code | None
    part: Claimed | Answered | None

    def __new__(cls, text: str = "", part: Claimed | Answered | None = None) -> Reason:
        """A reason of this text."""
        reason = super().__new__(cls, text)
        reason.code = _CODES.get(_BEFORE.split(text, 1)[0])
        reason.part = part
        return reason

    @property
    def head(self) -> str:
        """What stands before the sentence of a reason, such as a code; the whole text where it has no sentence."""
        return self.partition(SENTENCE)[0]


SENTENCE = ": "
"""What parts a code from its sentence."""

_PLACE = " at "
_BEFORE = re.compile(f"{SENTENCE}|{_PLACE}")
_CODES = {str(code): code for code in Code}
# The sentences; those of which a report shows a part are read back by the same constants.
_GIVES = "; {framework} {version} gives "
_IS_RIGHT = " is right"
_NO_GRADIENT = " ({leaves} requires no gradient)"
_TAKE_OFF = "{why}; take it off specs/known"
_LISTED = "{reason}: {why} ({link})"
_BEHIND = "it goes through a listed divergence: {why}"
_RECORDED = "{reason}. {why}"
_CHANGED = "convention changed: {was}, {version} does `{word}`{rest}; {update}"
# The worker puts the node before a framework's sentence; without it, a refusal seen twice is one entry.
_NODE_BEFORE = re.compile(r"^node '(?P<node>[^']*)' \((?P<op>[^)]*)\): ")


def detailed(code: Code, sentence: str) -> Reason:
    """A reason of a code and a sentence that says more."""
    return Reason(f"{code}{SENTENCE}{sentence}")


def placed(code: str, nodes: Sequence[str], leaves: Sequence[str] = ()) -> Reason:
    """The reason of a missing tensor, with its place.

    nodes: where its way to the output is cut.
    leaves: those that require no gradient.
    """
    at = f"{_PLACE}{' '.join(nodes)}" if nodes else ""
    return Reason(f"{code}{at}" + (_NO_GRADIENT.format(leaves=", ".join(leaves)) if leaves else ""))


def listed(reason: Reason, why: str, link: str) -> Reason:
    """The reason of a divergence that a list knows.

    reason: what the row said by itself. why, link: what the list says of it.
    """
    return Reason(_LISTED.format(reason=reason, why=why, link=link), reason.part)


def behind(known: Reason) -> Reason:
    """The reason of a numerical derivative that goes through a listed divergence. known: the reason of that one."""
    return detailed(Code.VALUE, _BEHIND.format(why=known.partition(SENTENCE)[2]))


def vanished(why: str) -> Reason:
    """The reason of a row about a listed divergence that no longer happens. why: what the list says of it."""
    return detailed(Code.VANISHED, _TAKE_OFF.format(why=why))


def claimed(head: str, claim: str, framework: str, version: str, gives: str) -> Reason:
    """The reason of a claim's row.

    head: how the framework stands to the claim.
    claim: what is claimed, with its source.
    framework, version: those of the row.
    gives: what there is in the claim's place.
    """
    text = f"{head}{SENTENCE}{claim}{_GIVES.format(framework=framework, version=version)}{gives}"
    return Reason(text, Claimed(claim, gives))


def as_it_should(word: str, why: str = "") -> Reason:
    """The reason of a behaviour that is right. word: for the answer. why: the reason of a framework for giving none."""
    return Reason(SENTENCE.join(filter(None, (word, why))), Answered(word, word))


def otherwise(word: str, details: Sequence[str], right: str, right_numbers: str) -> Reason:
    """The reason of a behaviour that is not right.

    word: for what the framework does.
    details: what it gave, or why there is nothing.
    right: the word for the right answer; right_numbers: its numbers, where it has any.
    """
    said = "".join(f"{detail}; " for detail in details if detail)
    numbers = f" {right_numbers}" if right_numbers else ""
    return Reason(f"{word}{SENTENCE}{said}{right}{numbers}{_IS_RIGHT}", Answered(word, right))


def unlike(word: str, sentence: str) -> Reason:
    """The reason of a behaviour that gives no numbers of the right dtype.

    word: for what it gives instead.
    sentence: what came and what was expected.
    """
    return Reason(f"{word}{SENTENCE}{sentence}", Answered(word, ""))


def recorded(reason: Reason, why: str) -> Reason:
    """The reason of a behaviour that is not right and is recorded as such.

    reason: what the row said by itself. why: what the record says.
    """
    return Reason(_RECORDED.format(reason=reason, why=why), reason.part)


def changed(reason: Reason, word: str, was: str, version: str, update: str) -> Reason:
    """The reason of a behaviour that no longer does what is recorded.

    reason: what the row said by itself.
    word: for what it does now.
    was: what is recorded.
    version: the framework's, in which it does otherwise.
    update: what to do with the record.
    """
    rest = reason.removeprefix(word)
    text = _CHANGED.format(was=was, version=version, word=word, rest=rest, update=update)
    return Reason(f"{word}{SENTENCE}{text}", reason.part)


def claimed_in(reason: Reason, framework: str, version: str) -> Claimed:
    """The parts of a claim's reason, taken from its value or, where it came from a file, out of its text.

    framework, version: those of its row; in the text they stand between what is claimed and what there is.
    """
    if isinstance(reason.part, Claimed):
        return reason.part
    said = reason.partition(SENTENCE)[2]
    claim, _, gives = said.rpartition(_GIVES.format(framework=framework, version=version))
    return Claimed(claim, gives) if claim else Claimed(said, "")


def answered_in(reason: Reason, *, right: bool) -> Answered:
    """The words of a behaviour's reason, taken from its value or out of its text.

    right: whether the framework is right.
    """
    if isinstance(reason.part, Answered):
        return reason.part
    if right:
        return Answered(reason.head, reason.head)
    said, judged, _ = reason.partition(_IS_RIGHT)
    return Answered(reason.head, re.split("; |: ", said)[-1].partition(" ")[0] if judged else "")


def refused_in(reason: Reason) -> Refused:
    """A framework's own words in a reason, apart from the node and operator that the worker put before them."""
    before = _NODE_BEFORE.match(reason)
    if before is None:
        return Refused("", "", str(reason))
    return Refused(before["node"], before["op"], reason[before.end() :])
