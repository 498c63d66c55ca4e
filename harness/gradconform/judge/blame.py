"""Who is to blame where a wrong tensor made its neighbours look wrong.

A stale or spoilt tensor was not what its neighbours saw, so what they rightly made of the right numbers does not fit
the captured ones. Each diverging tensor is therefore judged once more, with the diverging tensors that it was judged
from replaced by what was expected of them. One that conforms then was never its own node's fault: the culprit of what
was replaced takes its place. The verdicts stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gradconform.contract import Capture, Problem
from gradconform.judge.judgement import Judgement
from gradconform.judge.local import LocalCheck
from gradconform.judge.sight import Proof, Sight
from gradconform.rows import Check, CheckKind, Kind, Row, Verdict


def rows(
    problem: Problem, capture: Capture, proof: Proof | None = None, watch: Callable[[Judgement], object] | None = None
) -> Iterator[Row]:
    """The rows of the local check of one capture, each with the nodes that are to blame.

    watch: called with each judgement as the check gives it, before anybody else is blamed.
    """
    check, written = LocalCheck(problem, capture, proof), check_of(problem)
    blame = Blame(check)

    def row(judgement: Judgement) -> Row:
        if watch is not None:
            watch(judgement)
        return blame.settled(judgement).row(problem, capture, written)

    # Not a loop, whose variable would keep the arrays of one judgement alive while the next is computed.
    return map(row, check.judgements())


def rows_before_crash(problem: Problem, capture: Capture, proof: Proof) -> Iterator[Row]:
    """The rows of the outputs that there are of a network that crashed, as the local check judges them."""
    check, written = LocalCheck(problem, capture, proof), check_of(problem)
    blame = Blame(check)
    return (blame.settled(judgement).row(problem, capture, written) for judgement in check.outputs_there())


def check_of(problem: Problem) -> Check:
    """The check that rows of the local check of this problem have: `local`, or `exact` for an exact problem."""
    return Check(CheckKind.EXACT if problem.exact else CheckKind.LOCAL)


class Blame:
    """Settles the culprits of the judgements of one capture, which must come in the order that the check gives them."""

    def __init__(self, check: LocalCheck) -> None:
        self._check = check
        self._trusted: dict[str, Any] = {}
        self._culprits: dict[str, str] = {}
        self._last: tuple[str, list[tuple[str, Any]]] = ("", [])

    def settled(self, judgement: Judgement) -> Judgement:
        """The judgement with the nodes that are to blame."""
        # In an exact problem the right value of every tensor is known, and the check looks at it by itself.
        if judgement.verdict != Verdict.DIVERGES or self._check.problem.exact:
            return judgement
        expectation = judgement.expectation
        blamed = [self._culprits[tensor] for tensor in judgement.judged_from if tensor in self._trusted]
        if blamed:
            again = self._judged_again(judgement)
            if again.verdict == Verdict.CONFORMS:
                return replace(judgement, culprits=" ".join(dict.fromkeys(" ".join(blamed).split())))
            expectation = again.expectation
        self._trusted[judgement.tensor] = expectation
        self._culprits[judgement.tensor] = judgement.culprits
        return judgement

    def _judged_again(self, judgement: Judgement) -> Judgement:
        """The same tensor, judged against what follows from tensors that can be trusted."""
        check, name = self._check, judgement.tensor.partition("/")[2]
        sight = Sight(check.problem, check.capture, check.proof, self._trusted)
        if judgement.kind == Kind.OUTPUT:
            node = check.nodes[judgement.node]
            index = [output for output, _ in node.outputs].index(name)
            return check.output(node, index, sight.forward(node)[index])
        return check.gradient(name, self._sum(sight, name))

    def _sum(self, sight: Sight, name: str) -> Any:
        """The sum of what all readers of a tensor send back to it; None where none sends anything."""
        total = None
        for node in reversed(self._check.readers[name]):
            if node.name in self._check.problem.on_path:
                if self._last[0] != node.name:
                    # Its inputs, weight and bias are asked for one after another.
                    self._last = (node.name, sight.sent_back(node))
                for read, gradient in self._last[1]:
                    if read == name:
                        total = gradient if total is None else total + gradient
        return total
