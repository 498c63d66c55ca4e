"""A stand-alone program that shows one wrong element: it needs the framework and NumPy, and nothing of ours."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gradconform import paths
from gradconform.contract import Problem
from gradconform.graph import Node
from gradconform.rows import LIMIT, Row

Array = NDArray[Any]

NUMBERS = 20_000
"""Elements that are written out; a problem with more is kept on disk and shown by the command."""

# What adapters/<framework>/example.py defines; `buffer` and `own` only where the framework needs them.
HELPERS = ("leaf", "buffer", "own", "run", "value", "gradient")


class NoScript(Exception):  # noqa: N818 - an answer, which the page shows in the script's place
    """There is no script for a row; the message says why, to a person."""


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
    example = _Source(home / "example.py")
    helpers = [name for name in HELPERS if name in example.defined]
    taken = [*_operators(home, sorted({f"op_{node.op}" for node in problem.nodes})), *example.needed(helpers)]
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


def _operators(home: Path, names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """What defines operators, each in the file of its family or in adapter.py. Raises NoScript."""
    files = [_Source(path) for path in [*sorted(home.glob("operators/*.py")), home / "adapter.py"] if path.is_file()]
    for name in names:
        # Where a file takes an operator over from another, that other one defines it.
        holders = [file for file in files if isinstance(file.defined.get(name), ast.FunctionDef | ast.Assign)]
        if not holders:
            raise NoScript(f"{home.name} has no {name}; the command shows it.")
        yield from holders[0].needed([name])


class _Source:
    """A file of an adapter, of which parts are taken over as they stand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise NoScript(
                f"The adapter {path.parent.name} has no {path.name} to make a script from; "
                "the command keeps problem and capture."
            ) from error
        self.defined: dict[str, ast.stmt] = {}
        for statement in ast.parse(self.text).body:
            self.defined.update(dict.fromkeys(_names(statement), statement))

    def needed(self, names: Iterable[str]) -> list[tuple[str, bool]]:
        """(text, whether it is an import) of what defines these names and all that it uses, in the file's order."""
        left, used, statements = list(names), set(names), dict[int, ast.stmt]()
        elsewhere: list[tuple[str, bool]] = []
        for name in left:
            if name not in self.defined:
                raise NoScript(f"{self.path.parent.name}/{self.path.name} has no {name}; the command shows it.")
        while left:
            statement = self.defined.get(left.pop())
            if statement is None or statement.lineno in statements:
                continue
            if isinstance(statement, ast.ImportFrom) and statement.level:
                elsewhere += self._followed(statement, used)
                continue
            statements[statement.lineno] = statement
            more = [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
            left += more
            used.update(more)
        lines = self.text.splitlines()
        return elsewhere + [
            ("\n".join(lines[_first(s) - 1 : s.end_lineno]), isinstance(s, (ast.Import, ast.ImportFrom)))
            for _, s in sorted(statements.items())
        ]

    def _followed(self, statement: ast.ImportFrom, used: Collection[str]) -> list[tuple[str, bool]]:
        """What an import such as `from .shape import own` brings, taken from the file beside this one.

        Raises NoScript.
        """
        if statement.level > 1 or not statement.module or any(alias.asname for alias in statement.names):
            raise NoScript("An operator uses a file elsewhere in the adapter; the command keeps problem and capture.")
        beside = _Source(self.path.parent.joinpath(*statement.module.split(".")).with_suffix(".py"))
        return beside.needed([alias.name for alias in statement.names if alias.name in used])


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module defines."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign):
        nodes = [node for target in statement.targets for node in ast.walk(target)]
        # Not `op_gelu.composed = ...`, which reads the name.
        yield from (node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _first(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


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
