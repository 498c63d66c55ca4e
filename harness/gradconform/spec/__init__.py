"""Specs: YAML files that describe networks, read into validated `Network`s with every shape inferred."""

from __future__ import annotations

from pathlib import Path

from gradconform.spec.behaviours import MOST_OF_BEHAVIOUR, behaviour_networks
from gradconform.spec.build import Builder
from gradconform.spec.cases import case_networks
from gradconform.spec.errors import Mistake, Mistakes, SpecError, show
from gradconform.spec.form import BehaviourFile, NetworkFile, OperatorFile
from gradconform.spec.model import Network, Tensor, Where
from gradconform.spec.salvage import read_form
from gradconform.spec.tensors import MOST_ELEMENTS
from gradconform.spec.text import Item, read

__all__ = ["Mistake", "Network", "SpecError", "Tensor", "Where", "load"]


def load(path: str | Path, *, most_elements: int = MOST_ELEMENTS) -> tuple[Network, ...]:
    """The networks of a file: one of a network file, one for each case or behaviour otherwise.

    most_elements: how many elements all tensors of a network may have together. Raises SpecError, which holds
    every mistake of the file, and nothing else, whatever the file contains.
    """
    path = Path(path)
    mistakes = Mistakes(path)
    root = read(path, mistakes)
    if not isinstance(root.value, dict):
        mistakes.add(root.line, "the file does not hold a mapping", "expected `about`, `inputs`, `nodes`, ...")
        mistakes.stop()
    try:
        networks = _networks(path, root, mistakes, most_elements)
    except SpecError:
        networks = ()
    _note_empty_values(root, mistakes, {mistake.where.line for mistake in mistakes.found})
    mistakes.stop()
    return networks


def _networks(path: Path, root: Item, mistakes: Mistakes, most_elements: int) -> tuple[Network, ...]:
    builder = Builder(path, mistakes, most_elements)
    if "operator" in root.value:
        operator_form, _ = read_form(OperatorFile, root, mistakes)
        return tuple(case_networks(operator_form, root, builder, mistakes))
    if "behaviours" in root.value:
        behaviours, _ = read_form(BehaviourFile, root, mistakes)
        builder = Builder(path, mistakes, min(most_elements, MOST_OF_BEHAVIOUR))
        return tuple(behaviour_networks(behaviours, root, builder, mistakes))
    form, dropped = read_form(NetworkFile, root, mistakes)
    return (builder.network(form, root, dropped),)


def _note_empty_values(item: Item, mistakes: Mistakes, told: set[int], name: str = "") -> None:
    """Nothing in the language may be left empty; lines with a mistake already have said so."""
    if isinstance(item.value, dict):
        for key, inner in item.value.items():
            _note_empty_values(inner, mistakes, told, key)
    elif isinstance(item.value, list):
        for inner in item.value:
            _note_empty_values(inner, mistakes, told, name)
    elif item.value is None and item.line not in told:
        mistakes.add(item.line, f"{show(name)} is empty; expected a value")
