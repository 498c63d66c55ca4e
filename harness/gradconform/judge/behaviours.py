"""Behaviours: what each asked tensor holds after a script, in a word, beside what the sum rule says.

Every number is exact, so agreement is to the bit and there is no tolerance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.behaviour import Answer, Program, Word, between, candidates, right
from gradconform.contract import Asked, Capture, Problem
from gradconform.dtypes import Dtype
from gradconform.judge.local import with_place
from gradconform.reasons import Reason, as_it_should, otherwise, unlike
from gradconform.rows import Check, CheckKind, Kind, Row, Verdict, blank

Array = NDArray[Any]

CHECK = Check(CheckKind.SEMANTICS)
ROUTE = "script"
"""In place of a route: the script says itself how the gradients are asked for."""

NUMBERED = (Word.OTHER, Word.SUBGRADIENT)
"""Words that hold only with the numbers behind them, so that other numbers are told from these."""

LONGEST = 64
"""Elements that a reason shows."""


def proof(problem: Problem) -> dict[str, Array]:
    """Ask -> the right numbers, for each ask of a behaviour that has any."""
    answers = zip(problem.asks, right(Program.of_problem(problem)), strict=True)
    return {ask: answer.array for ask, answer in answers if answer.array is not None}


def rows(problem: Problem, capture: Capture) -> Iterator[Row]:
    """One row for each ask of a behaviour, in one framework."""
    if capture.status == "unsupported":
        for ask in problem.asks:
            yield replace(_row(problem, capture, ask), verdict=Verdict.UNSUPPORTED, reason=Reason(capture.reason))
        return
    program = Program.of_problem(problem)
    expected, wrong = right(program), candidates(program)
    for i, ask in enumerate(problem.asks):
        asked = _Ask(problem, program, i, capture.asked[i], expected[i], [(word, a[i]) for word, a in wrong])
        yield asked.judged(_row(problem, capture, ask), given(capture, i))


def given(capture: Capture, index: int) -> Answer:
    """What a framework answered to the ask of an index."""
    asked = capture.asked[index]
    array = capture.tensors[f"ask/{index}"] if asked.outcome == "value" else None
    return Answer(asked.outcome, array, asked.step)


@dataclass(frozen=True)
class _Ask:
    """One ask of a problem, ready to be judged.

    problem, program: the behaviour, on disk and in the reference.
    index: of the ask.
    asked: what the framework said of it.
    expected: what is right.
    habits: what each habit gives in its place, with the habit's word.
    """

    problem: Problem
    program: Program
    index: int
    asked: Asked
    expected: Answer
    habits: Sequence[tuple[Word, Answer]]

    def judged(self, row: Row, got: Answer) -> Row:
        """The row with the word for what the framework answered, and the verdict. got: the answer."""
        row, dtype = _with_numbers(row, got, self.expected), Dtype.of(self.problem.dtype).numpy
        reused = self.asked.reason == "buffer_reused"
        if got.array is not None and got.array.dtype != dtype:
            reason = unlike(f"{Word.OTHER} {numbers(got.array)}", f"has dtype {got.array.dtype}; expected {dtype}")
        elif got.same(self.expected) and not reused:
            reason = as_it_should(self._right_word(), why(self.problem, self.asked))
            return replace(row, verdict=Verdict.CONFORMS, reason=reason)
        else:
            reason = self._reason(Word.REUSED if reused else self._wrong_word(got), got)
        return replace(row, verdict=Verdict.DIVERGES, reason=reason, culprit=row.node)

    def _reason(self, word: Word, got: Answer) -> Reason:
        right, numbered = self.expected.array, word in NUMBERED and got.array is not None
        does, details = (f"{word} {in_words(got)}", []) if numbered else (str(word), self._details(got))
        return otherwise(does, details, self._right_word(), "" if right is None else numbers(right))

    def _right_word(self) -> Word:
        """The plainest true word for the right answer."""
        array = self.expected.array
        if array is None:
            return Word.RAISES if self.expected.outcome == "raises" else Word.NONE
        if np.isnan(array).all():
            return Word.NAN
        if any(word is Word.OVERWRITES and not self.expected.same(habit) for word, habit in self.habits):
            return Word.ADDS
        if not array.any():
            return Word.ZEROS
        undefined = any(step["do"] == "backward" and step["cotangent"] == "none" for step in self.problem.script)
        return Word.ONES if undefined else Word.GIVES

    def _wrong_word(self, got: Answer) -> Word:
        """The word for an answer that is not the right one: that of the habit that gives it, or a plain one."""
        if got.array is None:
            return Word.RAISES if got.outcome == "raises" else Word.NONE
        zero = got.array.size > 0 and not got.array.any()
        if zero and self.expected.array is None:
            return Word.ZEROS
        for word, habit in self.habits:
            if habit.array is not None and got.same(habit):
                return word
        if np.isnan(got.array).all():
            return Word.NAN
        return Word.ZEROS if zero else Word.SUBGRADIENT if between(self.program, self.index, got.array) else Word.OTHER

    def _details(self, got: Answer) -> list[str]:
        """What there is in place of the right answer, or the exception; and why there is no gradient."""
        gives = "" if got.array is None else numbers(got.array)
        if self.asked.outcome == "raises":
            gives = f"{where(self.problem, self.asked)}: {self.asked.error}"
        return [gives, why(self.problem, self.asked)]


def why(problem: Problem, asked: Asked) -> str:
    """Why an ask has no gradient, with the place of a cut; empty where the framework's graph gives no reason."""
    return with_place(problem, asked.reason, asked.nodes)[0] if asked.reason else ""


def where(problem: Problem, asked: Asked) -> str:
    """In which step of the script something was raised, counted from 1."""
    if asked.step is None or asked.step >= len(problem.script):
        return "on reading"
    return f"in step {asked.step + 1}, {problem.script[asked.step]['do']}"


def in_words(answer: Answer) -> str:
    """An answer to an ask in a few words: its numbers, `none` or `raises`."""
    return answer.outcome if answer.array is None else numbers(answer.array)


def numbers(array: Array) -> str:
    """The numbers of a tiny tensor as text; of a larger one the first of them."""
    if array.size <= LONGEST:
        return " ".join(np.array2string(array, separator=", ", formatter={"all": "{:.9g}".format}).split())
    return f"{numbers(array.reshape(-1)[:LONGEST])} of shape {list(array.shape)}"


def _with_numbers(row: Row, got: Answer, expected: Answer) -> Row:
    """The row with the first element that differs, else the first of all; with errors where both are numbers."""
    ours, theirs = got.array, expected.array
    if ours is None or theirs is None or ours.shape != theirs.shape or not ours.size:
        return row
    with np.errstate(invalid="ignore"):
        error = np.abs(ours.astype(float) - theirs)
        bad = (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
    at = np.unravel_index(int(np.argmax(bad)), bad.shape)
    scale, largest = float(np.max(np.abs(theirs))), float(np.max(error, where=bad, initial=0.0))
    return replace(
        row,
        worst_index=str([int(i) for i in at]),
        got=float(ours[at]),
        expected=float(theirs[at]),
        n_bad=int(np.count_nonzero(bad)),
        max_abs_err=largest,
        max_rel_err=0.0 if not largest else largest / scale if scale else np.inf,
    )


def _row(problem: Problem, capture: Capture, ask: str) -> Row:
    kind, _, name = ask.partition("/")
    name = name.rpartition("/")[2] if kind == "result" else name
    graph, leaf = problem.graph, problem.graph.leaves.get(name)
    owner = graph.makers.get(name) or next(iter(graph.readers.get(name, ())), None)
    grad = Kind(leaf.kind) if leaf else Kind.GRAD_OUTPUT
    return blank(
        spec=problem.spec,
        node=owner.name if owner else "",
        op=owner.op if owner else "",
        tensor=ask,
        kind=Kind.OUTPUT if kind == "output" else grad,
        check=CHECK,
        framework=capture.framework,
        version=capture.version,
        route=ROUTE,
        dtype=problem.dtype,
        shape=str(list(graph.shape(name))),
    )
