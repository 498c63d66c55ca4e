"""The local check: each node judged on the tensors it really saw.

For every node the reference recomputes output and gradients in float64 from the captured tensors of that very
framework, so errors do not travel between nodes: a node that is right passes however wrong its neighbours are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradconform.contract import Capture, Problem
from gradconform.graph import Node
from gradconform.judge.compare import Comparison, compare
from gradconform.judge.judgement import Judgement, reason_of, verdict_of
from gradconform.judge.kinks import nearest
from gradconform.judge.readers import plus
from gradconform.judge.sight import CannotSee, Proof, Sight
from gradconform.reasons import Code, Reason, placed
from gradconform.reference.network import reference_of
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import Blame, Kind, Verdict

# Parameters are large and read by few: above so many elements a tensor is let go between its output and its gradients.
LARGE = 1 << 22


def why_missing(problem: Problem, capture: Capture, tensor: str) -> tuple[Reason, str]:
    """The reason of a missing tensor, with its place where there is one, and the nodes that the place names."""
    return with_place(problem, capture.missing.get(tensor, "no reason given"), capture.cuts.get(tensor, ()))


def with_place(problem: Problem, reason: str, places: Sequence[str]) -> tuple[Reason, str]:
    """A reason with its place where there is one, and the nodes that the place names."""
    nodes = [name for name in places if name not in problem.graph.leaves]
    leaves = [name for name in places if name in problem.graph.leaves]
    return placed(reason, nodes, leaves), " ".join(nodes)


class LocalCheck:
    """Judges one capture of one problem; iterate over `judgements()`."""

    def __init__(self, problem: Problem, capture: Capture, proof: Proof | None = None) -> None:
        self.problem = problem
        self.capture = capture
        self.proof = proof or (lambda: reference_of(problem))
        self.sight = Sight(problem, capture, self.proof)
        self.nodes, self.makers, self.shapes = problem.graph.by_name, self.sight.makers, self.sight.shapes
        self.graph = problem.graph
        self.readers = {name: self.graph.readers.get(name, ()) for name in self.shapes}
        self.wanted = {*self.graph.wanted, *self.makers} - {problem.output}

    def judgements(self) -> Iterator[Judgement]:
        """The judgement of each output and of each gradient.

        Each output comes after those of the nodes before it, and then the gradients, each after those of everything
        that is computed from its tensor. Take them one after another: each holds the arrays it was made of.
        """
        if self.problem.exact:
            as_proved = list(self._held_against_the_proof())
            if all(judgement.verdict == Verdict.CONFORMS for judgement in as_proved):
                yield from as_proved
                return
        yield from self._outputs()
        yield from self._gradients()

    def outputs_there(self) -> Iterator[Judgement]:
        """The judgement of each output that was captured, of a network that crashed at a later node."""
        return (judgement for judgement in self._outputs() if judgement.got is not None)

    def output(self, node: Node, index: int, expectation: Any) -> Judgement:
        """The judgement of one output of a node.

        index: which of its outputs.
        expectation: what it should be, or the CannotSee that says why nobody knows.
        """
        name, shape, _ = node.outputs[index]
        return self._held(f"output/{name}", node.name, Kind.OUTPUT, shape, expectation, node.name, self._reads(node))

    def gradient(self, name: str, expectation: Any, sight: Sight | None = None) -> Judgement:
        """The judgement of the gradient of a tensor.

        expectation: what it should be, or the CannotSee that says why nobody knows; None where no reader sends anything
        back.
        sight: what the readers saw, from which follows what else can be right at a kink; None where nothing else is.
        """
        leaf = self.graph.leaves.get(name)
        kind = Kind(leaf.kind) if leaf else Kind.GRAD_OUTPUT
        senders = self.graph.senders(name)
        owner = self.makers.get(name) or next(iter(senders or self.readers[name]), None)
        node, shape, tensor = owner.name if owner else "", self.shapes[name], f"grad/{name}"
        culprits = " ".join(n.name for n in senders) or (owner.name if owner else name)
        blame = Blame.JOINT if len(senders) > 1 else Blame.NONE
        excuses = self._excuses(name, expectation)
        reason = self.capture.missing.get(tensor)
        if tensor not in self.capture.tensors and reason in excuses:
            return Judgement(tensor, node, kind, shape, Verdict.CONFORMS, Reason(reason))
        reads = tuple(t for n in self.readers[name] for t in (*self._reads(n), *_arriving(n)))
        if expectation is not None:
            judgement = self._held(tensor, node, kind, shape, expectation, culprits, reads, blame)
            return judgement if sight is None else self._at_kinks(name, judgement, sight)
        judgement = self._held(tensor, node, kind, shape, np.broadcast_to(0.0, shape), culprits, reads, blame)
        return judgement if judgement.verdict != Verdict.CONFORMS else replace(judgement, reason=Reason(excuses[0]))

    def _reads(self, node: Node) -> tuple[str, ...]:
        """The captured tensors that a node reads: outputs of other nodes, by name."""
        return tuple(f"output/{name}" for name in node.reads if name in self.makers)

    def _outputs(self) -> Iterator[Judgement]:
        left = {name: len(readers) for name, readers in self.readers.items()}
        for node in self.problem.nodes:
            try:
                expectations: Sequence[Any] = self.sight.forward(node)
            except CannotSee as error:
                expectations = [error] * len(node.outputs)
            for index in range(len(node.outputs)):
                yield self.output(node, index, expectations[index])
            for name in set(node.reads):
                left[name] -= 1
                if left[name] == 0 and np.prod(self.shapes[name]) > LARGE:
                    self.sight.forget(name)

    def _gradients(self) -> Iterator[Judgement]:
        left = {name: len(readers) for name, readers in self.readers.items()}
        sums: dict[str, Any] = {}
        for name in self.shapes:
            if name in self.wanted and left[name] == 0:
                yield self.gradient(name, None)
        for node in reversed(self.problem.nodes):
            if self.graph.leads(node):
                self._contribute(node, sums)
            for name in dict.fromkeys(node.reads):
                left[name] -= 1
                if left[name] == 0:
                    self.sight.forget(name)
                    if name in self.wanted:
                        yield self.gradient(name, sums.pop(name, None), self._fresh_sight())

    def _contribute(self, node: Node, sums: dict[str, Any]) -> None:
        """Add what this node sends back to the sums of the tensors it reads, or the reason why it cannot be known."""
        wanted = [name for name in dict.fromkeys(node.reads) if name in self.wanted]
        if not wanted:
            return
        try:
            sent_back = self.sight.sent_back(node)
        except CannotSee as error:
            sums.update(dict.fromkeys(wanted, error))
            return
        for name, gradient in sent_back:
            if name not in sums:
                sums[name] = gradient
            elif not isinstance(sums[name], CannotSee):
                sums[name] = plus(sums[name], gradient)

    def _held_against_the_proof(self) -> Iterator[Judgement]:
        """The judgements of an exact problem against its proof: where all agree, no node needs a look of its own."""
        proved = self.sight.proved
        for node in self.problem.nodes:
            for index, output in enumerate(node.outputs):
                yield self.output(node, index, proved[f"output/{output.name}"])
        for name in self.shapes:
            if name in self.wanted:
                yield self.gradient(name, proved.get(f"grad/{name}"))

    def _excuses(self, name: str, expectation: Any) -> tuple[Code, ...]:
        """With which reasons a gradient may be missing and yet conform."""
        asked, on_path = name in self.problem.differentiable, name in self.problem.on_path
        unasked = () if asked else (Code.NOT_REQUESTED,)
        if not on_path:
            return (Code.NOT_ON_PATH, *unasked)
        return unasked or ((Code.NOT_DIFFERENTIABLE,) if expectation is None else ())

    def _held(
        self,
        tensor: str,
        node: str,
        kind: Kind,
        shape: tuple[int, ...],
        expectation: Any,
        culprits: str,
        judged_from: tuple[str, ...],
        blame: Blame = Blame.NONE,
    ) -> Judgement:
        """The judgement of what was captured under a name, held against an expectation."""
        got = self.capture.tensors.get(tensor)
        empty = Judgement(tensor, node, kind, shape, Verdict.MISSING, got=got, culprits=culprits, blame=blame)
        if got is None:
            reason, nodes = why_missing(self.problem, self.capture, tensor)
            return replace(empty, reason=reason, culprits=nodes or culprits, blame=Blame.NONE if nodes else blame)
        if isinstance(expectation, CannotSee):
            return replace(empty, reason=Reason(str(expectation)))
        held = replace(empty, expectation=expectation, judged_from=judged_from)
        comparison = self._compared(held)
        return replace(held, verdict=verdict_of(comparison), reason=reason_of(comparison), comparison=comparison)

    def _fresh_sight(self) -> Sight:
        """A sight that keeps nothing in the memory of the check: few tensors need another look."""
        return Sight(self.problem, self.capture, self.proof)

    def _at_kinks(self, name: str, judgement: Judgement, sight: Sight) -> Judgement:
        """The judgement of a gradient, held against all subgradients where it is not what the reference chose."""
        found = nearest(sight, name, judgement) if judgement.verdict == Verdict.DIVERGES else None
        if found is None:
            return judgement
        held = replace(judgement, expectation=found.expectation)
        comparison = self._compared(held)
        verdict = verdict_of(comparison)
        reason = Reason(found.code) if verdict == Verdict.CONFORMS else reason_of(comparison)
        return replace(held, verdict=verdict, reason=reason, comparison=comparison)

    def _compared(self, held: Judgement) -> Comparison:
        assert held.got is not None
        expected, bound, exact = held.expected, held.bound, self.problem.exact
        plain = not isinstance(held.expectation, Rounded)
        if exact and not plain and self.sight.is_proved(held.tensor, held.got):
            # What it was computed from was read out wrongly; this is right to the bit.
            expected, bound, plain = np.asarray(self.sight.proved[held.tensor], float), 0.0, True
        comparison = compare(held.got, expected, bound, self.sight.unit, held.shape)
        if plain and exact and comparison.reason is Code.VALUE:
            return replace(comparison, reason=Code.NOT_BITWISE)
        return comparison


def _arriving(node: Node) -> Iterator[str]:
    """The captured tensors that the backward of a node is handed."""
    return (f"grad/{output.name}" for output in node.results)
