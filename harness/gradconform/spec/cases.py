"""An operator's file: each case, and each of a grid, becomes a network of one node and what joins its results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from gradconform.errors import nearest
from gradconform.reference import OPERATORS, Operator
from gradconform.spec.build import Builder
from gradconform.spec.errors import Mistakes, SpecError, show
from gradconform.spec.form import FILE_NAME, NetworkFile, OperatorFile
from gradconform.spec.grid import cases_of
from gradconform.spec.model import Network
from gradconform.spec.salvage import read_form
from gradconform.spec.text import Item

_OWN = ("exact", "cotangent")


def case_networks(form: OperatorFile, item: Item, builder: Builder, mistakes: Mistakes) -> Iterator[Network]:
    """One network for each case of an operator's file, grids written out. Notes what is wrong with any of them."""
    line = item.value["operator"].line
    op = OPERATORS.get(form.operator)
    if op is None:
        mistakes.add(line, f"there is no operator {show(form.operator)}", nearest(form.operator, OPERATORS))
        return
    names: set[str] = set()
    for key, case in item.value["cases"].value.items():
        if not re.fullmatch(FILE_NAME, key):
            hint = "use letters, digits, `_`, `.` and `-`"
            mistakes.add(case.key_line, f"case {show(key)} is not a name", hint)
        if key not in form.cases:
            continue
        for name, one in cases_of(key, case, mistakes):
            if name in names:
                mistakes.add(case.key_line, f"case {show(name)} is made twice", "rename one of them")
            names.add(name)
            try:
                network = _network_item(op, item, one)
                made = _network(builder, network, mistakes, f"{op.name}.{name}")
                if op.several:
                    results = [output.name for output in made.nodes[0].results]
                    made = _network(builder, _joined(network, results), mistakes, made.name)
                yield made
            except SpecError:
                # It is in `mistakes`, and the other cases are to be looked at as well.
                if mistakes.full:
                    raise


def _network(builder: Builder, item: Item, mistakes: Mistakes, name: str) -> Network:
    inner, dropped = read_form(NetworkFile, item, mistakes)
    return builder.network(inner, item, dropped, grad=True, name=name)


def _joined(network: Item, results: Sequence[str]) -> Item:
    """The network with all results of its node laid end to end, so that a gradient arrives at each: nothing rounds."""
    nodes = dict(network.value["nodes"].value)
    flat = {f"flat{i}": {"op": "flatten", "x": name, "start_dim": 0} for i, name in enumerate(results)}
    join = {"op": "cat", "xs": list(flat), "dim": 0}
    nodes |= {name: _written(fields, network) for name, fields in {**flat, "joined": join}.items()}
    return _at({**network.value, "nodes": _at(nodes, network)}, network)


def _written(value: Any, like: Item) -> Item:
    """Plain values as they would be read from a file."""
    if isinstance(value, dict):
        value = {key: _written(inner, like) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_written(inner, like) for inner in value]
    return _at(value, like)


def _network_item(op: Operator, item: Item, case: Item) -> Item:
    """The case, written as the network file that it stands for."""
    inputs: dict[str, Item] = {}
    node = {"op": item.value["operator"]}
    for key, value in case.value.items():
        if key in _OWN:
            continue
        if key == op.variadic and isinstance(value.value, list):
            names = [f"{key}_{i}" for i in range(len(value.value))]
            inputs.update({n: _at(v.value, v) for n, v in zip(names, value.value, strict=True)})
            node[key] = _at([_at(n, value) for n in names], value)
        elif key in op.tensors and isinstance(value.value, dict):
            inputs[key] = value
            node[key] = _at(key, value)
        else:
            node[key] = value
    whole = {key: item.value[key] for key in ("about", "seed", "dtypes") if key in item.value}
    whole["inputs"] = _at(inputs, case)
    whole["nodes"] = _at({op.name: _at(node, case)}, case)
    if "exact" in case.value:
        whole["values"] = _at(_variants(case.value["exact"]), case.value["exact"])
    if "cotangent" in case.value:
        whole["cotangent"] = case.value["cotangent"]
    return _at(whole, case)


def _variants(exact: Item) -> Any:
    if not isinstance(exact.value, bool):
        return exact.value
    return [_at(value, exact) for value in (["drawn", "exact"] if exact.value else ["drawn"])]


def _at(value: Any, like: Item) -> Item:
    return Item(value, like.line, like.key_line)
