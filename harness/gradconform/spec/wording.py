"""What pydantic found wrong, in plain words: `stride is 'two'; expected an int or [height, width]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gradconform.errors import nearest
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.text import Item, locate, plain

Schema = Mapping[str, Any]
Loc = tuple[int | str, ...]
Fault = tuple[str, Loc]
T = TypeVar("T")
# Every fault costs time, and many come of one mistake.
MOST_FAULTS = 2_000


def check(adapter: TypeAdapter[T], item: Item, name: str, mistakes: Mistakes, node: str = "") -> T | None:
    """The item as its type wants it; None, with every mistake noted, where it does not fit.

    Messages call the item `name`.
    """
    try:
        return adapter.validate_python(plain(item))
    except ValidationError as error:
        note(faults_of(error), adapter, item, name, mistakes, node)
    return None


def faults_of(error: ValidationError) -> list[Fault]:
    """The type and the place of each fault that pydantic found, without the parts that cost time to collect."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [(fault["type"], fault["loc"]) for fault in faults]


def note(
    faults: list[Fault], adapter: TypeAdapter[Any], item: Item, name: str, mistakes: Mistakes, node: str = ""
) -> None:
    """Note as mistakes the faults that pydantic found in an item."""
    for line, message, hint in _worded(faults, _schema_of(adapter), item, name):
        mistakes.add(line, message, hint, node)


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """The validator of a type, which is made once."""
    return TypeAdapter(kind)


@cache
def _schema_of(adapter: TypeAdapter[Any]) -> Schema:
    return adapter.json_schema()


def _worded(faults: list[Fault], schema: Schema, item: Item, name: str) -> Iterator[tuple[int, str, str]]:
    """Line, message and hint of each fault that pydantic found.

    Of several faults of one value only the first is told.
    """
    done: set[Loc] = set()
    for kind, loc in faults[:MOST_FAULTS]:
        if kind == "extra_forbidden":
            hint = nearest(str(loc[-1]), _properties(schema, loc[:-1]))
            message = f"unknown key {show(loc[-1])}{_within(name, loc[:-1])}"
            yield locate(item, loc).key_line, message, hint
        elif kind == "missing":
            message = f"the key {show(loc[-1])} is missing{_within(name, loc[:-1])}"
            yield locate(item, loc).line, f"{message}; expected {expected(_at(schema, loc))}", ""
        else:
            path, text = _described(schema, loc[: _depth(item, loc)])
            found = locate(item, path)
            if path not in done:
                yield found.line, f"{_called(name, path)} is {show(plain(found))}; expected {text}", ""
            done.add(path)


def _depth(item: Item, loc: Loc) -> int:
    """How many steps of a path exist in what was written.

    An int may stand for a list, and then the path goes on to elements that are not there.
    """
    for depth, step in enumerate(loc):
        inside = item.value
        if isinstance(inside, dict) and step in inside:
            item = inside[str(step)]
        elif isinstance(inside, list) and isinstance(step, int) and step < len(inside):
            item = inside[step]
        else:
            return depth
    return len(loc)


def _called(name: str, loc: Loc) -> str:
    steps = [f"[{s}]" if isinstance(s, int) else f".{s}" for s in loc]
    return (name + "".join(steps)).lstrip(".")[:200] or "the file"


def _within(name: str, loc: Loc) -> str:
    return f" in {_called(name, loc)}" if name or loc else ""


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with its reference followed and its `or null` left off; its own description wins over the other's."""
    own = {k: v for k, v in schema.items() if k in ("description", "title")}
    if "anyOf" in schema:
        branches = [b for b in schema["anyOf"] if b.get("type") != "null"]
        return {**_resolved(branches[0], root), **own} if len(branches) == 1 else schema
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return {**target, **own}
    return schema


def _step(schema: Schema, step: int | str) -> Schema:
    if isinstance(step, int):
        items = schema.get("items", {})
        return items if isinstance(items, Mapping) else {}
    more = schema.get("additionalProperties", {})
    found = schema.get("properties", {}).get(step, more)
    return found if isinstance(found, Mapping) else {}


def _at(root: Schema, loc: Loc) -> Schema:
    schema = _resolved(root, root)
    for step in loc:
        schema = _resolved(_step(schema, step), root)
    return schema


def _properties(root: Schema, loc: Loc) -> list[str]:
    return list(_at(root, loc).get("properties", ()))


def _described(root: Schema, loc: Loc) -> tuple[Loc, str]:
    """The deepest place on the way to a fault whose schema says in words what is expected, and those words."""
    for end in range(len(loc), -1, -1):
        schema = _at(root, loc[:end])
        if schema.get("description") and schema.get("type") != "object":
            return loc[:end], expected(schema)
    return loc, expected(_at(root, loc))


def expected(schema: Schema) -> str:
    """A JSON schema in words, such as `an int of 1 or more`."""
    kind = schema.get("type")
    if kind == "object":
        return "a mapping"
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema or "const" in schema:
        return " or ".join(map(show, schema.get("enum", [schema.get("const")])))
    if kind == "array":
        return f"a list, each {expected(schema.get('items', {}))}"
    if kind in ("integer", "number"):
        return ("an int" if kind == "integer" else "a finite number") + _limits(schema)
    return {"boolean": "true or false", "string": "a word"}.get(str(kind), "another value")


def _limits(schema: Schema) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {show(schema[key])}" for key, word in words.items() if key in schema]
    return " " + " and ".join(limits) if limits else ""
