"""The source of an adapter's file, of which parts are taken over into programs that stand alone."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path


class NoScript(Exception):  # noqa: N818 - an answer, which the page shows in the script's place
    """There is no script for a row; the message says why, to a person."""


def holder(home: Path, name: str, among: Iterable[Source] | None = None) -> Source:
    """The file of an adapter that defines an operator's function, such as `op_relu`. Raises NoScript.

    home: the adapter's folder.
    among: its files, where they have been read before.
    """
    # Where a file takes an operator over from another, that other one defines it.
    files = read_all(home) if among is None else among
    holders = [file for file in files if isinstance(file.defined.get(name), ast.FunctionDef | ast.Assign)]
    if not holders:
        raise NoScript(f"{home.name} has no {name}; the command shows it.")
    return holders[0]


def read_all(home: Path) -> list[Source]:
    """The files of an adapter that may define operators."""
    return [Source(path) for path in [*sorted(home.glob("operators/*.py")), home / "adapter.py"] if path.is_file()]


class Source:
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
        beside = Source(self.path.parent.joinpath(*statement.module.split(".")).with_suffix(".py"))
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
