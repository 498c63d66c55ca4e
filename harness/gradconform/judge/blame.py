"""Who is to blame where a wrong tensor made its neighbours look wrong.

A stale or spoilt tensor was not what its neighbours saw, so what they rightly made of the right numbers does not fit
the captured ones. Each diverging tensor is therefore judged once more, with the diverging tensors that it was judged
from replaced by what was expected of them. One that conforms then was never its own node's fault: the culprit of what
was replaced takes its place. An output that holds what a reader made of the right numbers was overwritten by that
reader. Which of several readers sent back a wrong part, a second capture tells (apart.py). The verdicts stay.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from gradconform.contract import Capture, Problem
from gradconform.judge import apart, overwritten
from gradconform.judge.judgement import Judgement
from gradconform.judge.local import LocalCheck
from gradconform.judge.readers import plus
from gradconform.judge.sight import Proof, Sight
from gradconform.reasons import Code
from gradconform.rows import Blame, Check, CheckKind, Kind, Row, Verdict


def rows(
    problem: Problem,
    capture: Capture,
    proof: Proof | None = None,
    watch: Callable[[Judgement], object] | None = None,
    mark: Callable[[Judgement, Row], Row] | None = None,
) -> Iterator[Row]:
    """The rows of the local check of one capture, each with the nodes that are to blame.

    watch: called with each judgement as the check gives it, before anybody else is blamed.
    mark: gives the row of a judgement in its place, such as one of a listed divergence.
    """
    check, written = LocalCheck(problem, capture, proof), check_of(problem)
    settling = _settling(check)

    def row(judgement: Judgement) -> Row:
        if watch is not None:
            watch(judgement)
        settled = settling.settled(judgement)
        made = settled.row(problem, capture, written)
        return made if mark is None else mark(settled, made)

    # Not a loop, whose variable would keep the arrays of one judgement alive while the next is computed.
    return map(row, check.judgements())


def seen_apart(problem: Problem, capture: Capture) -> dict[str, Row]:
    """The rows of the second capture by their tensors; empty where there is none, or where this is one itself."""
    found = apart.second(problem, capture)
    return {} if found is None else {row.tensor: row for row in rows(*found)}


def rows_before_crash(problem: Problem, capture: Capture, proof: Proof) -> Iterator[Row]:
    """The rows of the outputs that there are of a network that crashed, as the local check judges them."""
    check, written = LocalCheck(problem, capture, proof), check_of(problem)
    settling = _settling(check)
    return (settling.settled(judgement).row(problem, capture, written) for judgement in check.outputs_there())


def _settling(check: LocalCheck) -> Settling:
    """What settles the judgements of a check; a second capture is judged when it is needed, once."""
    return Settling(check, functools.cache(lambda: seen_apart(check.problem, check.capture)))


def check_of(problem: Problem) -> Check:
    """The check that rows of the local check of this problem have: `local`, or `exact` for an exact problem."""
    return Check(CheckKind.EXACT if problem.exact else CheckKind.LOCAL)


# Where several wrong tensors made one look wrong, it is known who did it only as far as of each of them.
_LEAST_KNOWN = (Blame.NONE, Blame.APART, Blame.SUM, Blame.FIRST, Blame.JOINT)


class Settling:
    """Settles the culprits of the judgements of one capture, which must come in the order that the check gives them.

    seen: asked for the rows of the second capture where several readers are to blame.
    """

    def __init__(self, check: LocalCheck, seen: apart.Seen) -> None:
        self._check, self._seen = check, seen
        self._trusted: dict[str, Any] = {}
        self._culprits: dict[str, str] = {}
        self._blames: dict[str, Blame] = {}
        self._last: tuple[str, list[tuple[str, Any]]] = ("", [])

    def settled(self, judgement: Judgement) -> Judgement:
        """The judgement with the nodes that are to blame."""
        if judgement.reason.code is Code.SUBGRADIENT and not self._check.problem.exact:
            # What is a kink only of a spoilt number excuses nothing; a NaN that came of a fault is what readers saw.
            outputs = {name: self._trusted[name] for name in self._spoilt(judgement) if name.startswith("output/")}
            judgement = self._judged_again(judgement, outputs) if outputs else judgement
        if not judgement.blamed:
            return judgement
        # In an exact problem the right value of every tensor is known, and the check looks at it by itself.
        if judgement.verdict != Verdict.DIVERGES or self._check.problem.exact:
            return self._of_its_own(judgement)
        expectation = judgement.expectation
        blamed = self._spoilt(judgement)
        if blamed:
            again = self._judged_again(judgement)
            if again.verdict == Verdict.CONFORMS:
                culprits = " ".join(self._culprits[tensor] for tensor in blamed)
                found = max((self._blames[tensor] for tensor in blamed), key=_LEAST_KNOWN.index)
                return replace(judgement, culprits=" ".join(dict.fromkeys(culprits.split())), blame=found)
            expectation = again.expectation
        settled = self._of_its_own(replace(judgement, expectation=expectation))
        self._trusted[judgement.tensor] = expectation
        self._culprits[judgement.tensor] = settled.culprits
        self._blames[judgement.tensor] = settled.blame
        # What a list knows of a node is held against what that node saw, spoilt or not.
        return replace(settled, expectation=judgement.expectation)

    def _spoilt(self, judgement: Judgement) -> list[str]:
        """The tensors from which something was judged that are known to be wrong."""
        return [tensor for tensor in judgement.judged_from if tensor in self._trusted]

    def _of_its_own(self, judgement: Judgement) -> Judgement:
        """The judgement of a tensor that is wrong whatever its neighbours are, with the nodes that are to blame."""
        if judgement.kind == Kind.OUTPUT and judgement.got is not None:
            overwriting = overwritten.by(self._check, judgement, self._trusted)
            return replace(judgement, culprits=overwriting or judgement.culprits)
        if judgement.blame == Blame.JOINT:
            return apart.settled(judgement, judgement.culprits.split(), self._seen)
        return judgement

    def _judged_again(self, judgement: Judgement, trusted: Mapping[str, Any] | None = None) -> Judgement:
        """The same tensor, judged against what follows from tensors that can be trusted, all that are known or some."""
        check, name = self._check, judgement.tensor.partition("/")[2]
        sight = Sight(check.problem, check.capture, check.proof, self._trusted if trusted is None else trusted)
        if judgement.kind == Kind.OUTPUT:
            node = check.nodes[judgement.node]
            index = [output.name for output in node.outputs].index(name)
            return check.output(node, index, sight.forward(node)[index])
        return check.gradient(name, self._sum(sight, name, trusted is None), sight)

    def _sum(self, sight: Sight, name: str, kept: bool) -> Any:
        """The sum of what all readers of a tensor send back to it; None where none sends anything.

        kept: whether what the last node sent back may be used again, which is so where all is trusted that can be.
        """
        total = None
        for node in reversed(self._check.graph.senders(name)):
            if not kept or self._last[0] != node.name:
                # Its inputs, weight and bias are asked for one after another.
                self._last = (node.name, sight.sent_back(node))
            for read, gradient in self._last[1]:
                if read == name:
                    total = gradient if total is None else plus(total, gradient)
        if not kept:
            self._last = ("", [])
        return total
