"""The right answer, what each habit would give in its place, and whether the numbers tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.behaviour.program import Answer, Program
from gradconform.behaviour.words import Word
from gradconform.dtypes import is_float

Array = NDArray[Any]

# Each habit by itself, then what goes together: what was stored unasked may be overwritten or stay behind.
HABITS: tuple[tuple[Word, ...], ...] = (
    (Word.OVERWRITES,),
    (Word.UNCLEARED,),
    (Word.STALE,),
    (Word.REWRITTEN,),
    (Word.ONES,),
    (Word.LEAKS,),
    (Word.FLOWS,),
    (Word.UNASKED,),
    (Word.UNASKED, Word.OVERWRITES),
    (Word.UNASKED, Word.STALE),
    (Word.UNASKED, Word.OVERWRITES, Word.STALE),
    (Word.STORES,),
    (Word.STORES, Word.OVERWRITES),
)

# How far to either side of a kink its one-sided derivatives are taken, and how much of them is due to the step.
STEP, NEAR = 1e-6, 1e-3
SIDES = 16


def right(program: Program) -> tuple[Answer, ...]:
    """The right answer of each ask, by the sum rule."""
    return next(program.answers())


def candidates(program: Program) -> list[tuple[Word, tuple[Answer, ...]]]:
    """What each habit would answer to the asks, with the habit's word."""
    return [(habits[0], answers) for habits in HABITS for answers in program.answers(habits)]


def between(program: Program, index: int, got: Array) -> bool:
    """Whether numbers that are not the right ones lie between one-sided derivatives, wherever they are not right.

    index: of the ask that they answer.
    """
    rng = np.random.default_rng(21)

    def shift(array: Array) -> Array:
        plain = np.asarray(array)
        return plain + STEP * rng.choice([-1.0, 1.0], plain.shape) if is_float(plain) else plain

    expected = right(program)[index].array
    sides = [array for _ in range(SIDES) if (array := program.shifted(shift)[index].array) is not None]
    if expected is None or not sides or got.shape != expected.shape:
        return False
    low, high = np.min(sides, axis=0), np.max(sides, axis=0)
    wide, inside = high - low > 2 * NEAR, (got >= low - NEAR) & (got <= high + NEAR)
    return bool(np.all((got == expected) | (wide & inside)))


def indistinct(program: Program) -> Iterator[tuple[int, Word]]:
    """(index of an ask, habit) where only the choice of numbers hides that the habit gives another answer.

    The numbers of the spec are replaced by drawn ones, twice. What differs from the right answer then, and not with
    the spec's own numbers, is a behaviour that cannot tell the two apart.
    """
    rng = np.random.default_rng(20)
    drawn = [_with_other_numbers(program, rng, signs) for signs in ((-1.0, 1.0), (1.0,))]
    order = list(Word)
    hidden = set().union(*map(_told_apart, drawn)) - _told_apart(program)
    yield from sorted(hidden, key=lambda place: (place[0], order.index(place[1])))


def _told_apart(program: Program) -> set[tuple[int, Word]]:
    """(index of an ask, habit) where some way of the habit gives numbers that are not the right ones."""
    expected, apart = right(program), set()
    for word, answers in candidates(program):
        for i, (ours, theirs) in enumerate(zip(expected, answers, strict=True)):
            if ours.array is not None and theirs.array is not None and not ours.same(theirs):
                apart.add((i, word))
    return apart


def _with_other_numbers(program: Program, rng: np.random.Generator, signs: Sequence[float]) -> Program:
    def other(array: Any) -> Array:
        plain = np.asarray(array)
        if not is_float(plain):
            return plain
        return np.where(np.isfinite(plain), rng.uniform(0.5, 2.0, plain.shape) * rng.choice(signs, plain.shape), plain)

    def step(written: Mapping[str, Any]) -> Mapping[str, Any]:
        if "value" not in written:
            return written
        kind = program.numbers[written["tensor"]].dtype if written["tensor"] in program.numbers else float
        return {**written, "value": other(np.asarray(written["value"], kind))}

    numbers = {name: other(array) for name, array in program.numbers.items()}
    script = tuple(map(step, program.script))
    return replace(program, numbers=numbers, cotangent=other(program.cotangent), script=script)
