"""Bytes -> plain data that remembers its lines.

YAML by the core schema of version 1.2, with limits on size, depth and number, and nothing that makes objects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gradconform.spec.errors import Mistakes, show

MOST_BYTES = 2**20
MOST_DEPTH = 50
MOST_NODES = 200_000
MOST_DIGITS = 40

_CORE = "tag:yaml.org,2002:"
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
}
_KINDS: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool, "null": type(None)}
# The C parser is some ten times faster, and not in every build of PyYAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Item(NamedTuple):
    """A value of the file.

    value: a scalar, a list of items or a mapping of items by key.
    line: the line on which it stands, counted from 1.
    key_line: the line of its key, where it stands in a mapping.
    scope: what the names in it mean, where a block gets it as an argument.
    """

    value: Any
    line: int
    key_line: int = 0
    scope: Any = None

    def get(self, key: str) -> Item | None:
        """The item under a key of a mapping; None where there is none."""
        return self.value.get(key) if isinstance(self.value, dict) else None


def plain(item: Item) -> Any:
    """What an item holds, and what its parts hold, without lines."""
    if isinstance(item.value, dict):
        return {key: plain(value) for key, value in item.value.items()}
    if isinstance(item.value, list):
        return [plain(value) for value in item.value]
    return item.value


def locate(item: Item, path: tuple[Any, ...]) -> Item:
    """The item at the end of a path of keys and indices, or the last one that exists on the way."""
    for step in path:
        inner = item.value
        if (isinstance(inner, dict) and step in inner) or (
            isinstance(inner, list) and isinstance(step, int) and step < len(inner)
        ):
            item = inner[step]
        else:
            break
    return item


@lru_cache(maxsize=4096)
def scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema: `no` and `on` are strings, `1e-5` is a number."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def read(path: Path, mistakes: Mistakes) -> Item:
    """The content of a spec file as an item. Raises SpecError where it is no YAML, or beyond the limits."""
    text = _decoded(_bytes(path, mistakes), mistakes)
    mistakes.last_line = len(_BREAK.findall(text)) + (_BREAK.fullmatch(text[-1:]) is None)
    root = _Reader(mistakes).document(text)
    mistakes.stop()
    return root


def _bytes(path: Path, mistakes: Mistakes) -> bytes:
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "does not exist"
            mistakes.add(1, what, "expected a YAML file")
            mistakes.stop()
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        mistakes.add(1, f"cannot be read: {reason}")
        mistakes.stop()
    if len(data) > MOST_BYTES:
        mistakes.add(1, f"the file is larger than {MOST_BYTES:,} bytes", "keep large arrays in a `weights` file")
        mistakes.stop()
    return data


def _decoded(data: bytes, mistakes: Mistakes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        mistakes.add(line, f"byte 0x{data[error.start]:02x} is not UTF-8", "expected a YAML file in UTF-8")
        mistakes.stop()
        raise
    if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        mistakes.add(line, f"the character {bad[0]!a} is not allowed in YAML")
        mistakes.stop()
    return text


class _Reader:
    """Builds the items of one file from the events of the YAML parser."""

    def __init__(self, mistakes: Mistakes) -> None:
        self.mistakes = mistakes
        self.nodes = 0
        self.events: Iterator[Any] = iter(())

    def document(self, text: str) -> Item:
        try:
            self.events = yaml.parse(text, Loader=_LOADER)
            return self._one_document(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            reason = str(error.problem or error.context)
            hint = "put text that holds `: ` or ` #` in quotes" if "mapping values" in reason else ""
            self.mistakes.add(mark.line + 1 if mark else 1, f"not YAML: {reason}", hint)
        except yaml.YAMLError as error:
            self.mistakes.add(1, f"not YAML: {' '.join(str(error).split())[:200]}")
        self.mistakes.stop()
        raise AssertionError("a parse error was noted")

    def _one_document(self, text: str) -> Item:
        root: Item | None = None
        for event in self.events:
            if not isinstance(event, yaml.NodeEvent):
                continue
            if root is not None:
                self._fail(event, "a second document begins", "a spec file holds one")
            root = self._item(event, 1)
        if root is None:
            self.mistakes.add(1, "the file is empty", "expected a mapping with `about`, `inputs` and `nodes`")
            self.mistakes.stop()
        assert root is not None
        return root

    def _item(self, event: Any, depth: int, key_line: int = 0) -> Item:
        line = event.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self._fail(event, f"the file has more than {MOST_NODES:,} values")
        if isinstance(event, yaml.ScalarEvent):
            return Item(self._scalar(event), line, key_line or line)
        if isinstance(event, yaml.AliasEvent):
            hint = "write the value out, or use a block"
            self._fail(event, f"the alias *{show(event.anchor)[1:-1]} is not allowed", hint)
        if depth > MOST_DEPTH:
            self._fail(event, f"values are nested more than {MOST_DEPTH} deep")
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            return Item(self._items(depth), line, key_line or line)
        self._check_tag(event, "map")
        return Item(self._mapping(depth), line, key_line or line)

    def _items(self, depth: int) -> list[Item]:
        items = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._item(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Item]:
        mapping: dict[str, Item] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "a key is not a plain word", "expected `key: value`")
            key, line = event.value, event.start_mark.line + 1
            self._check_tag(event, "str")
            value = self._item(next(self.events), depth + 1, line)
            if key in mapping:
                first = f"the first is on line {mapping[key].key_line}"
                self.mistakes.add(line, f"the key {show(key)} is written twice", first)
            else:
                mapping[key] = value
        return mapping

    def _scalar(self, event: Any) -> Any:
        tag = None if event.tag is None else self._check_tag(event, *_KINDS)
        if tag == "str" or (tag is None and not event.implicit[0]):
            return event.value
        value = self._plain_scalar(event)
        if tag is None:
            return value
        if not isinstance(value, _KINDS[tag]) or (isinstance(value, bool) and tag != "bool"):
            line = event.start_mark.line + 1
            self.mistakes.add(line, f"{show(event.value)} is not what its tag !!{tag} says")
        return float(value) if tag == "float" and isinstance(value, int) else value

    def _plain_scalar(self, event: Any) -> Any:
        text = event.value
        if len(text) > MOST_DIGITS and _INT.fullmatch(text):
            self.mistakes.add(event.start_mark.line + 1, f"the number {text[:MOST_DIGITS]}... is too long")
            return 0
        value = scalar(text)
        if isinstance(value, float) and math.isinf(value) and text not in _WORDS:
            shown = text[:MOST_DIGITS]
            self.mistakes.add(event.start_mark.line + 1, f"the number {shown} is too large for a float")
        return value

    def _check_tag(self, event: Any, *allowed: str) -> str | None:
        """The name of an event's tag in YAML's core schema; None without a tag. Notes any other tag as a mistake."""
        if event.tag is None:
            return None
        if event.tag == "!":
            return "str"
        name: str = event.tag.removeprefix(_CORE)
        core = event.tag.startswith(_CORE)
        if core and name in allowed:
            return name
        written = f"!!{name}" if core else str(event.tag)
        line = event.start_mark.line + 1
        message = f"the tag {written[:100]} is not allowed here"
        self.mistakes.add(line, message, "a spec is plain data: remove it")
        return "str"

    def _fail(self, event: Any, message: str, hint: str = "") -> None:
        self.mistakes.add(event.start_mark.line + 1, message, hint)
        self.mistakes.stop()
