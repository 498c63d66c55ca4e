"""What a framework does of itself where a user says nothing: the defaults of its functions, read from their signatures.

Which argument an attribute of a spec becomes is read from the source of the adapter's own function. Valid Python 3.8.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any, Callable, Iterator, Mapping

# What only changes the type of an attribute.
CONVERSIONS = ("bool", "float", "int", "list", "tuple")
# What is said where an argument must be given, and where nobody can know.
REQUIRED, UNTOLD = "must be given", "its signature cannot be read"


def defaults(operators: Mapping[str, Callable[..., Any]]) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Operator -> attribute -> each argument that it becomes.

    An argument is a `call` such as `F.leaky_relu(slope)`, its `default`, as the framework writes it, and `through`, the
    expression that is handed over where it is not the attribute itself. Attributes that go to no argument of one call
    are left off.
    """
    return {op: found for op, function in operators.items() for found in [_of_one(function)] if found}


def _of_one(function: Callable[..., Any]) -> dict[str, list[dict[str, str]]]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        attributes = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    except (OSError, SyntaxError, TypeError, ValueError):
        return {}
    scope: Mapping[str, Any] = getattr(function, "__globals__", {})
    found: dict[str, list[dict[str, str]]] = {}
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = _resolved(call.func, scope)
        for name, value in _arguments(call, called) if callable(called) else ():
            for attribute in (a for a in attributes if a in _names(value)):
                direct = isinstance(value, ast.Name)
                said = {"call": "%s(%s)" % (_text(call.func), name), "default": _default(called, name)}
                found.setdefault(attribute, []).append(said if direct else {**said, "through": _text(value)})
    return found


def _resolved(node: ast.AST, scope: Mapping[str, Any]) -> Any:
    """What a dotted name stands for in an adapter's file; None for anything else, and for what is the adapter's own."""
    if isinstance(node, ast.Attribute):
        owner = _resolved(node.value, scope)
        return None if owner is None else getattr(owner, node.attr, None)
    return scope.get(node.id) if isinstance(node, ast.Name) and inspect.ismodule(scope.get(node.id)) else None


def _arguments(call: ast.Call, called: Any) -> Iterator[tuple[str, ast.AST]]:
    """(name, expression) of each argument of a call, those by place by the names of the signature."""
    names = [p.name for p in _parameters(called).values() if p.kind is not p.KEYWORD_ONLY] or list(_documented(called))
    for i, value in enumerate(call.args):
        if not isinstance(value, ast.Starred):
            yield names[i] if i < len(names) else str(i + 1), value
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value


def _parameters(called: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(called).parameters
    except (TypeError, ValueError):
        return {}


def _default(called: Any, name: str) -> str:
    parameter = _parameters(called).get(name)
    if parameter is not None:
        return REQUIRED if parameter.default is parameter.empty else repr(parameter.default)
    documented = _documented(called)
    return _in_source(called, name) or documented.get(name) or (REQUIRED if name in documented else UNTOLD)


def _in_source(called: Any, name: str) -> str:
    """The default of an option that a function takes out of **options: a pair ``('eps', 2e-5)`` in its source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(called)))
    except (OSError, SyntaxError, TypeError, ValueError):
        return ""
    for pair in (node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 2):
        first, second = pair.elts
        if isinstance(first, ast.Constant) and first.value == name and isinstance(second, ast.Constant):
            return repr(second.value)
    return ""


def _documented(called: Any) -> dict[str, str]:
    """Argument -> default, in the first lines of a compiled function's documentation, ``conv2d(input, ..., stride=1)``.

    The default is empty where an argument must be given.
    """
    head = " ".join((getattr(called, "__doc__", None) or "").strip().splitlines()[:3])
    call = re.match(r"[\w.]+\((.*?)\)\s*(->|$|[A-Z])", head)
    found = {}
    for part in re.split(r",\s*(?![^(\[]*[)\]])", call.group(1)) if call else ():
        name, _, default = part.partition("=")
        if name.strip().isidentifier():
            found[name.strip()] = default.strip()
    return found


def _names(node: ast.AST) -> list[str]:
    """The names in an expression, without those that go into another call within it."""
    if isinstance(node, ast.Name):
        return [node.id]
    inner = node.args if isinstance(node, ast.Call) and _text(node.func) in CONVERSIONS else ast.iter_child_nodes(node)
    return [] if isinstance(node, ast.Call) and inner is not node.args else [n for each in inner for n in _names(each)]


def _text(node: ast.AST) -> str:
    """An expression as source; ast.unparse is not there in Python 3.8."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return "%s.%s" % (_text(node.value), node.attr)
    if isinstance(node, ast.Constant):
        return repr(node.value)
    unparse = getattr(ast, "unparse", None)
    return str(unparse(node)) if unparse is not None else "an expression"
