"""Blocks: a node that uses a block becomes the block's nodes, named and wired."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.spec.errors import Problems, nearest, show
from harness.spec.form import Block, Use
from harness.spec.graph import cycles, ordered
from harness.spec.text import Item, relined
from harness.spec.wording import adapter, check

MOST_STEPS = 10_000
MOST_NESTED = 20
RESERVED = ("op", "block", "repeat", "with")
_ARGUMENT = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Scope:
    """What names mean at one place. names: as written there -> in the network. block: its name, None outside of blocks."""

    names: Mapping[str, str]
    arguments: Mapping[str, Item]
    block: str | None = None

    def meaning(self, name: str) -> str | None:
        """The network's name of a tensor; outside of blocks an unknown name may be one that a block makes."""
        base, dot, slot = name.partition(".")
        if base in self.names:
            return self.names[base] + dot + slot
        return name if self.block is None else None


@dataclass(frozen=True)
class Step:
    """A node after expansion. fields: what it says, by key. before: what an unnamed first tensor is."""

    name: str
    fields: Mapping[str, Item]
    scope: Scope
    before: str | None
    line: int


class Expansion:
    """Turns nodes into steps; `lost` are the names of nodes that could not be had because of a problem elsewhere."""

    def __init__(self, blocks: Mapping[str, Block], items: Item | None, problems: Problems) -> None:
        self.blocks = blocks
        self.items: Mapping[str, Item] = items.value if items is not None and isinstance(items.value, dict) else {}
        self.problems = problems
        self.lost: set[str] = set()
        self.used: set[str] = set()
        self.count = 0
        self.broken = self._broken()

    def network(self, nodes: Mapping[str, Item], inputs: list[str]) -> tuple[list[Step], Scope]:
        """All steps of a network and the scope outside of its blocks."""
        scope = Scope({name: name for name in inputs}, {})
        scope, level = self._level(nodes, scope, "")
        steps = list(self._steps(level, scope, "", inputs[0] if inputs else None))
        for name in self.blocks:
            if name not in self.used:
                self.problems.add(self.items[name].key_line, f"block {name} is not used", "use it or remove it")
        return steps, scope

    def _level(self, nodes: Mapping[str, Item], scope: Scope, prefix: str) -> tuple[Scope, dict[str, Item]]:
        """The scope inside of a list of nodes, and the nodes with their arguments filled in."""
        level = {key: self._filled(item, scope) for key, item in nodes.items()}
        names = {key: self._output(prefix + key, item) for key, item in level.items()}
        return Scope({**scope.names, **names}, scope.arguments, scope.block), level

    def _steps(self, level: Mapping[str, Item], scope: Scope, prefix: str, before: str | None) -> Iterator[Step]:
        for key, item in level.items():
            if "block" in item.value:
                yield from self._use(prefix + key, item, scope, before)
            else:
                self.count += 1
                if self.count > MOST_STEPS:
                    self.problems.add(item.key_line, f"the blocks make more than {MOST_STEPS:,} nodes")
                    self.problems.stop()
                yield Step(prefix + key, item.value, scope, before, item.key_line)
            before = scope.names[key]

    def _use(self, name: str, item: Item, scope: Scope, before: str | None) -> Iterator[Step]:
        """The steps of one use of a block, repeated as it says."""
        use = check(adapter(Use), item, "", self.problems, name)
        block = self._block(name, item)
        if use is None or block is None or not self._arguments_fit(name, item, block):
            self.lost.add(scope.names.get(name, name))
            self.lost.add(self._output(name, item))
            return
        bound = self._bound(name, item, block, scope, before)
        arguments = _arguments(item, scope)
        for prefix in _prefixes(name, item, use):
            inner = Scope(bound, arguments, use.block)
            inner, level = self._level(self._nodes(use.block), inner, prefix)
            yield from self._steps(level, inner, prefix, bound[block.inputs[0]])
            bound = {**bound, block.inputs[0]: inner.names[block.output]}

    def _block(self, name: str, item: Item) -> Block | None:
        """The block that a node uses; None, with a problem noted, if there is none."""
        written = item.value["block"]
        if not isinstance(written.value, str):
            return None
        self.used.add(written.value)
        if written.value in self.broken:
            return None
        if written.value not in self.blocks:
            hint = nearest(written.value, self.blocks) or "expected a name under `blocks`"
            self.problems.add(written.line, f"there is no block {show(written.value)}", hint, name)
            return None
        return self.blocks[written.value]

    def _arguments_fit(self, name: str, item: Item, block: Block) -> bool:
        given: Mapping[str, Item] = item.value["with"].value if "with" in item.value else {}
        ok = True
        for key in given.keys() - set(block.arguments):
            hint = nearest(key, block.arguments) or "this block has no arguments"
            self.problems.add(given[key].key_line, f"the block has no argument {show(key)}", hint, name)
            ok = False
        for argument in block.arguments:
            if argument not in given:
                self.problems.add(item.key_line, f"the argument '{argument}' is missing", "write it under `with`", name)
                ok = False
        for key in item.value.keys() - {"block", "repeat", "with"} - set(block.inputs):
            self.problems.add(item.value[key].key_line, f"the block has no input {show(key)}", nearest(key, block.inputs), name)
            ok = False
        return ok

    def _bound(self, name: str, item: Item, block: Block, scope: Scope, before: str | None) -> dict[str, str]:
        """The network's names of what the block's inputs stand for."""
        bound: dict[str, str] = {}
        for key in block.inputs:
            written = item.get(key)
            if written is None and key == block.inputs[0] and before is not None:
                bound[key] = before
                continue
            meaning = None
            if written is None:
                self.problems.add(item.key_line, f"the block's input '{key}' is missing", "name a tensor for it", name)
            elif not isinstance(written.value, str):
                self.problems.add(written.line, f"{key} is {show(written.value)}; expected the name of a tensor", "", name)
            else:
                meaning = look_up(written, scope, self.problems, name)
            bound[key] = meaning if meaning is not None else f"{name}.{key}?"
            if meaning is None:
                self.lost.add(bound[key])
        return bound

    def _output(self, name: str, item: Item) -> str:
        """The network's name for what other nodes get when they read a node."""
        if "block" not in item.value:
            return name
        key = item.value["block"].value
        if not isinstance(key, str) or key not in self.blocks or key in self.broken:
            return name
        repeat = item.get("repeat")
        if repeat is not None:
            name = f"{name}_{repeat.value - 1}" if isinstance(repeat.value, int) else name
        block = self.blocks[key]
        inner = Scope({}, _arguments(item, Scope({}, {})), key)
        return self._output(f"{name}_{block.output}", self._filled(self._nodes(key)[block.output], inner))

    def _nodes(self, block: str) -> Mapping[str, Item]:
        nodes: Mapping[str, Item] = self.items[block].value["nodes"].value
        return nodes

    def _filled(self, item: Item, scope: Scope) -> Item:
        """The item with every `$argument` replaced; what replaces it keeps the meaning it has where it is written."""
        value = item.value
        if isinstance(value, dict):
            return Item({k: self._filled(v, scope) for k, v in value.items()}, item.line, item.key_line, item.scope)
        if isinstance(value, list):
            return Item([self._filled(v, scope) for v in value], item.line, item.key_line, item.scope)
        if isinstance(value, str) and _ARGUMENT.fullmatch(value):
            if value[1:] in scope.arguments:
                return scope.arguments[value[1:]]
            self.problems.add(item.line, f"{show(value)} is not an argument here", "arguments exist in blocks only")
        return item

    def _broken(self) -> set[str]:
        """The blocks that cannot be expanded, with the reasons noted."""
        broken = {name for name, block in self.blocks.items() if self._defects(name, block)}
        uses = {name: self._blocks_in(name) for name in self.blocks}
        for cycle in cycles(uses):
            path = " -> ".join([*cycle, cycle[0]])
            self.problems.add(self.items[cycle[0]].key_line, f"block {cycle[0]} uses itself: {path[:200]}")
        depth: dict[str, int] = {}
        for name in ordered(uses):
            depth[name] = 1 + max((depth.get(other, 0) for other in uses[name]), default=0)
            if depth[name] == MOST_NESTED + 1:
                self.problems.add(self.items[name].key_line, f"blocks are nested more than {MOST_NESTED} deep")
        for name in self.blocks:
            if depth.get(name, MOST_NESTED + 1) > MOST_NESTED:
                broken.add(name)
        for name in ordered(uses):
            if uses[name] & broken:
                broken.add(name)
        return broken

    def _blocks_in(self, name: str) -> set[str]:
        written = (item.get("block") for item in self._nodes(name).values())
        used = {item.value for item in written if item is not None and isinstance(item.value, str)}
        self.used |= used - {name}
        return used

    def _defects(self, name: str, block: Block) -> bool:
        """Whether a block is wrong in itself."""
        before = len(self.problems.found)
        item = self.items[name]
        texts = set(_scalars(item.value["nodes"]))
        where = f"block {name}: "
        for field, names in (("inputs", block.inputs), ("arguments", block.arguments)):
            for i, key in enumerate(names):
                line = item.value[field].value[i].line
                if names.index(key) < i:
                    self.problems.add(line, f"{where}'{key}' is written twice under {field}")
                if field == "inputs" and (key in RESERVED or key in block.nodes):
                    self.problems.add(line, f"{where}the input {show(key)} has the name of a node or a key", "rename it")
                if (f"${key}" if field == "arguments" else key) not in texts and not (field == "inputs" and i == 0):
                    self.problems.add(line, f"{where}{field[:-1]} {show(key)} is not used", "use it or remove it")
        if block.output not in block.nodes:
            line = item.value["output"].line
            self.problems.add(line, f"{where}output {show(block.output)} is not one of its nodes", nearest(block.output, block.nodes))
        for text, line in _scalars(item.value["nodes"]).items():
            if _ARGUMENT.fullmatch(text) and text[1:] not in block.arguments:
                self.problems.add(line, f"{where}{show(text)} is not one of its arguments", nearest(text[1:], block.arguments))
        for key, node in item.value["nodes"].value.items():
            used = node.get("block")
            if used is not None and isinstance(used.value, str) and used.value.startswith("$"):
                self.problems.add(used.line, f"{where}node {key}: the name of a block cannot be an argument")
        return len(self.problems.found) > before


def look_up(item: Item, scope: Scope, problems: Problems, node: str) -> str | None:
    """The network's name for a tensor that a node reads; None, with a problem noted, if a block does not know it."""
    scope = item.scope or scope
    name: str = item.value
    meaning = scope.meaning(name)
    if meaning is None:
        hint = nearest(name, scope.names)
        problems.add(item.line, f"block {scope.block} does not know {show(name)}", hint or "name it under the block's inputs", node)
    return meaning


def _arguments(item: Item, scope: Scope) -> dict[str, Item]:
    given = item.get("with")
    if given is None or not isinstance(given.value, dict):
        return {}
    return {key: relined(value, scope) for key, value in given.value.items()}


def _prefixes(name: str, item: Item, use: Use) -> list[str]:
    """How the names of the block's nodes begin, once for each repetition."""
    if "repeat" not in item.value:
        return [f"{name}_"]
    return [f"{name}_{i}_" for i in range(min(use.repeat, MOST_STEPS + 1))]


def _scalars(item: Item) -> dict[str, int]:
    """Every text among the values, with the first line it stands on."""
    found: dict[str, int] = {}
    todo: list[Any] = [item]
    while todo:
        next_item = todo.pop()
        inside = next_item.value
        if isinstance(inside, dict | list):
            todo.extend(reversed(list(inside.values() if isinstance(inside, dict) else inside)))
        elif isinstance(inside, str):
            found.setdefault(inside, next_item.line)
    return found
