"""Second order, judged node by node on the tensors that each node really saw.

Weigh the first gradients g of all leaves by directions v and differentiate s = <v, g> again. What comes back with
respect to the gradient of a tensor h is the tangent of h along v; with respect to h itself it is grad2/h. So one
capture gives for each node y = f(x)

    tangent/y    against    J tangent/x
    grad2/x      against    the sum over its readers of    J^T grad2/y + H tangent/x

each with the rounding bound that dual numbers carry through the reference (`reference/second.py`). No error travels
between nodes, as in `local.py`, and the culprit is the node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, ContractError, Problem, read_capture
from gradconform.contract import second as contract
from gradconform.graph import Address, Node
from gradconform.judge.compare import compare
from gradconform.judge.judgement import Judgement, reason_of, row_of, verdict_of
from gradconform.judge.sight import CannotSee, Sight
from gradconform.judge.subgradients import plain
from gradconform.reasons import Code, Reason
from gradconform.reference import second
from gradconform.reference.inserted import definition
from gradconform.reference.network import contributions, reference_of, slots
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import LIMIT, Blame, Check, CheckKind, Kind, Row, Verdict

Array = NDArray[Any]
CHECK = Check(CheckKind.SECOND_ORDER)


def rows(problem: Problem, capture: Capture, asked: Path) -> Iterator[Row]:
    """The rows of second order of a capture, where it was asked for; none where it was not.

    asked: the problem folder with the directions.
    """
    folder = capture.folder / contract.FOLDER
    if not folder.is_dir():
        return
    place = next((p for p in (asked, problem.folder) if (p / contract.FOLDER).is_dir()), problem.folder)
    try:
        found = read_capture(folder, problem)
        if found.status == "ok":
            check = SecondOrder(problem, found, contract.read(place / contract.FOLDER, problem))
            yield from (judgement.row(problem, found, CHECK) for judgement in check.judgements())
            return
        verdict, reason = Verdict(found.status), Reason(found.reason)
    except ContractError as error:
        verdict, reason = Verdict.CRASHED, Reason(str(error))
    row = row_of(problem, capture, node="", tensor="", kind=Kind.NONE, check=CHECK)
    yield replace(row, verdict=verdict, reason=reason)


class SecondOrder:
    """Judges one capture of second order; iterate over `judgements()`.

    directions: leaf -> v.
    """

    def __init__(self, problem: Problem, capture: Capture, directions: Any) -> None:
        self.problem = problem
        self.capture = capture
        self.graph = problem.graph
        self.sight = Sight(problem, capture, lambda: reference_of(problem))
        self.directions = directions
        self.there = self.graph.on_path & self.graph.differentiable
        self._kinked: dict[str, bool] = {}

    def judgements(self) -> Iterator[Judgement]:
        """The judgement of each tangent, in the order of computation, and of each second-order gradient."""
        for address in contract.addresses(self.graph):
            part, _, name = address.tensor.partition("/")
            senders = [self.graph.makers[name]] if part == "tangent" else list(self.graph.senders(name))
            try:
                expected = self._tangent(senders[0], name) if part == "tangent" else self._second(name, senders)
                doubtful = any(map(self.at_kink, senders))
            except CannotSee as error:
                expected, doubtful = error, False
            yield self._held(address, expected, senders, doubtful=doubtful)

    def at_kink(self, node: Node) -> bool:
        """Whether a node is at a kink of its operator somewhere: there it has no second derivative. Raises CannotSee.

        Asked with a gradient of ones, since the one that arrived may vanish at the kink.
        """
        operator = definition(node.op)
        if operator.smooth:
            return False
        if node.name not in self._kinked:
            operands = self.sight.operands(node)
            ones = [Rounded(np.ones(output.shape), unit=self.sight.unit) for output in node.results]
            sets = contributions(node, operator.run_subgradients(operator.dy_of(ones), operands, node.attributes))
            self._kinked[node.name] = any(bool(np.any(plain(low) != plain(high))) for _, (low, high) in sets)
        return self._kinked[node.name]

    def _tangent(self, node: Node, name: str) -> Any:
        """The tangent of one result of a node."""
        operands, tangents = self.sight.operands(node), slots(node, self._tangent_of)
        index = [output.name for output in node.results].index(name)
        return second.jvp(definition(node.op), operands, tangents, node.attributes)[index]

    def _second(self, name: str, readers: list[Node]) -> Any:
        total: Any = None
        for node in reversed(readers):
            dy, operands = self.sight.handed(node)
            tangents = [self._dy_tangent(output.name) for output in node.results]
            sent = second.second_vjp(
                definition(node.op),
                dy,
                definition(node.op).dy_of(tangents),
                operands,
                slots(node, self._tangent_of),
                node.attributes,
            )
            for read, gradient in contributions(node, sent):
                if read == name:
                    total = gradient if total is None else total + gradient
        return total

    def _dy_tangent(self, name: str) -> Any:
        """What the second backward left in the gradient of a result of a node; None where that is zero."""
        return None if name == self.graph.output else self._captured(f"grad2/{name}")

    def _tangent_of(self, name: str) -> Any:
        """The tangent of a tensor that a node reads; None where it is zero: nothing moves it."""
        leaf = self.graph.leaves.get(name)
        if leaf is not None:
            return Rounded(self.directions[name], unit=self.sight.unit) if leaf.grad else None
        return self._captured(f"tangent/{name}") if name in self.there else None

    def _captured(self, tensor: str) -> Any:
        """A captured tensor of second order; None where the framework gave none, which is right where it is zero."""
        if tensor not in self.capture.tensors:
            return None
        return Rounded(self.sight.captured(tensor), unit=self.sight.unit)

    def _held(self, address: Address, expected: Any, nodes: list[Node], *, doubtful: bool) -> Judgement:
        tensor, shape = address.tensor, address.shape
        got = self.capture.tensors.get(tensor)
        culprits = " ".join(node.name for node in nodes)
        blame = Blame.JOINT if len(nodes) > 1 else Blame.NONE
        empty = Judgement(
            tensor, address.node, Kind(address.kind), shape, Verdict.MISSING, got=got, culprits=culprits, blame=blame
        )
        if isinstance(expected, CannotSee):
            return replace(empty, reason=Reason(str(expected)))
        if expected is None:
            expected = Rounded(np.zeros(shape), unit=self.sight.unit)
        if got is None:
            # What is zero by the formula may be left over from terms that cancel.
            zero = bool(np.all(np.abs(expected.value) <= LIMIT * expected.bound()))
            code = Code.NOT_ON_PATH if zero else Code.UNEXPLAINED
            return replace(empty, verdict=Verdict.CONFORMS if zero else Verdict.MISSING, reason=Reason(code))
        held = replace(empty, expectation=expected)
        comparison = compare(got, held.expected, held.bound, self.sight.unit, shape)
        verdict, reason = verdict_of(comparison), reason_of(comparison)
        if verdict == Verdict.DIVERGES and doubtful:
            verdict, reason = Verdict.INCONCLUSIVE, Reason(Code.AT_KINK)
        elif verdict == Verdict.DIVERGES and any(definition(node.op).second_unbounded for node in nodes):
            verdict, reason = Verdict.INCONCLUSIVE, Reason(Code.NO_SECOND_BOUND)
        return replace(held, verdict=verdict, reason=reason, comparison=comparison)
