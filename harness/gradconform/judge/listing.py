"""Rows of listed divergences: each wrong element is held against what the lists say of the node that it came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform import reasons
from gradconform.contract import Capture, Problem
from gradconform.dtypes import Dtype
from gradconform.graph import Node
from gradconform.judge.case import is_case
from gradconform.judge.compare import compare
from gradconform.judge.judgement import Judgement
from gradconform.judge.known import Known
from gradconform.judge.measures import EVERYWHERE, NOWHERE, STATES, When, laid_out, scale_of
from gradconform.judge.places import spoilt
from gradconform.reasons import Code
from gradconform.rows import Row, Verdict, blank

Array = NDArray[Any]

# Of what else a row can say, such as a wrong shape, no element is to blame.
_OF_ELEMENTS = (Code.VALUE, Code.NONFINITE, Code.NOT_BITWISE)


class Listing:
    """What the lists say of one capture of one problem; it is asked of each judgement, and at the end what is gone."""

    def __init__(self, problem: Problem, capture: Capture, entries: Sequence[Known]) -> None:
        self.problem, self.capture = problem, capture
        self.unit = Dtype.of(problem.dtype)
        self.entries = [e for e in entries if e.of(capture.framework, capture.version, problem.dtype)]
        self._due = [e for e in self.entries if is_case(problem, e.shows)]
        self._candidates: dict[tuple[str, str], list[tuple[Known, Node]]] = {}
        for entry in self.entries:
            for node, tensors in spoilt(problem, entry):
                for tensor in tensors:
                    self._candidates.setdefault((entry.check, tensor), []).append((entry, node))
        # Of the entries that are due: where each was looked for, and those that showed or for which there is news.
        self._looked: dict[int, Row] = {}
        self._settled: set[int] = set()

    def marked(self, judgement: Judgement, row: Row) -> Row:
        """The row of a judgement: `known` where lists cover each of its wrong elements."""
        candidates = self._candidates.get(("local", judgement.tensor), [])
        covering = self._covering(judgement, candidates) if judgement.verdict.wrong else []
        return self._noted(row, candidates, covering)

    def marked_numeric(self, row: Row, local: Sequence[Row]) -> Row:
        """A row of the numerical check, of one leaf or of all together: `known` where a list covers it as a whole.

        local: the rows of the local check. What a list covers there spoils each derivative that goes through it.
        """
        tensors = [row.tensor] if row.tensor else [f"grad/{leaf}" for leaf in self.problem.graph.wanted]
        candidates = [each for tensor in tensors for each in self._candidates.get(("numeric", tensor), ())]
        covering = [e for e, node in candidates if row.verdict == e.verdict and self._covers_numeric(e, row, node)]
        noted = self._noted(row, candidates, covering[:1])
        if noted.verdict != Verdict.DIVERGES:
            return noted
        spoilt = next((other for other in local if self._goes_through(tensors, other)), None)
        return noted if spoilt is None else replace(noted, verdict=Verdict.KNOWN, reason=reasons.behind(spoilt.reason))

    def marked_second(self, row: Row, local: Sequence[Row]) -> Row:
        """A row of second order: `known` where a list covers it, or the same node in the local check.

        local: the rows of the local check.
        """
        candidates = self._candidates.get(("second_order", row.tensor), [])
        covering = [e for e, node in candidates if row.verdict == e.verdict and self._covers_numeric(e, row, node)]
        row = self._noted(row, candidates, covering[:1])
        nodes = set(row.culprit.split())
        spoilt = next((r for r in local if r.verdict == Verdict.KNOWN and nodes & set(r.culprit.split())), None)
        if row.verdict != Verdict.DIVERGES or spoilt is None:
            return row
        return replace(row, verdict=Verdict.KNOWN, reason=reasons.behind(spoilt.reason))

    def _goes_through(self, tensors: Sequence[str], local: Row) -> bool:
        """Whether a derivative of one of some leaves goes through a tensor that is known to be wrong."""
        if local.verdict != Verdict.KNOWN or not self._leads(local.node):
            return False
        above = {local.node, *self.problem.graph.ancestors(local.node)}
        return any(tensor.partition("/")[2] in above for tensor in tensors)

    def vanished(self) -> Iterator[Row]:
        """A diverging row for each entry that had to show in this problem, where all conforms instead."""
        for entry in self._due:
            row = self._looked.get(id(entry))
            if row is not None and id(entry) not in self._settled:
                yield vanished(row, entry)

    def _noted(self, row: Row, candidates: Sequence[tuple[Known, Node]], covering: Sequence[Known]) -> Row:
        speaking = [entry for entry, _ in candidates]
        # Where rounding alone decides what comes, nothing is to be seen of what is listed.
        for entry in speaking if row.verdict != Verdict.INCONCLUSIVE else ():
            self._looked.setdefault(id(entry), row)
        # What diverges otherwise than listed fails the run by itself, and no entry should be taken off for that.
        news = row.verdict.wrong and not covering
        self._settled.update(map(id, speaking if news else covering))
        if not covering:
            return row
        why = " ".join(dict.fromkeys(entry.reason for entry in covering))
        link = "; ".join(dict.fromkeys(entry.link for entry in covering))
        return replace(row, verdict=Verdict.KNOWN, reason=reasons.listed(row.reason, why, link))

    def _covering(self, judgement: Judgement, candidates: Sequence[tuple[Known, Node]]) -> list[Known]:
        """The entries that together cover each wrong element; none where one of them is left."""
        fitting = [(entry, node) for entry, node in candidates if entry.verdict == judgement.verdict]
        if not fitting:
            return []
        if judgement.verdict == Verdict.MISSING:
            everywhere = ((e, self._limit(e, n, judgement.shape, numeric=False)) for e, n in fitting)
            return [entry for entry, limit in everywhere if np.any(limit > NOWHERE)][:1]
        if judgement.comparison is None or judgement.comparison.reason not in _OF_ELEMENTS:
            return []
        left = self._wrong(judgement)
        if np.count_nonzero(left) != judgement.comparison.n_bad:
            return []
        covering: list[Known] = []
        for entry, node in fitting:
            covered = left & self._within(entry, node, judgement)
            if covered.any():
                covering.append(entry)
                left &= ~covered
        return [] if left.any() else covering

    def _wrong(self, judgement: Judgement) -> Array:
        """Which elements of a tensor are beyond their bound."""
        assert judgement.got is not None
        wrong = np.zeros(judgement.shape, bool)
        compare(judgement.got, judgement.expected, judgement.bound, self.unit, judgement.shape, beyond=wrong)
        return wrong

    def _within(self, entry: Known, node: Node, judgement: Judgement) -> Array:
        """Which elements of a tensor an entry covers, coming from one node."""
        limit = self._limit(entry, node, judgement.shape, numeric=False)
        assert judgement.got is not None
        error = np.abs(judgement.got.astype(float) - judgement.expected)
        whatever = limit == EVERYWHERE
        if not isinstance(entry.at_most, str) and entry.at_most.in_place_of is not None:
            return np.asarray(whatever & STATES[entry.at_most.in_place_of](judgement.expected))
        if not isinstance(entry.at_most, str) and entry.at_most.ratio is not None:
            return np.asarray(whatever | (error <= limit * judgement.bound))
        each, seen = ("tensor", ()) if not entry.when else (entry.when[0].each, self._seen(node, entry.when[0]).shape)
        scale = scale_of(judgement.expected, each, seen)
        arrived = self._arrived(node)
        if judgement.tensor.startswith("grad/") and arrived.shape == judgement.shape:
            # What other readers sent back may cancel what this node did, and its error stays.
            scale = np.maximum(scale, scale_of(arrived, each, seen))
        return np.asarray(whatever | ((limit > NOWHERE) & (error <= limit * scale)))

    def _limit(self, entry: Known, node: Node, shape: tuple[int, ...], *, numeric: bool) -> Array:
        """How large an entry lets the error of each element get: -inf where its conditions do not hold."""
        measured: Array = np.asarray(1.0)
        limits: list[Array] = []
        for when in entry.when or (None,):
            if when is None:
                limits.append(self._figure(entry, node, measured, 1))
                continue
            seen = self._seen(node, when)
            measured = when.measured(seen, float(node.attributes.get("eps", 0.0)))
            # The first condition says how large; the others only where.
            figure = EVERYWHERE if limits else self._figure(entry, node, measured, seen.size)
            limits.append(self._over(np.where(when.holds(measured), figure, NOWHERE), when, seen, shape, numeric))
        return np.asarray(np.minimum.reduce(np.broadcast_arrays(*limits)))

    def _over(self, limit: Array, when: When, seen: Array, shape: tuple[int, ...], numeric: bool) -> Array:
        return np.asarray(np.max(limit, initial=NOWHERE)) if numeric else laid_out(limit, when.each, seen.shape, shape)

    def _figure(self, entry: Known, node: Node, measured: Array, elements: int) -> Array:
        """How large an entry lets errors get, for each number that was measured over so many elements together."""
        if isinstance(entry.at_most, str) or entry.at_most.in_place_of is not None:
            return np.full(np.shape(measured), EVERYWHERE)
        figure = entry.at_most
        size = figure.relative or figure.ratio or (figure.roundoffs or 0.0) * self.unit.roundoff
        if "window" in figure.times:
            size *= float(np.prod(node.attributes["kernel_size"]))
        if "root of size" in figure.times:
            size *= math.sqrt(elements / max(measured.size, 1))
        grown = size * measured ** sum({"measure": 1, "measure squared": 2}.get(each, 0) for each in figure.times)
        return np.where(grown >= 1.0, EVERYWHERE, grown) if figure.roundoffs is not None else grown

    def _covers_numeric(self, entry: Known, row: Row, node: Node) -> bool:
        limit = self._limit(entry, node, (), numeric=True)
        found = row.max_rel_err if isinstance(entry.at_most, str) or entry.at_most.ratio is None else row.ratio
        return bool(limit == EVERYWHERE or found <= limit)

    def _seen(self, node: Node, when: When) -> Array:
        """What a node read in a slot, or was handed; empty where it was not captured, so that nothing holds there."""
        if when.of == "dy":
            return self._arrived(node)
        name = node.tensors[when.of]
        if not isinstance(name, str):
            return np.zeros(0)
        if name in self.problem.graph.leaves:
            return self.problem.value(name)
        return self.capture.tensors.get(f"output/{name}", np.zeros(0))

    def _leads(self, name: str) -> bool:
        """Whether the output depends on the node that is called so."""
        node = self.problem.graph.by_name.get(name)
        return node is not None and self.problem.graph.leads(node)

    def _arrived(self, node: Node) -> Array:
        """The gradient that a node was handed; empty where it was not captured."""
        if node.name == self.problem.output:
            return self.problem.cotangent
        return self.capture.tensors.get(f"grad/{node.name}", np.zeros(0))


def vanished(row: Row, entry: Known) -> Row:
    """The row that says that an entry no longer happens. row: where it was to show."""
    kept = ("spec", "node", "op", "tensor", "kind", "check", "framework", "version", "route", "dtype", "shape")
    where = {name: getattr(row, name) for name in kept}
    return blank(**where, verdict=Verdict.DIVERGES, culprit=row.node, reason=reasons.vanished(entry.reason))
