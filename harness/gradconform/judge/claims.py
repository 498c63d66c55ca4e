"""Claims: printed results, each held against what a framework gave and against the reference.

Numbers hold where they would be printed the same: to the digits that were printed, else to the dtype's own rounding. A
claim is somebody's statement and no framework's fault, so a wrong one makes no run fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.behaviour import Program, right
from gradconform.contract import Capture, Claim, Problem
from gradconform.dtypes import Dtype
from gradconform.judge import behaviours
from gradconform.judge.judgement import row_of
from gradconform.judge.sight import Proof
from gradconform.reasons import Code, claimed
from gradconform.rows import Check, CheckKind, Kind, Row, Verdict

Array = NDArray[Any]

SHOWN = 8
"""Elements of a tensor that a reason shows; of a larger one it shows the first that differs."""

# Of a route: there may be numbers, but nobody knows them, and nothing is said of a claim then.
UNREAD = (Code.BUFFER_REUSED, Code.UNINITIALISED, Code.UNEXPLAINED, "no reason given")


@dataclass(frozen=True)
class Given:
    """What there is in place of what was claimed.

    numbers: an array; None where there are none.
    word: `none`, `raises`, ... in place of numbers.
    why: why there are none.
    unread: whether there may be numbers that nobody could read; nothing is said of a claim then.
    """

    numbers: Array | None
    word: str = ""
    why: str = ""
    unread: bool = False


PATHLESS = Given(None, "none", "no path leads there")


def rows(problem: Problem, capture: Capture, proof: Proof) -> Iterator[Row]:
    """One row for each claim of a problem, from the primary capture of one framework.

    proof: what the reference says of each output and gradient of a plain network; what is right in a behaviour is what
    the sum rule says.
    """
    expected = _expected(problem, proof) if problem.claims else {}
    for claim in problem.claims:
        node, kind = _place(problem, claim.of)
        row = row_of(problem, capture, node=node, tensor=claim.of, kind=kind, check=Check(CheckKind.CLAIM))
        row = replace(row, route=behaviours.ROUTE) if problem.asks else row
        yield _judged(row, claim, _given(problem, capture, claim.of), expected.get(claim.of, PATHLESS))


def _expected(problem: Problem, proof: Proof) -> dict[str, Given]:
    if not problem.asks:
        return {tensor: Given(np.asarray(numbers)) for tensor, numbers in proof().items()}
    answers = zip(problem.asks, right(Program.of_problem(problem)), strict=True)
    return {ask: Given(answer.array, answer.outcome) for ask, answer in answers}


def _given(problem: Problem, capture: Capture, tensor: str) -> Given:
    """What a capture holds of a tensor, in the place of a claim about it."""
    if tensor in problem.asks:
        index = problem.asks.index(tensor)
        asked, answer = capture.asked[index], behaviours.given(capture, index)
        # A script's gradient that no backward came to is none, and no secret.
        unread = asked.reason == "buffer_reused"
        return Given(answer.array, answer.outcome, asked.error or behaviours.why(problem, asked), unread)
    numbers = capture.tensors.get(tensor)
    if numbers is not None:
        return Given(numbers)
    why = capture.missing.get(tensor, "no reason given")
    return Given(None, "none", why, why in UNREAD)


def _place(problem: Problem, tensor: str) -> tuple[str, Kind]:
    """Node and kind of a captured tensor, or of one that a behaviour asks for."""
    kind, name = tensor.partition("/")[0], tensor.rpartition("/")[2]
    wanted = f"output/{name}" if kind == "output" else f"grad/{name}"
    places = ((node, Kind(kind)) for known, node, kind, _ in problem.graph.addresses() if known == wanted)
    return next(places, (name, Kind.GRAD_OUTPUT) if name == problem.output else ("", Kind.NONE))


def _judged(row: Row, claim: Claim, given: Given, expected: Given) -> Row:
    wrong, fits = differing(claim, given, row.dtype), not differing(claim, expected, row.dtype).any()
    if given.unread:
        head, verdict = "claim not judged", Verdict.MEASURED
    elif claim.framework not in (None, row.framework):
        head, verdict = f"claim about {claim.framework}", Verdict.MEASURED
    elif wrong.any():
        head, verdict = "claim is wrong", Verdict.REFUTED
    else:
        head, verdict = "claim holds", Verdict.HOLDS
    if fits and not wrong.any():
        beside = "the reference agrees"
    else:
        beside = f"{'' if wrong.any() else 'but '}the reference gives {shown(expected, wrong, row.dtype)}"
    gives = f"{shown(given, wrong, row.dtype)}; {beside}"
    reason = claimed(head, f"{claim.says} ({claim.source})", row.framework, row.version, gives)
    return replace(_with_numbers(row, claim, given, wrong), verdict=verdict, reason=reason)


def differing(claim: Claim, given: Given, dtype: str) -> NDArray[np.bool_]:
    """Where a claim is wrong: one truth for each element, or for the whole where there are no numbers to compare."""
    if isinstance(claim.value, str) or given.numbers is None:
        return np.asarray(not isinstance(claim.value, str) or claim.value != given.word)
    if claim.value.shape not in ((), given.numbers.shape):
        return np.ones((), bool)
    if claim.digits is None:
        # To the dtype's rounding; -0 is 0, and a NaN is a NaN.
        with np.errstate(over="ignore"):
            ours, theirs = (each.astype(Dtype.of(dtype).numpy) for each in (given.numbers, claim.value))
        return np.asarray((ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs)))
    pairs = np.broadcast(given.numbers, claim.value)
    wrong = [_printed(g, claim.digits) != _printed(c, claim.digits) for g, c in pairs]
    return np.asarray(wrong, bool).reshape(pairs.shape)


def _printed(number: Any, digits: int) -> str:
    """A number rounded to so many significant digits, as it would be printed; -0 as 0."""
    return f"{float(number) + 0.0:.{digits - 1}e}"


def shown(given: Given, wrong: NDArray[np.bool_], dtype: str) -> str:
    """What was given, as text: a small tensor's numbers, a large one's first wrong number, or why there are none."""
    if given.numbers is None:
        word = "an error" if given.word == "raises" else given.word
        return f"{word} ({given.why})" if given.why else word
    numbers = given.numbers.astype(Dtype.of(dtype).numpy, copy=False)
    if numbers.size <= SHOWN:
        return _text(numbers)
    at = [int(i) for i in _first(wrong, numbers.shape)]
    return f"{_text(numbers[tuple(at)])} at {at} of shape {list(numbers.shape)}"


def _text(numbers: Any) -> str:
    """Nested lists, each number as short as its dtype allows."""
    if np.ndim(numbers) == 0:
        return str(numbers + 0.0).removesuffix(".0")
    return f"[{', '.join(map(_text, numbers))}]"


def _first(wrong: NDArray[np.bool_], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of the first wrong element, or of the first one where none is wrong."""
    if wrong.shape != shape:
        return (0,) * len(shape)
    return np.unravel_index(int(np.argmax(wrong)), shape)


def _with_numbers(row: Row, claim: Claim, given: Given, wrong: NDArray[np.bool_]) -> Row:
    if given.numbers is None:
        return replace(row, n_bad=int(wrong.sum()))
    numbers = given.numbers
    row = replace(row, shape=str(list(numbers.shape)), n_bad=int(wrong.sum()))
    if isinstance(claim.value, str) or wrong.shape != numbers.shape or not numbers.size:
        return row
    at = _first(wrong, numbers.shape)
    claimed = np.broadcast_to(claim.value, numbers.shape)[at]
    return replace(row, worst_index=str([int(i) for i in at]), got=float(numbers[at]), expected=float(claimed))
