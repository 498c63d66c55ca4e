"""A program of a few lines that shows what one framework makes of one condition: it needs that framework and NumPy."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gradconform import paths
from gradconform.atlas.conditions import Condition
from gradconform.atlas.inline import NotInline, inlined
from gradconform.draw.problem import drawn_numbers
from gradconform.evidence.source import NoScript, Source, holder, read_all
from gradconform.graph import Node

MOST_LINES = 15
"""So long may a program be."""

# What adapters/<framework>/lines.py must define, and what it may.
_WORDS = ("IMPORTS", "LEAF", "BACKWARD", "ONES", "VALUE", "GRADIENT")
_MORE = {"BUFFER": "", "FORWARD": "", "CLEAR": ""}


def program(condition: Condition, framework: str, adapters: Path | None = None) -> str:
    """The program that prints `output` and each gradient of a condition, one in a line, as lists of numbers.

    adapters: where the adapters' folders are.
    Raises NoScript where the framework has no such operator, or its adapter no lines.py.
    """
    home = (adapters or paths.adapters_folder()) / framework
    words = _words(home)
    _check_dtype(home, condition.dtype)
    graph = condition.network.graph(condition.dtype)
    numbers = drawn_numbers(condition.network, condition.dtype, condition.network.seed)
    (node,) = graph.nodes
    wanted = [short(name) for name in node.reads if name in graph.differentiable]
    defined, body = _computed(condition, node, home, words["IMPORTS"])
    head = [f'"""{condition.name} in {framework}: {_plain(condition.at)}"""', "import numpy as np", *defined]
    leaves, shown = [], [f'print("output", {words["VALUE"].format(tensor=OUTPUT)})']
    for name, leaf in graph.leaves.items():
        form = words["BUFFER"] if leaf.role == "buffer" and words["BUFFER"] else words["LEAF"]
        made = form.format(array=literal(numbers[f"value/{name}"]), grad=leaf.grad)
        leaves.append(f"{short(name)} = {made}")
    shown += [f'print("grad/{name}", {words["GRADIENT"].format(tensor=name)})' for name in wanted]
    body += _way_back(words, wanted, numbers[f"cotangent/{condition.network.output}"])
    for each in (shown, leaves):
        if "\n".join([*head, *leaves, *body, *shown]).count("\n") >= MOST_LINES:
            each[:] = ["; ".join(each)]
    return "\n".join([*head, *leaves, *body, *shown]) + "\n"


OUTPUT = "out"
"""The variable that holds the output; no slot is called so."""


def short(name: str) -> str:
    """The variable of a leaf: a parameter is called by its slot."""
    return name.rpartition(".")[2]


def _way_back(words: Mapping[str, Any], wanted: list[str], cotangent: NDArray[Any]) -> Iterator[str]:
    steps = [words["FORWARD"].format(output=OUTPUT)] if words["FORWARD"] else []
    if wanted:
        steps += [words["CLEAR"].format(tensor=name) for name in wanted if words["CLEAR"]]
        # Ones of whatever shape the output has, which need not be the one that is expected.
        backward = words["ONES"] if (cotangent == 1).all() else words["BACKWARD"]
        steps.append(backward.format(output=OUTPUT, cotangent=literal(cotangent)))
    if steps:
        yield "; ".join(steps)


def _computed(condition: Condition, node: Node, home: Path, imports: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(imports and definitions, the lines that compute the output) of a program. Raises NoScript."""
    if condition.calls:
        if home.name not in condition.calls:
            raise NoScript(f"{condition.name} is not looked at in {home.name}.")
        return [*imports], [f"{OUTPUT} = {condition.calls[home.name]}"]
    name = f"op_{node.op}"
    source = holder(home, name, _files(home))
    if f"{name}.composed = " in source.text:
        raise NoScript(f"{home.name} has no {node.op} of its own.")
    function = source.defined[name]
    assert isinstance(function, ast.FunctionDef)
    tensors = {slot: _tensor(read) for slot, read in node.tensors.items()}
    try:
        body, used = inlined(function, tensors, node.attributes)
        needed = [u for u in used if u in source.defined]
        result = [*body[:-1], f"{OUTPUT} = {body[-1]}"]
    except NotInline:
        needed = [name]
        given = [*tensors.values(), *(f"{key}={value!r}" for key, value in node.attributes.items())]
        result = [f"{OUTPUT} = {name}({', '.join(given)})"]
    if len(node.outputs) > 1:
        result.append(f"{OUTPUT} = {OUTPUT}[0]")
    taken = source.needed(needed)
    kept = [text for text, is_import in taken if is_import and text not in imports and text != "import numpy as np"]
    return [*imports, *kept, *(_terse(text) for text, is_import in taken if not is_import)], result


@cache
def _files(home: Path) -> tuple[Source, ...]:
    return tuple(read_all(home))


def _terse(text: str) -> str:
    """A definition without comments, empty lines and docstrings."""
    tree = ast.parse(text)
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef) and ast.get_docstring(each) is not None:
            each.body = each.body[1:]
    return "\n".join(line for line in ast.unparse(tree).splitlines() if line.strip())


def _tensor(name: Any) -> str:
    if isinstance(name, tuple):
        return f"[{', '.join(map(_tensor, name))}]"
    return "None" if name is None else short(name)


def _words(home: Path) -> dict[str, Any]:
    """What an adapter's lines.py says, read and not imported. Raises NoScript."""
    source = Source(home / "lines.py")
    found: dict[str, Any] = {}
    for word in (*_WORDS, *_MORE):
        statement = source.defined.get(word)
        if isinstance(statement, ast.Assign):
            found[word] = ast.literal_eval(statement.value)
        elif word in _MORE:
            found[word] = _MORE[word]
        else:
            raise NoScript(f"{home.name}/lines.py has no {word}.")
    return found


def _check_dtype(home: Path, dtype: str) -> None:
    """Raises NoScript where the framework does not compute in a dtype, as its adapter says."""
    statement = Source(home / "adapter.py").defined.get("DTYPES")
    if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict)):
        return
    for key, value in zip(statement.value.keys, statement.value.values, strict=True):
        # Others may be worked out, such as one that has a reason for each operator.
        why = value.value if isinstance(value, ast.Constant) else None
        if isinstance(key, ast.Constant) and key.value == dtype and isinstance(why, str):
            raise NoScript(f"{home.name} has no {dtype}: {why}")


def literal(array: NDArray[Any]) -> str:
    """An array as text that reads back to the same bits."""
    numbers = repr(_shortest(array)).replace("nan", "np.nan").replace("inf", "np.inf")
    return f'np.array({numbers}, "{array.dtype}")'


def _shortest(array: NDArray[Any]) -> Any:
    """Nested lists of the shortest numbers that read back to the same bits in the array's dtype."""
    if array.ndim:
        return [_shortest(part) for part in array]
    return int(array) if array.dtype.kind in "iu" else float(str(array))


def _plain(text: str) -> str:
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
