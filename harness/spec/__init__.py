"""Specs: YAML files that describe networks, read into validated `Network`s with every shape inferred."""

from __future__ import annotations

from pathlib import Path

from harness.spec.behaviours import MOST_OF_BEHAVIOUR, behaviour_networks
from harness.spec.build import Builder
from harness.spec.cases import case_networks
from harness.spec.errors import Problem, Problems, SpecError, show
from harness.spec.form import BehaviourFile, NetworkFile, OperatorFile
from harness.spec.model import Network, Node, Output, Tensor, Where
from harness.spec.salvage import read_form
from harness.spec.tensors import MOST_ELEMENTS
from harness.spec.text import Item, read

__all__ = ["Network", "Node", "Output", "Problem", "SpecError", "Tensor", "Where", "load"]


def load(path: str | Path, *, most_elements: int = MOST_ELEMENTS) -> tuple[Network, ...]:
    """The networks of a file: one of a network file, one for each case or behaviour otherwise.

    most_elements: how many elements all tensors of a network may have together. Raises SpecError, which holds
    every problem of the file, and nothing else, whatever the file contains.
    """
    path = Path(path)
    problems = Problems(path)
    root = read(path, problems)
    if not isinstance(root.value, dict):
        problems.add(
            root.line, "the file does not hold a mapping", "expected `about`, `inputs`, `nodes`, ..."
        )
        problems.stop()
    try:
        networks = _networks(path, root, problems, most_elements)
    except SpecError:
        networks = ()
    _note_empty_values(root, problems, {problem.where.line for problem in problems.found})
    problems.stop()
    return networks


def _networks(path: Path, root: Item, problems: Problems, most_elements: int) -> tuple[Network, ...]:
    builder = Builder(path, problems, most_elements)
    if "operator" in root.value:
        operator_form, _ = read_form(OperatorFile, root, problems)
        return tuple(case_networks(operator_form, root, builder, problems))
    if "behaviours" in root.value:
        behaviours, _ = read_form(BehaviourFile, root, problems)
        builder = Builder(path, problems, min(most_elements, MOST_OF_BEHAVIOUR))
        return tuple(behaviour_networks(behaviours, root, builder, problems))
    form, dropped = read_form(NetworkFile, root, problems)
    return (builder.network(form, root, dropped),)


def _note_empty_values(item: Item, problems: Problems, told: set[int], name: str = "") -> None:
    """Nothing in the language may be left empty; lines with a problem already have said so."""
    if isinstance(item.value, dict):
        for key, inner in item.value.items():
            _note_empty_values(inner, problems, told, key)
    elif isinstance(item.value, list):
        for inner in item.value:
            _note_empty_values(inner, problems, told, name)
    elif item.value is None and item.line not in told:
        problems.add(item.line, f"{show(name)} is empty; expected a value")
