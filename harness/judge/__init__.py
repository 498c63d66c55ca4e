"""The judge: captures and their problem in, rows out. No framework is needed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.contract import Capture, ContractError, Problem, read_capture, read_problem
from harness.judge import end_to_end
from harness.judge.local import LocalCheck
from harness.judge.rows import Row, Verdict, blank

__all__ = ["judge"]


def judge(problem_folder: Path, captures: Mapping[str, Path]) -> list[Row]:
    """All rows of one problem. captures: adapter name -> capture folder.

    Raises ContractError where the problem itself cannot be read; a capture that cannot be used is a row with verdict `crashed`.
    """
    problem = read_problem(problem_folder)
    rows: list[Row] = []
    good: list[Capture] = []
    for name, folder in captures.items():
        try:
            capture = read_capture(folder, problem)
        except ContractError as error:
            rows.append(_whole(problem, name, {}, Verdict.CRASHED, str(error)))
            continue
        if capture.status == "ok":
            rows.extend(LocalCheck(problem, capture).rows())
            good.append(capture)
        else:
            rows.append(_whole(problem, name, capture.document, Verdict(capture.status), str(capture.reason)))
    if not problem.exact and good:
        rows.extend(end_to_end.rows(problem, good))
    return rows


def _whole(problem: Problem, name: str, capture: Mapping[str, Any], verdict: Verdict, reason: str) -> Row:
    """The row of a framework that gave no tensors at all for this problem."""
    row = blank(
        spec=problem.spec, check="exact" if problem.exact else "local", framework=name.partition("-")[0],
        dtype=problem.dtype, verdict=verdict, reason=reason,
    )  # fmt: skip
    known = {k: str(capture[k]) for k in ("framework", "version", "route") if capture.get(k)}
    return replace(row, **known)


def failing(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows that make a run fail."""
    return (row for row in rows if row.verdict in (Verdict.DIVERGES, Verdict.MISSING))
