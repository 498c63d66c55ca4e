"""Where a network branches: the reference's forward, and what each of its operators chooses on the way.

A ReLU, a maximum or a pooling window chooses (`Operator.choices`). Between two points at which every choice is the same
the function is smooth; where one differs there is a kink between them, and the node that chose is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.contract import Problem
from gradconform.reference import OPERATORS
from gradconform.reference.network import slots

Array = NDArray[Any]
Choices = Mapping[str, Array]


@dataclass(frozen=True)
class Forward:
    """One forward of the reference.

    values: every tensor, by name.
    choices: what each node with kinks chose, by the node's name.
    """

    values: Mapping[str, Any]
    choices: Choices


def forward(problem: Problem, given: Mapping[str, Any], base: Forward | None = None) -> Forward:
    """Run every node, or with a base only those that read something that differs from it.

    given: inputs, parameters and buffers; with a base only those that differ.
    """
    values = {**(base.values if base else {}), **given}
    choices: dict[str, Array] = dict(base.choices) if base else {}
    stale = set(given)
    with np.errstate(all="ignore"):
        for node in problem.nodes:
            if base is None or not stale.isdisjoint(node.reads):
                operator, tensors = OPERATORS[node.op], slots(node, values)
                results = operator.run_forward(tensors, node.attributes)
                if not operator.smooth:
                    choices[node.name] = np.asarray(operator.run_choices(tensors, node.attributes))
                names = [output.name for output in node.outputs]
                values.update(zip(names, map(np.asarray, results), strict=True))
                stale.update(names)
    return Forward(values, choices)


def flips(one: Choices, other: Choices) -> dict[str, int]:
    """How many choices of each node differ between two forwards, by the node's name; only nodes where some do."""
    counts = {
        name: int(np.count_nonzero(chosen != other[name])) for name, chosen in one.items() if other[name] is not chosen
    }
    return {name: count for name, count in counts.items() if count}
