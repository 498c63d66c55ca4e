"""The judge: captures and their problem in, rows out. No framework is needed here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gradconform.contract import Capture, ContractError, Problem, read_capture, read_problem
from gradconform.contract.folder import problem_beside
from gradconform.contract.names import CaptureName
from gradconform.judge import behaviours, blame, claims, end_to_end, routes, second, steady
from gradconform.judge.judgement import Judgement
from gradconform.judge.known import Known
from gradconform.judge.listing import Listing
from gradconform.judge.lists import shipped
from gradconform.judge.sight import Proof
from gradconform.numeric import rows as numeric
from gradconform.reasons import Reason
from gradconform.reference import OPERATORS
from gradconform.reference.network import reference_of
from gradconform.rows import Row, Verdict, blank

__all__ = ["judge"]

ALONE = "the primary route gave no capture to hold this one against"


def judge(problem_folder: Path, captures: Mapping[str, Path], entries: Sequence[Known] | None = None) -> list[Row]:
    """All rows of one problem, listed divergences marked.

    captures: the name of a capture, as a `CaptureName` is written -> its folder.
    entries: the divergences that are listed; by default those that come along.
    Raises ContractError where the problem itself cannot be read, KnownError where a list cannot; a capture that cannot
    be used is a row with verdict `crashed`.
    """
    problem = read_problem(problem_folder, verify=True)
    _check_operators(problem)
    named = {CaptureName.read(name): folder for name, folder in captures.items()}
    if problem.script:
        # A behaviour says itself how gradients are asked for: there is no other route through it.
        named = {name: folder for name, folder in named.items() if not name.route}
    listed = shipped() if entries is None else entries
    # What overflows or is no number is a row; NumPy's warnings of it would only hide the progress.
    with np.errstate(all="ignore"):
        return [_with_operators(problem, row) for row in _rows(problem, named, listed)]


def _with_operators(problem: Problem, row: Row) -> Row:
    """The row with the operators of its culprits."""
    return replace(row, culprit_op=problem.graph.operators_of(row.culprit)) if row.culprit else row


def _rows(problem: Problem, named: Mapping[CaptureName, Path], entries: Sequence[Known]) -> list[Row]:
    rows: list[Row] = []
    primary: dict[CaptureName, routes.Primary] = {}
    others: dict[CaptureName, list[Capture]] = {}
    elsewhere = {name.primary for name in named if name.route}
    proof = functools.cache(lambda: behaviours.proof(problem) if problem.script else reference_of(problem))
    for name, folder in named.items():
        try:
            capture = read_capture(folder, problem)
            if capture.status == "ok" and name.route:
                others.setdefault(name.primary, []).append(capture)
            elif capture.status == "ok":
                noted, listing = routes.Primary(problem, capture), Listing(problem, capture, entries)
                rows += _of_primary(problem, capture, proof, noted.note if name in elsewhere else None, listing)
                primary[name] = noted
            elif problem.script and capture.status == "unsupported":
                rows += behaviours.rows(problem, capture)
            else:
                rows.append(_whole(problem, name, capture))
                if capture.at and not name.route:
                    rows += blame.rows_before_crash(problem, capture, proof)
            rows += steady.rows(problem, capture)
        except ContractError as error:
            rows.append(_whole(problem, name, Capture(folder, "crashed", str(error), "", "", "")))
    rows += _of_all(problem, [noted.capture for noted in primary.values()], proof)
    for name, captured in others.items():
        if name in primary:
            rows += routes.rows(primary[name], captured, proof, entries)
        else:
            lost = [replace(capture, status="crashed", reason=ALONE) for capture in captured]
            rows += [_whole(problem, replace(name, route=capture.route), capture) for capture in lost]
    return rows


def _of_all(problem: Problem, primary: Sequence[Capture], proof: Proof) -> Iterator[Row]:
    """The rows of primary captures besides those in which each is judged by itself: claims, and end to end."""
    for capture in primary:
        yield from claims.rows(problem, capture, proof)
    if not problem.exact and primary and not problem.script:
        yield from end_to_end.rows(problem, primary, proof())


def _of_primary(
    problem: Problem, capture: Capture, proof: Proof, watch: Callable[[Judgement], object] | None, listing: Listing
) -> list[Row]:
    """The rows in which a primary capture is judged by itself: all of them, or a ContractError."""
    if problem.script:
        return list(behaviours.rows(problem, capture))
    rows = list(blame.rows(problem, capture, proof, watch, listing.marked))
    differenced = numeric.rows(problem, capture, problem_beside(capture.folder))
    twice = [listing.marked_second(row, rows) for row in second.rows(problem, capture, problem_beside(capture.folder))]
    numerical = [listing.marked_numeric(row, rows) for row in differenced]
    return [*rows, *numerical, *twice, *listing.vanished()]


def _check_operators(problem: Problem) -> None:
    for node in problem.nodes:
        operator = OPERATORS.get(node.op)
        where = f"{problem.folder / 'problem.json'}: node {node.name}"
        if operator is None:
            raise ContractError(f"{where}: there is no operator {node.op!r} in this version")
        if tuple(node.tensors) != operator.slots or set(node.attributes) != set(operator.attributes):
            came, expected = [*node.tensors, *node.attributes], [*operator.slots, *operator.attributes]
            raise ContractError(f"{where}: {node.op} has {', '.join(came)}; expected {', '.join(expected)}")


def _whole(problem: Problem, name: CaptureName, capture: Capture) -> Row:
    """The row of a framework that gave not all tensors of this problem, with the node at which it crashed, if any."""
    node = problem.graph.by_name.get(capture.at)
    check = behaviours.CHECK if problem.script else blame.check_of(problem)
    return blank(
        spec=problem.spec,
        node=node.name if node else "",
        op=node.op if node else "",
        check=routes.ROUTE_OF_PRIMARY if name.route else check,
        framework=capture.framework or name.framework,
        version=capture.version,
        route=capture.route,
        dtype=problem.dtype,
        verdict=Verdict(capture.status),
        reason=Reason(capture.reason),
    )
