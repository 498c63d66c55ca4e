"""The local check: each node judged on the tensors it really saw.

For every node the reference recomputes output and gradients in float64 from the captured tensors of that very
framework, so errors do not travel between nodes: a node that is right passes however wrong its neighbours are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.dtypes import Dtype, is_float
from gradconform.graph import Node
from gradconform.judge.compare import Comparison, compare
from gradconform.reference import OPERATORS
from gradconform.reference.network import contributions, reference_of, slots
from gradconform.reference.tracked.rounding import Rounded
from gradconform.rows import NAN, Reason, Row, Verdict, blank

Array = NDArray[Any]


# The whole network in the reference, as `reference.network.reference` gives it: run when it is needed, and once for all captures.
Proof = Callable[[], Mapping[str, Array]]


class CannotSee(LookupError):
    """A tensor that a node needs for its judgement was not captured, or has the wrong shape."""


def row_of(problem: Problem, capture: Capture, *, node: str, tensor: str, kind: str, check: str) -> Row:
    """The row of a tensor before anything is known of it."""
    op = next((n.op for n in problem.nodes if n.name == node), "")
    return blank(
        spec=problem.spec, node=node, op=op, tensor=tensor, kind=kind, check=check, framework=capture.framework,
        version=capture.version, route=capture.route, dtype=problem.dtype,
    )  # fmt: skip


def why_missing(problem: Problem, capture: Capture, tensor: str) -> tuple[str, str]:
    """The reason of a missing tensor, with its place where there is one, and the nodes that the place names."""
    return with_place(problem, capture.missing.get(tensor, "no reason given"), capture.cuts.get(tensor, ()))


def with_place(problem: Problem, reason: str, places: Sequence[str]) -> tuple[str, str]:
    """A reason with its place where there is one, and the nodes that the place names."""
    nodes = [name for name in places if name not in problem.given]
    leaves = [name for name in places if name in problem.given]
    reason += f" at {' '.join(nodes)}" if nodes else ""
    return reason + (f" ({', '.join(leaves)} requires no gradient)" if leaves else ""), " ".join(nodes)


def judged(row: Row, shape: tuple[int, ...], found: Comparison, culprit: str) -> Row:
    """The row with what a comparison found. Only a difference that the check judges makes it diverge."""
    diverges = found.reason not in (None, Reason.UNINFORMATIVE)
    index = "" if found.worst is None else str([int(i) for i in np.unravel_index(found.worst, shape)])
    return replace(
        row, shape=str(list(shape)), ratio=found.ratio, max_abs_err=found.max_abs_err, max_rel_err=found.max_rel_err,
        worst_index=index, got=found.got, expected=found.expected, n_bad=found.n_bad,
        verdict=Verdict.DIVERGES if diverges else Verdict.CONFORMS, reason=found.reason or "",
        culprit=culprit if diverges else "",
    )  # fmt: skip


class LocalCheck:
    """Judges one capture of one problem; iterate over `rows()`."""

    def __init__(self, problem: Problem, capture: Capture, proof: Proof | None = None) -> None:
        self.problem = problem
        self._proof = proof or (lambda: reference_of(problem))
        self.capture = capture
        self.unit = Dtype.of(problem.dtype)
        self.check = "exact" if problem.exact else "local"
        self.shapes = {name: shape for name, (_, shape, _, _) in problem.given.items()}
        for node in problem.nodes:
            self.shapes.update(dict(node.outputs))
        self.readers = {name: [n for n in problem.nodes if name in n.reads] for name in self.shapes}
        self.nodes = {node.name: node for node in problem.nodes}
        self.wanted = {name for name, (_, _, _, grad) in problem.given.items() if grad}
        self.wanted |= set(self.nodes) - {problem.output}
        self._seen: dict[str, Any] = {}
        self._honest: dict[str, bool] = {}

    def rows(self) -> Iterator[Row]:
        """One row for each output and each gradient."""
        if self.problem.exact:
            rows = list(self._as_proved_rows())
            if all(row.verdict == Verdict.CONFORMS for row in rows):
                yield from rows
                return
        yield from self._outputs()
        yield from self._gradients()

    # What the framework saw.

    def _captured(self, name: str) -> Array:
        array = self.capture.tensors.get(name)
        if array is None:
            raise CannotSee(f"needs {name}, which is missing")
        shape = self.shapes[name.partition("/")[2]]
        if array.shape != shape or array.dtype != self.unit.name:
            raise CannotSee(f"needs {name}, which is {array.dtype}{list(array.shape)} for {list(shape)}")
        return array

    def _wrapped(self, array: Array) -> Any:
        if not is_float(array):
            return array
        return array.astype(float) if self.problem.exact else Rounded(array, unit=self.unit)

    def _tensor(self, name: str) -> Any:
        if name not in self._seen:
            given = name in self.problem.given
            self._seen[name] = self._wrapped(
                self.problem.value(name) if given else self._captured(f"output/{name}")
            )
        return self._seen[name]

    @cached_property
    def _proved(self) -> Mapping[str, Array]:
        return self._proof()

    def _as_proved(self, name: str) -> bool:
        """Whether a captured tensor of an exact problem is what the proof speaks of."""
        if name not in self._honest:
            self._honest[name] = self._is_proved(name, self._captured(name))
        return self._honest[name]

    def _is_proved(self, name: str, got: Array) -> bool:
        proved = self._proved.get(name)
        return proved is not None and got.dtype == self.unit.name and np.array_equal(got, proved)

    def _operands(self, node: Node, dy: str | None = None) -> list[Any]:
        """What a node saw, in the order of its slots, with the gradient called `dy` before it.

        In an exact problem these are plain numbers as long as they are the proved ones. What was computed from
        others may round, so there the bound takes over, and only the node that first went wrong is blamed.
        """
        seen = slots(node, self._tensor)
        reads = [f"output/{name}" for name in node.reads if name in self.nodes]
        if dy is not None:
            arrives = node.name != self.problem.output
            seen.insert(0, self._wrapped(self._captured(dy) if arrives else self.problem.cotangent))
            reads += [dy] if arrives else []
        if self.problem.exact and not all(map(self._as_proved, reads)):
            return [[*map(self._rounded, s)] if isinstance(s, list) else self._rounded(s) for s in seen]
        return seen

    def _rounded(self, array: Any) -> Any:
        plain = isinstance(array, np.ndarray) and is_float(array)
        return Rounded(array, unit=self.unit) if plain else array

    def _forget(self, name: str) -> None:
        self._seen.pop(name, None)

    # Outputs.

    def _outputs(self) -> Iterator[Row]:
        left = {name: len(readers) for name, readers in self.readers.items()}
        for node in self.problem.nodes:
            try:
                expected: tuple[Any, ...] | CannotSee = OPERATORS[node.op].run_forward(
                    self._operands(node), node.attributes
                )
            except CannotSee as error:
                expected = error
            for i, (name, shape) in enumerate(node.outputs):
                row = self._row(node, f"output/{name}", "output")
                found = expected if isinstance(expected, CannotSee) else expected[i]
                yield self._against(row, shape, found, node.name)
            for name in set(node.reads):
                left[name] -= 1
                # Parameters are large and read by few; what is small stays for the gradients.
                if left[name] == 0 and np.prod(self.shapes[name]) > 1 << 22:
                    self._forget(name)

    def _as_proved_rows(self) -> Iterator[Row]:
        """Everything against the proof: where all of it agrees to the bit, no node needs a look of its own."""
        for node in self.problem.nodes:
            for name, shape in node.outputs:
                row = self._row(node, f"output/{name}", "output")
                yield self._against(row, shape, self._proved[f"output/{name}"], node.name)
        for name in self.shapes:
            if name in self.wanted:
                yield self._gradient(name, self._proved.get(f"grad/{name}"))

    # Gradients.

    def _gradients(self) -> Iterator[Row]:
        left = {name: len(readers) for name, readers in self.readers.items()}
        sums: dict[str, Any] = {}
        for name in self.shapes:
            if name in self.wanted and left[name] == 0:
                yield self._gradient(name, None)
        for node in reversed(self.problem.nodes):
            if node.name in self.problem.on_path:
                self._contribute(node, sums)
            for name in dict.fromkeys(node.reads):
                left[name] -= 1
                if left[name] == 0:
                    self._forget(name)
                    if name in self.wanted:
                        yield self._gradient(name, sums.pop(name, None))

    def _contribute(self, node: Node, sums: dict[str, Any]) -> None:
        """Add what this node sends back to the sums of the tensors it reads, or the reason why it cannot be known."""
        wanted = [name for name in dict.fromkeys(node.reads) if name in self.wanted]
        if not wanted:
            return
        try:
            dy, *seen = self._operands(node, f"grad/{node.name}")
            found = OPERATORS[node.op].run_vjp(dy, seen, node.attributes)
        except CannotSee as error:
            sums.update(dict.fromkeys(wanted, error))
            return
        for name, gradient in contributions(node, found):
            if name not in sums:
                sums[name] = gradient
            elif not isinstance(sums[name], CannotSee):
                sums[name] = sums[name] + gradient

    def _gradient(self, name: str, expected: Any) -> Row:
        """The row of one gradient; `expected` is None where no reader sends anything back."""
        role = self.problem.given.get(name, ("node",))[0]
        kind = {"node": "grad_output", "input": "grad_input", "parameter": "grad_param"}[role]
        readers = [n for n in self.readers[name] if n.name in self.problem.on_path]
        owner = self.nodes.get(name) or next(iter(readers or self.readers[name]), None)
        row = row_of(
            self.problem, self.capture, node=owner.name if owner else "", tensor=f"grad/{name}", kind=kind,
            check=self.check,
        )  # fmt: skip
        culprit = " ".join(n.name for n in readers) or (owner.name if owner else name)
        shape = self.shapes[name]
        excuses = self._excuses(name, expected)
        reason = self.capture.missing.get(row.tensor)
        if row.tensor not in self.capture.tensors and reason in excuses:
            return replace(row, shape=str(list(shape)), verdict=Verdict.CONFORMS, reason=reason)
        if expected is not None:
            return self._against(row, shape, expected, culprit)
        found = self._against(row, shape, np.broadcast_to(0.0, shape), culprit)
        return found if found.verdict != Verdict.CONFORMS else replace(found, reason=excuses[0])

    def _excuses(self, name: str, expected: Any) -> tuple[str, ...]:
        """With which reasons this gradient may be missing."""
        asked, on_path = name in self.problem.differentiable, name in self.problem.on_path
        unasked = () if asked else ("not_requested",)
        if not on_path:
            return ("not_on_path", *unasked)
        return unasked or (("not_differentiable",) if expected is None else ())

    # Judging.

    def _row(self, node: Node, tensor: str, kind: str) -> Row:
        return row_of(self.problem, self.capture, node=node.name, tensor=tensor, kind=kind, check=self.check)

    def _against(self, row: Row, shape: tuple[int, ...], expected: Any, culprit: str) -> Row:
        got = self.capture.tensors.get(row.tensor)
        if got is None:
            reason, nodes = why_missing(self.problem, self.capture, row.tensor)
            return replace(
                row, shape=str(list(shape)), verdict=Verdict.MISSING, reason=reason, culprit=nodes or culprit
            )
        if isinstance(expected, CannotSee):
            return replace(row, shape=str(list(shape)), verdict=Verdict.MISSING, reason=str(expected))
        if self.problem.exact and isinstance(expected, Rounded) and self._is_proved(row.tensor, got):
            # What it was computed from was read out wrongly; this is right to the bit.
            expected = self._proved[row.tensor]
        if isinstance(expected, Rounded):
            bound = 0.0 if expected.error is None else expected.error
            found = compare(got, expected.value, bound, self.unit, shape)
        else:
            found = compare(got, np.asarray(expected, float), 0.0, self.unit, shape)
            if found.reason is Reason.VALUE and self.problem.exact:
                found = replace(found, reason=Reason.NOT_BITWISE)
        return judged(row, shape, found, culprit)


def measured(row: Row, shape: tuple[int, ...], found: Comparison) -> Row:
    """The row of a difference that is reported but not judged."""
    return replace(judged(row, shape, found, ""), verdict=Verdict.MEASURED, ratio=NAN, culprit="")
