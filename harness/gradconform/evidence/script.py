"""A stand-alone program that shows one wrong element: it needs the framework and NumPy, and nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradconform import paths
from gradconform.contract import Problem
from gradconform.evidence.source import NoScript, Source, holder
from gradconform.graph import Node
from gradconform.rows import LIMIT, Row

Array = NDArray[Any]

NUMBERS = 20_000
"""Elements that are written out; a problem with more is kept on disk and shown by the command."""

# What adapters/<framework>/example.py defines; `buffer` and `own` only where the framework needs them.
HELPERS = ("leaf", "buffer", "own", "run", "value", "gradient")


class Compared(Protocol):
    """A tensor that was compared with what was expected of it."""

    @property
    def expected(self) -> Array:
        """The right numbers, in float64, of the tensor's shape."""

    @property
    def bound(self) -> Array:
        """The largest honest |error| of each element, of the tensor's shape."""


def script(problem: Problem, row: Row, seen: Compared, adapters: Path | None = None) -> str:
    """The text of the program that shows the worst element of a row.

    seen: the row's tensor, element by element.
    adapters: where the adapters' folders are.
    Raises NoScript.
    """
    values = {name: problem.value(name) for name in problem.graph.leaves}
    size = sum(array.size for array in values.values())
    if size > NUMBERS:
        raise NoScript(f"The problem has {size:,} numbers, too many to write out; the command keeps them on disk.")
    if not row.worst_index or not problem.nodes:
        raise NoScript("No single element shows it; the command keeps problem and capture.")
    home = (adapters or paths.adapters_folder()) / row.framework
    example = Source(home / "example.py")
    helpers = [name for name in HELPERS if name in example.defined]
    names = sorted({f"op_{node.op}" for node in problem.nodes})
    taken = [part for name in names for part in holder(home, name).needed([name])] + example.needed(helpers)
    imports = dict.fromkeys(["import numpy as np", *(text for text, is_import in taken if is_import)])
    code = dict.fromkeys(text for text, is_import in taken if not is_import)
    parts = [
        _head(problem, row),
        "\n".join(sorted(imports)),
        "\n\n\n".join(["", *code, ""]).strip("\n"),
        "\n".join(_given(problem, values, "buffer" in helpers)),
        "\n".join(_nodes(problem, "own" in helpers)),
        _end(problem, row, seen),
    ]
    return "\n\n".join(parts) + "\n"


def _head(problem: Problem, row: Row) -> str:
    about = " ".join(str(problem.document.get("about", "")).replace("\\", "/").replace('"', "'").split())
    return (
        f'"""{row.tensor} of {row.spec} in {row.framework} {row.version}, {row.dtype}.\n\n{about}\n\n'
        "Needs the framework and NumPy. Ends with status 1 where the element diverges, else with 0.\n"
        f"The operators are those that gradconform's adapter for {row.framework} calls.\n"
        '"""'
    )


def _literal(array: Array) -> str:
    """An array as text that reads back to the same bits."""
    with np.printoptions(threshold=2**31, linewidth=110, floatmode="unique"):
        numbers = np.array2string(array, separator=", ")
    special = {"nan": "np.nan", "inf": "np.inf"}
    for word, name in special.items():
        numbers = numbers.replace(word, name)
    return f"np.array({numbers}, np.{array.dtype})"


def _given(problem: Problem, values: Mapping[str, Array], buffers: bool) -> Iterator[str]:
    """The lines that make the leaves: inputs, parameters and buffers."""
    yield "t = {}"
    for name, array in values.items():
        leaf = problem.graph.leaves[name]
        text = _literal(array) if array.size else f"np.zeros({list(leaf.shape)}, np.{array.dtype})"
        made = f"buffer({text})" if leaf.role == "buffer" and buffers else f"leaf({text}, {leaf.grad})"
        yield f"t[{name!r}] = {made}"


def _nodes(problem: Problem, own: bool) -> Iterator[str]:
    """The lines that apply the nodes, one for each."""
    for node in problem.nodes:
        call = _call(node)
        reads = ", ".join(f"t[{name!r}]" for name in dict.fromkeys(node.reads))
        if own and len(node.outputs) == 1:
            call = f"own({call}, {reads})"
        yield f"{', '.join(f't[{output.name!r}]' for output in node.outputs)} = {call}"


def _call(node: Node) -> str:
    def tensor(name: Any) -> str:
        if isinstance(name, tuple):
            return f"[{', '.join(map(tensor, name))}]"
        return "None" if name is None else f"t[{name!r}]"

    given = [tensor(name) for name in node.tensors.values()]
    given += [f"{name}={value!r}" for name, value in node.attributes.items()]
    return f"op_{node.op}({', '.join(given)})"


def _end(problem: Problem, row: Row, seen: Compared) -> str:
    """The end of the program: backward, and the one element against what was expected of it."""
    kind, _, name = row.tensor.partition("/")
    index = tuple(int(part) for part in row.worst_index.strip("[]").split(",") if part.strip())
    read = "value" if kind == "output" else "gradient"
    expected, bound = float(seen.expected[index]), float(seen.bound[index])
    dtype = row.dtype
    return f"""run(t, {problem.output!r}, {_literal(problem.cotangent)})

# expected: this element by a reference in float64, from the tensors that the framework had computed around it.
# bound: the largest rounding error that an honest computation in {dtype} may make of it.
got = float({read}(t[{name!r}])[{index!r}])
expected = {_float(expected)}
bound = {_float(bound)}
error = abs(got - expected)
print({row.tensor + " at " + str(list(index))!r})
print("got     ", got)
print("expected", expected)
print("error   ", error, "against a bound of", bound)
wrong = not error <= {LIMIT:g} * bound
print("diverges" if wrong else "conforms")
raise SystemExit(1 if wrong else 0)"""


def _float(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'
