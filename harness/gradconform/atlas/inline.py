"""A function of an adapter written out for given attributes: what it calls, without its tests of what is asked."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence
from typing import Any


class NotInline(Exception):  # noqa: N818 - an answer: the function is called as it stands
    """A function does more than call another one, or decides by what only its tensors know."""


_SAFE = {"bool": bool, "float": float, "int": int, "list": list, "tuple": tuple, "any": any, "all": all, "len": len}


def inlined(
    function: ast.FunctionDef, tensors: Mapping[str, str], attributes: Mapping[str, Any]
) -> tuple[list[str], list[str]]:
    """The statements of a function for given arguments, the last one the expression that it returns; the names in it.

    tensors: slot -> the expression that stands for it. attributes: by name.
    Raises NotInline.
    """
    positional = [argument.arg for argument in function.args.args]
    given = dict(zip(positional, tensors.values(), strict=False))
    if len(given) != len(tensors):
        raise NotInline
    values = {name: ast.parse(text, mode="eval").body for name, text in given.items()}
    values |= {a.arg: constant(attributes[a.arg]) for a in function.args.kwonlyargs}
    statements = _straight(function.body, _Filled(values))
    used = [node.id for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return [ast.unparse(statement) for statement in statements], list(dict.fromkeys(used))


def constant(value: Any) -> ast.expr:
    """A number, a text or a list of them as an expression."""
    text = repr(value).replace("inf", 'float("inf")') if isinstance(value, float) else repr(value)
    return ast.parse(text, mode="eval").body


def _straight(body: Sequence[ast.stmt], filled: _Filled) -> list[ast.AST]:
    """The statements that are gone through, each filled in, the last one the expression that is returned."""
    done: list[ast.AST] = []
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        if isinstance(statement, ast.Return) and statement.value is not None:
            return [*done, filled.visit(copy.deepcopy(statement.value))]
        if isinstance(statement, ast.If):
            taken = statement.body if _known(filled.visit(copy.deepcopy(statement.test))) else statement.orelse
            if any(isinstance(inner, ast.Return) for inner in taken):
                return [*done, *_straight(taken, filled)]
            if taken:
                raise NotInline
        elif isinstance(statement, ast.Assign) and not filled.assigns(statement):
            done.append(filled.visit(copy.deepcopy(statement)))
        else:
            raise NotInline
    raise NotInline


class _Filled(ast.NodeTransformer):
    """Puts arguments in place of their names, and numbers in place of what can be worked out from these."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def assigns(self, statement: ast.Assign) -> bool:
        """Whether a statement gives one of the arguments another meaning."""
        names = {n.id for target in statement.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        return bool(names & set(self.values))

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return copy.deepcopy(self.values.get(node.id, node))
        filled = super().visit(node)
        if isinstance(filled, ast.IfExp):
            try:
                return filled.body if _known(filled.test) else filled.orelse
            except NotInline:
                return filled
        if isinstance(filled, ast.ListComp | ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.Call):
            try:
                return constant(_known(filled))
            except NotInline:
                pass
        return filled


def _known(node: ast.AST) -> Any:
    """The value of an expression of numbers and texts alone. Raises NotInline."""
    try:
        value = eval(ast.unparse(node), {"__builtins__": _SAFE})
    except Exception as error:
        raise NotInline from error
    if not isinstance(value, bool | int | float | str | list | tuple | None):
        raise NotInline
    return value
