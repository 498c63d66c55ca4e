"""The conditions under which operators are looked at, as specs/atlas/ has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from gradconform import paths
from gradconform.contract import explained
from gradconform.reference import OPERATORS, Operator
from gradconform.spec import Network, SpecError
from gradconform.spec.build import Builder
from gradconform.spec.errors import Mistakes
from gradconform.spec.form import About, Flag, Form, NetworkFile, Text
from gradconform.spec.salvage import read_form
from gradconform.spec.tensors import MOST_ELEMENTS
from gradconform.spec.text import Item, plain, read

FOLDER = "atlas"

AForm = TypeVar("AForm", bound=Form)


class _Entry(Form):
    """A condition as it is written, without the tensors and attributes of its operator."""

    at: About
    dtype: Text = "float32"
    signed: Flag = False
    calls: dict[str, Text] = {}
    right: dict[str, Any] = {}
    refused: Flag = False
    alone: Flag = False


_OWN = tuple(_Entry.model_fields)


@dataclass(frozen=True)
class Condition:
    """One operator at one of its edges, with every number written out.

    name: `<operator>.<key>`.
    family: the stem of the file it stands in.
    at: the condition in words.
    network: one node, and leaves with literal numbers.
    dtype: the dtype under test.
    signed: whether -0 and 0 are told apart.
    calls: framework -> the expression that is looked at instead of the adapter's own; where there are any, other
    frameworks are not looked at.
    right: `output` or `grad/x` -> what is right by the limit, where the reference's formula is 0 times infinity.
    refused: whether an error is right, since the arguments have no meaning.
    alone: whether it runs in a process of its own, since it may spoil memory.
    """

    name: str
    family: str
    at: str
    network: Network
    dtype: str
    signed: bool
    calls: Mapping[str, str]
    right: Mapping[str, Any]
    refused: bool
    alone: bool

    @property
    def operator(self) -> str:
        """The name of the operator."""
        return self.network.nodes[0].op


class _File(Form):
    """A file of conditions."""

    about: About
    operators: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]


def load(folder: Path | None = None) -> tuple[Condition, ...]:
    """Every condition of the `*.yaml` files of a folder, specs/atlas by default. Raises SpecError."""
    folder = folder or paths.specs_folder() / FOLDER
    return tuple(condition for path in sorted(folder.glob("*.yaml")) for condition in _of_file(path))


def read_file(path: Path, kind: type[AForm], mistakes: Mistakes) -> tuple[Item, AForm]:
    """What a file of the atlas holds, with lines and as a form of its kind. Raises SpecError where it is none."""
    root = read(path, mistakes)
    try:
        return root, kind.model_validate(plain(root))
    except ValidationError as error:
        mistakes.add(root.line, explained(error))
        mistakes.stop()
        raise


def _of_file(path: Path) -> Iterator[Condition]:
    mistakes = Mistakes(path)
    root, form = read_file(path, _File, mistakes)
    for op in form.operators:
        written = root.value["operators"].value[op]
        if op not in OPERATORS:
            mistakes.add(written.key_line, f"there is no operator {op!r}")
            continue
        for key, item in written.value.items():
            yield from _condition(path, OPERATORS[op], key, item, mistakes)
    mistakes.stop()


def _condition(path: Path, op: Operator, key: str, item: Item, mistakes: Mistakes) -> Iterator[Condition]:
    try:
        entry = _Entry.model_validate({k: plain(item.value[k]) for k in _OWN if k in item.value})
    except ValidationError as error:
        mistakes.add(item.key_line, explained(error))
        return
    try:
        whole = _network(op, item, entry.dtype)
        form, dropped = read_form(NetworkFile, whole, mistakes)
        builder = Builder(path, mistakes, MOST_ELEMENTS)
        network = builder.network(form, whole, dropped, grad=True, name=f"{op.name}.{key}")
    except SpecError:
        return
    yield Condition(name=network.name, family=path.stem, network=network, **dict(entry))


def _network(op: Operator, item: Item, dtype: str) -> Item:
    """A condition, written as the network file of one node that it stands for."""

    def at(value: Any) -> Item:
        return Item(value, item.line, item.key_line)

    inputs, parameters, node = dict[str, Item](), dict[str, Item](), {"op": at(op.name)}
    # Of ones, so that what is read is the derivative itself; where that would be zero the condition has another.
    cotangent = at({"value": at(1.0)})
    for key, value in item.value.items():
        if key == "cotangent":
            cotangent = at({"value": value})
        elif key == op.variadic:
            names = [f"{key}_{i}" for i in range(len(value.value))]
            inputs.update({name: _literal(each) for name, each in zip(names, value.value, strict=True)})
            node[key] = at([at(name) for name in names])
        elif key in (*op.parameters, *op.buffers) and not isinstance(value.value, bool):
            parameters[f"{op.name}.{key}"] = at({"value": value})
        elif key in op.tensors and not isinstance(value.value, bool):
            inputs[key], node[key] = _literal(value), at(key)
        elif key not in _OWN:
            node[key] = value
    return at(
        {
            "about": item.value["at"],
            "dtypes": at([at(dtype)]),
            "inputs": at(inputs),
            "parameters": at(parameters),
            "nodes": at({op.name: at(node)}),
            "cotangent": cotangent,
        }
    )


def _literal(item: Item) -> Item:
    """An input as specs declare it: a literal gets its shape."""
    fields = dict(item.value) if isinstance(item.value, dict) else {"value": item}
    if "shape" not in fields and "value" in fields:
        fields["shape"] = Item([Item(n, item.line) for n in _shape(fields["value"])], item.line)
    return Item(fields, item.line, item.key_line)


def _shape(item: Item) -> tuple[int, ...]:
    """The shape of nested lists, by their first elements."""
    if not isinstance(item.value, list) or not item.value:
        return ()
    return (len(item.value), *_shape(item.value[0]))
