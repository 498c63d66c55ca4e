"""A script and its tiny network, interpreted in float64 step by step, with or without habits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.behaviour.words import Word
from gradconform.contract import Problem
from gradconform.dtypes import is_float, wide
from gradconform.graph import Graph, Node
from gradconform.reference import OPERATORS
from gradconform.reference.network import contributions, slots

Array = NDArray[Any]
Shift = Callable[[Array], Array]
Step = Mapping[str, Any]


class Undefined(Exception):  # noqa: N818 - what a script may ask for, not a fault
    """The sum rule gives no answer to a step, since a cotangent is needed and there is none."""


@dataclass(frozen=True)
class Answer:
    """What became of an ask.

    outcome: `value`, `none` or `raises`.
    array: the numbers, where there are any.
    step: the index of the step that raises.
    """

    outcome: str
    array: Array | None = None
    step: int | None = None

    def same(self, other: Answer) -> bool:
        """Whether two answers agree to the bit, NaN by its place; -0 and 0 are equal."""
        if self.array is None or other.array is None:
            return (self.outcome, self.step) == (other.outcome, other.step)
        return np.array_equal(self.array, other.array, equal_nan=True)


@dataclass(frozen=True)
class Program:
    """A tiny network, its numbers in float64, and the script over it.

    graph: the network.
    numbers: those of the leaves, by name.
    cotangent: the gradient that is handed to the output.
    script: its steps.
    asks: what is asked for when they are done.
    """

    graph: Graph
    numbers: Mapping[str, Array]
    cotangent: Array
    script: tuple[Step, ...]
    asks: tuple[str, ...]

    @classmethod
    def of_problem(cls, problem: Problem) -> Program:
        """The program of a behaviour on disk, its numbers in float64."""
        numbers = {name: wide(problem.value(name)) for name in problem.graph.leaves}
        return cls(problem.graph, numbers, wide(problem.cotangent), problem.script, problem.asks)

    def answers(self, habits: Collection[Word] = ()) -> Iterator[tuple[Answer, ...]]:
        """The answers to the asks, once for each way in which these habits go wrong; without habits, the right ones.

        `stale` and `rewritten` have several ways.
        """
        ways = ["readers", "maker", "both"] if Word.REWRITTEN in habits else [""]
        scripts: list[Sequence[Step | None]] = [self.script]
        if Word.STALE in habits:
            ways.append("copies")
            scripts += [_without_last(self.script, words) for words in (("set", "change"), ("backward",))]
        for script in scripts:
            for way in ways:
                yield Interpreter(self, frozenset(habits), way).answers(script)

    def shifted(self, shift: Shift) -> tuple[Answer, ...]:
        """The answers of the sum rule where every derivative is taken at shifted numbers.

        shift: of an array, the shifted one.
        """
        return Interpreter(self, frozenset(), "", shift).answers(self.script)


class Interpreter:
    """Runs one script over its network, step by step.

    way: through which tensors a changed number is read, or not read.
    buffers: the gradients that are there.
    seen: all tensors as forward saw them.
    now: all tensors as they are.
    """

    def __init__(self, program: Program, habits: frozenset[Word], way: str, shift: Shift | None = None) -> None:
        self.program, self.habits, self.way, self.shift = program, habits, way, shift
        self.nodes = {node.name for node in program.graph.nodes}
        self.values = dict(program.numbers)
        self.now: dict[str, Array] = dict(program.numbers)
        self.seen: dict[str, Array] = {}
        self.copies: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.results: dict[str, Array] = {}
        self.filled: set[str] = set()
        unasked = Word.UNASKED in habits
        floats = {name for name, array in self.values.items() if is_float(np.asarray(array))}
        self.wanted = set(program.graph.wanted) | (floats if unasked else set())
        self.kept: set[str] = set(self.nodes) if unasked else set()

    def answers(self, script: Sequence[Step | None]) -> tuple[Answer, ...]:
        """Run the steps of a script, leaving out those that are None, and answer each ask."""
        for i, step in enumerate(script):
            arguments = {f"{key}_" if key in ("in", "as") else key: v for key, v in (step or {}).items() if key != "do"}
            try:
                if step is not None:
                    getattr(self, f"_{step['do']}")(**arguments)
            except Undefined:
                return tuple(Answer("raises", step=i) for _ in self.program.asks)
        return tuple(self._answer(ask) for ask in self.program.asks)

    def _answer(self, ask: str) -> Answer:
        kind, _, name = ask.partition("/")
        found = {"grad": self.buffers, "output": self.now, "result": self.results}[kind].get(name)
        return Answer("none") if found is None else Answer("value", np.asarray(found))

    # The steps, each called with the arguments that `problem.json` has.

    def _forward(self, no_grad: list[str], detach: list[str], through_numpy: list[str]) -> None:
        flows = Word.FLOWS in self.habits
        cut, still = set() if flows else {*detach, *through_numpy}, set() if flows else set(no_grad)
        copied = through_numpy if self.way == "copies" else []
        self.now = dict(self.values)
        for node in self.program.graph.nodes:
            self.copies |= {n: self.now[n] for n in copied if n in node.reads and n not in self.copies}
            results = OPERATORS[node.op].run_forward(slots(node, {**self.now, **self.copies}), node.attributes)
            self.now.update(zip((output.name for output in node.outputs), results, strict=True))
        self.seen, self.cut = {**self.now, **self.copies}, cut
        self.needs = set(self.wanted)
        for node in self.program.graph.nodes:
            if node.name not in still and not self.needs.isdisjoint(set(node.reads) - cut):
                self.needs.add(node.name)
        if Word.STALE not in self.habits:
            # A new graph: its intermediates have no gradients yet.
            self.buffers = {name: g for name, g in self.buffers.items() if name not in self.nodes}

    def _backward(self, of: str, cotangent: str, keep_graph: bool) -> None:
        like = self.now[of]
        if cotangent == "none":
            if np.size(like) != 1 and Word.ONES not in self.habits:
                raise Undefined
            seed = np.ones_like(like)
        else:
            seed = np.zeros_like(like) if cotangent == "zeros" else self.program.cotangent
        found = self._gradients(of, seed)
        self._store({name: g for name, g in found.items() if name in self.wanted or name in self.kept})

    def _grad(self, of: str, in_: list[str], as_: str, store: bool, keep: bool, keep_graph: bool) -> None:
        gradients = self._gradients(of, np.ones_like(self.now[of]))
        self.results |= {f"{as_}/{name}": gradients[name] for name in in_ if name in gradients}
        below = set(in_)
        for node in self.program.graph.nodes:
            if not below.isdisjoint(node.reads):
                below.add(node.name)
        between = (below & self.nodes) - set(in_)
        stored = (set(in_) if store else set()) | (between if keep else set())
        if Word.STORES in self.habits:
            stored |= {*in_} | self.kept | self.wanted
        self._store({name: g for name, g in gradients.items() if name in stored})

    def _keep(self, tensors: list[str]) -> None:
        self.kept.update(tensors)

    def _clear(self, tensors: list[str], to: str) -> None:
        for name in tensors if Word.UNCLEARED not in self.habits else ():
            if to == "none":
                self.buffers.pop(name, None)
            elif name in self.buffers:
                self.buffers[name] = np.zeros_like(self.buffers[name])

    def _fill(self, tensor: str, value: Any) -> None:
        self.buffers[tensor] = np.full_like(self.now[tensor], float(value))
        self.filled.add(tensor)

    def _set(self, tensor: str, value: Any) -> None:
        self._change(tensor, value)

    def _change(self, tensor: str, value: Any) -> None:
        like = self.now[tensor]
        self.now[tensor] = np.asarray(value, like.dtype).reshape(like.shape)
        if tensor in self.values:
            self.values[tensor] = self.now[tensor]

    # Gradients.

    def _gradients(self, of: str, seed: Array) -> dict[str, Array]:
        """The gradient of every tensor that needs one and has a path to the node `of`, whose own is `seed`."""
        gradients: dict[str, Array] = {of: seed} if of in self.needs else {}
        if Word.LEAKS in self.habits:
            filled = self.filled & self.nodes & self.buffers.keys()
            gradients |= {name: self.buffers[name] + gradients.get(name, 0) for name in filled}
        for node in reversed(self.program.graph.nodes):
            if node.name not in gradients:
                continue
            for name, gradient in contributions(node, self._vjp(node, gradients[node.name])):
                if name in self.needs and name not in self.cut:
                    gradients[name] = gradients[name] + gradient if name in gradients else gradient
        return gradients

    def _vjp(self, node: Node, dy: Array) -> tuple[Any, ...]:
        changed, operator = Word.REWRITTEN in self.habits, OPERATORS[node.op]
        if changed and self.way != "readers" and operator.has_from_output:
            return (dy * operator.run_from_output(self.now[node.name], node.attributes),)
        at = self.now if changed and self.way != "maker" else self.seen
        if self.shift is not None:
            at = {name: self.shift(array) for name, array in at.items()}
        return operator.run_vjp(dy, slots(node, at), node.attributes)

    def _store(self, gradients: Mapping[str, Array]) -> None:
        adds = Word.OVERWRITES not in self.habits
        for name, gradient in gradients.items():
            before = self.buffers.get(name) if adds else None
            self.buffers[name] = gradient if before is None else before + gradient


def _without_last(script: Sequence[Step], words: Collection[str]) -> Sequence[Step | None]:
    """The script with its last step of one of these words replaced by None, so that the places of the others stay."""
    last = max((i for i, step in enumerate(script) if step["do"] in words), default=-1)
    return tuple(None if i == last else step for i, step in enumerate(script))
