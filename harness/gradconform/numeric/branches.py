"""Where a network branches: the reference's forward, noting the outcome of every comparison.

A ReLU, a maximum or a pooling window chooses. Between two points at which every choice is the same the function is
smooth; where one differs there is a kink between them, and the node that chose is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.graph import Node
from gradconform.reference import OPERATORS
from gradconform.reference.network import slots

Array = NDArray[Any]
Choices = Mapping[str, list[Array]]

# Their code chooses, so that nothing overflows, but what they compute has no kink.
SMOOTH = frozenset({
    "softplus", "softmax", "log_softmax", "cross_entropy", "binary_cross_entropy_with_logits",
})  # fmt: skip
_COMPARISONS = {np.greater, np.less, np.greater_equal, np.less_equal, np.equal, np.not_equal}


class Branching(np.ndarray[Any, Any]):
    """An array of floats that appends the outcome of each comparison to `notes`."""

    notes: list[Array]

    def __array_finalize__(self, made_from: Any) -> None:
        """NumPy's way of making views; the notes are shared."""
        self.notes = getattr(made_from, "notes", [])

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        """Compute on plain arrays, and note what was chosen."""
        plain = [_plain(o) for o in operands]
        options = {name: _plain(o) for name, o in options.items()}
        result = getattr(ufunc, method)(*plain, **options)
        if method == "__call__":
            if ufunc in _COMPARISONS:
                self.notes.append(np.asarray(result))
            elif ufunc in (np.maximum, np.minimum):
                self.notes.append(np.asarray(np.greater(*plain)))
            elif ufunc in (np.absolute, np.sign):
                self.notes.append(np.asarray(plain[0] > 0))
        return self._like(result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Everything that is no ufunc moves or sums; of these only argmax and argsort choose."""
        result = function(*_plain(args), **_plain(kwargs))
        if function in (np.argmax, np.argsort):
            self.notes.append(np.asarray(result))
        return self._like(result)

    def _like(self, result: Any) -> Any:
        array = np.asarray(result)
        return noting(array, self.notes) if array.dtype.kind == "f" else result


def _plain(value: Any) -> Any:
    """Without this class, in nested arguments too."""
    if isinstance(value, Branching):
        return value.view(np.ndarray)
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return {name: _plain(v) for name, v in value.items()} if isinstance(value, dict) else value


def noting(array: Array, notes: list[Array]) -> Branching:
    """A view of an array that notes what is chosen by it."""
    view = array.view(Branching)
    view.notes = notes
    return view


@dataclass(frozen=True)
class Forward:
    """One forward of the reference. values: every tensor; choices: node -> what it chose, in order."""

    values: Mapping[str, Any]
    choices: Choices


def forward(problem: Problem, given: Mapping[str, Any], base: Forward | None = None) -> Forward:
    """Run every node, or with a base only those that read something that differs from it.

    given: inputs, parameters and buffers; with a base only those that differ.
    """
    values = {**(base.values if base else {}), **given}
    choices: dict[str, list[Array]] = dict(base.choices) if base else {}
    stale = set(given)
    with np.errstate(all="ignore"):
        for node in problem.nodes:
            if base is None or not stale.isdisjoint(node.reads):
                results, choices[node.name] = _applied(node, values)
                names = [name for name, _ in node.outputs]
                values.update(zip(names, results, strict=True))
                stale.update(names)
    return Forward(values, choices)


def _applied(node: Node, values: Mapping[str, Any]) -> tuple[list[Array], list[Array]]:
    """What a node gives, and what it chose."""
    operator, notes = OPERATORS[node.op], list[Array]()
    if node.op == "max_pool2d":
        # How many windows each element wins; most comparisons on the way to the winner choose nothing in the end.
        results = operator.run_forward(slots(node, values), node.attributes)
        notes.append(operator.run_vjp(np.ones(node.outputs[0][1]), slots(node, values), node.attributes)[0])
    elif node.op in SMOOTH:
        results = operator.run_forward(slots(node, values), node.attributes)
    else:
        results = operator.run_forward(slots(node, lambda name: _watched(values[name], notes)), node.attributes)
    return [np.asarray(_plain(result)) for result in results], notes


def _watched(value: Any, notes: list[Array]) -> Any:
    return noting(value, notes) if value.dtype.kind == "f" else value


def flips(one: Choices, other: Choices) -> dict[str, int]:
    """node -> how many of its choices differ between two forwards; only nodes where some do."""
    found = {}
    for name, chosen in one.items():
        if other[name] is not chosen:
            count = sum(int(np.count_nonzero(a != b)) for a, b in zip(chosen, other[name], strict=True))
            if count:
                found[name] = count
    return found
