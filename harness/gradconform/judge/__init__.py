"""The judge: captures and their problem in, rows out. No framework is needed here."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gradconform.contract import Capture, ContractError, Problem, read_capture, read_problem
from gradconform.judge import behaviours, blame, claims, end_to_end, routes
from gradconform.judge.judgement import Judgement
from gradconform.judge.sight import Proof
from gradconform.numeric import rows as numeric
from gradconform.reasons import Reason
from gradconform.reference import OPERATORS
from gradconform.reference.network import reference_of
from gradconform.rows import Check, CheckKind, Row, Verdict, blank

__all__ = ["ROUTE", "judge"]

# Between the name of an adapter and that of a route, where a capture is not the primary route's.
ROUTE = "@"
ALONE = "the primary route gave no capture to hold this one against"


def judge(problem_folder: Path, captures: Mapping[str, Path]) -> list[Row]:
    """All rows of one problem.

    captures: the adapter's name, or adapter@route for a route beside the primary one -> capture folder.
    Raises ContractError where the problem itself cannot be read; a capture that cannot be used is a row with verdict
    `crashed`.
    """
    problem = read_problem(problem_folder, verify=True)
    _check_operators(problem)
    rows: list[Row] = []
    primary: dict[str, routes.Primary] = {}
    others: dict[str, list[Capture]] = {}
    elsewhere = {name.partition(ROUTE)[0] for name in captures if ROUTE in name}
    proof = functools.cache(lambda: behaviours.proof(problem) if problem.script else reference_of(problem))
    # What overflows or is no number is a row; NumPy's warnings of it would only hide the progress.
    with np.errstate(all="ignore"):
        for name, folder in captures.items():
            if problem.script and ROUTE in name:
                # A script says itself how gradients are asked for: there is no other route through it.
                continue
            try:
                capture = read_capture(folder, problem)
                if capture.status == "ok" and ROUTE in name:
                    others.setdefault(name.partition(ROUTE)[0], []).append(capture)
                elif capture.status == "ok":
                    noted = routes.Primary(problem, capture)
                    rows += _of_primary(problem, capture, proof, noted.note if name in elsewhere else None)
                    primary[name] = noted
                elif problem.script and capture.status == "unsupported":
                    rows += behaviours.rows(problem, capture)
                else:
                    rows.append(_whole(problem, name, capture))
            except ContractError as error:
                rows.append(_whole(problem, name, Capture(folder, "crashed", str(error), "", "", "")))
        opened = [noted.capture for noted in primary.values()]
        for capture in opened:
            rows += claims.rows(problem, capture, proof)
            rows += numeric.rows(problem, capture)
        if not problem.exact and opened and not problem.script:
            rows += end_to_end.rows(problem, opened, proof())
        for name, captured in others.items():
            if name in primary:
                rows += routes.rows(primary[name], captured, proof)
            else:
                lost = [replace(c, status="crashed", reason=ALONE) for c in captured]
                rows += [_whole(problem, f"{name}{ROUTE}{c.route}", c) for c in lost]
    return rows


def _of_primary(
    problem: Problem, capture: Capture, proof: Proof, watch: Callable[[Judgement], object] | None
) -> list[Row]:
    """The rows in which a primary capture is judged by itself: all of them, or a ContractError."""
    if problem.script:
        return list(behaviours.rows(problem, capture))
    return list(blame.rows(problem, capture, proof, watch))


def _check_operators(problem: Problem) -> None:
    for node in problem.nodes:
        operator = OPERATORS.get(node.op)
        where = f"{problem.folder / 'problem.json'}: node {node.name}"
        if operator is None:
            raise ContractError(f"{where}: there is no operator {node.op!r} in this version")
        if tuple(node.tensors) != operator.slots or set(node.attributes) != set(operator.attributes):
            came, expected = [*node.tensors, *node.attributes], [*operator.slots, *operator.attributes]
            raise ContractError(f"{where}: {node.op} has {', '.join(came)}; expected {', '.join(expected)}")


def _whole(problem: Problem, name: str, capture: Capture) -> Row:
    """The row of a framework that gave no tensors at all for this problem."""
    # An environment is called `chainer-6.3`, a second capture of one problem `torch#2`.
    framework = capture.framework or re.sub(r"(-\d[\w.]*)?(#\d+)?(@\w+)?$", "", name)
    check = behaviours.CHECK if problem.script else blame.check_of(problem)
    check = Check(CheckKind.ROUTE, "primary") if ROUTE in name else check
    return blank(
        spec=problem.spec, check=check, framework=framework, version=capture.version,
        route=capture.route, dtype=problem.dtype, verdict=Verdict(capture.status), reason=Reason(capture.reason),
    )  # fmt: skip
