"""What stands behind a row that diverges: how the errors are spread over its elements, and a script that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, ContractError, Problem, read_capture, read_problem
from gradconform.contract.folder import Folder, joined
from gradconform.evidence.script import script
from gradconform.evidence.source import NoScript
from gradconform.evidence.value import Evidence, Histogram, Key, key_of
from gradconform.judge.local import LocalCheck
from gradconform.rows import LIMIT, CheckKind, Row, Verdict

Array = NDArray[Any]

MOST = 24
"""Rows that are looked into: each costs another look at its problem."""

# Half decades of |error| / bound. What lies outside counts in the first and in the last.
EDGES = tuple(10.0 ** (k / 2) for k in range(-6, 41))


@dataclass(frozen=True)
class Seen:
    """One tensor element by element; all three arrays have its shape.

    got: as captured.
    expected: float64.
    bound: the largest honest |error|, 0.0 where equality is demanded.
    """

    got: Array
    expected: Array
    bound: Array


def seen_in(problem: Problem, capture: Capture, tensors: Iterable[str]) -> Iterator[tuple[str, Seen]]:
    """(name, tensor element by element) of those of the tensors that could be compared.

    No more of the network is computed than they need.
    """
    left = set(tensors)
    for judgement in LocalCheck(problem, capture).judgements():
        if judgement.tensor in left:
            left.discard(judgement.tensor)
            got = judgement.got
            if got is not None and got.shape == judgement.shape and judgement.comparison is not None:
                bound = np.broadcast_to(judgement.bound, judgement.shape)
                yield judgement.tensor, Seen(got, judgement.expected, bound)
        if not left:
            return


def gather(rows: Sequence[Row], folders: Sequence[Folder]) -> list[Evidence]:
    """The evidence of the worst rows: of the first that diverge in one node's own arithmetic.

    rows: the worst first.
    """
    own = [row for row in rows if row.check.kind in (CheckKind.LOCAL, CheckKind.EXACT) and row.tensor]
    wanted = [row for row in own if row.verdict == Verdict.DIVERGES][:MOST]
    if not wanted:
        return []
    evidence: dict[Key, Evidence] = {}
    for problem, captures in _opened(folders, {row.spec for row in wanted}):
        for capture in captures:
            mine = [row for row in wanted if _of(row, problem, capture) and key_of(row) not in evidence]
            if mine:
                evidence.update((key_of(row), each) for row, each in _look(problem, capture, mine))
    return [evidence[key_of(row)] for row in wanted if key_of(row) in evidence]


def _opened(folders: Sequence[Folder], specs: set[str]) -> Iterator[tuple[Problem, list[Capture]]]:
    try:
        jobs: Iterable[tuple[Path, Mapping[str, Path]]] = joined(folders)
    except ContractError:
        return  # the judge has told of it in rows
    for place, captures in jobs:
        try:
            problem = read_problem(place)
        except ContractError:
            continue
        if problem.spec in specs:
            yield problem, list(_usable(problem, captures.values()))


def _usable(problem: Problem, folders: Iterable[Path]) -> Iterator[Capture]:
    for folder in folders:
        try:
            capture = read_capture(folder, problem)
        except ContractError:
            continue
        if capture.status == "ok":
            yield capture


def _of(row: Row, problem: Problem, capture: Capture) -> bool:
    same = (row.spec, row.dtype, row.check.kind == CheckKind.EXACT) == (problem.spec, problem.dtype, problem.exact)
    return same and (row.framework, row.version, row.route) == (capture.framework, capture.version, capture.route)


def _look(problem: Problem, capture: Capture, rows: Sequence[Row]) -> Iterator[tuple[Row, Evidence]]:
    by_tensor = {row.tensor: row for row in rows}
    with np.errstate(all="ignore"):
        for tensor, seen in seen_in(problem, capture, by_tensor):
            row = by_tensor[tensor]
            name, text, why = f"{row.spec}-{tensor.replace('/', '-')}-{row.framework}.py", "", ""
            try:
                text = script(problem, row, seen)
            except NoScript as error:
                why = str(error)
            yield row, Evidence(key_of(row), _histogram(seen), name, text, why)


def _histogram(seen: Seen) -> Histogram:
    error = np.abs(seen.got.astype(float) - seen.expected).reshape(-1)
    ratio = error / seen.bound.reshape(-1)
    ratio[error == 0] = 0.0
    finite, zero = np.isfinite(ratio), ratio == 0
    inside = np.clip(ratio[finite & ~zero], EDGES[0], EDGES[-1] * (1 - 1e-12))
    counts, _ = np.histogram(inside, EDGES)
    bins = [(a, b, int(n)) for a, b, n in zip(EDGES[:-1], EDGES[1:], counts, strict=True)]
    used = [i for i, (_, _, n) in enumerate(bins) if n]
    shown = tuple(bins[used[0] : used[-1] + 1]) if used else ()
    return Histogram(ratio.size, int(zero.sum()), int((~finite).sum()), int((~(ratio <= LIMIT)).sum()), shown)
