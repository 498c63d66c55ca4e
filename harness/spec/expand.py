"""Blocks: a node that uses a block becomes the block's nodes, named and wired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.spec.blocks import ARGUMENT, blocks_in, broken_blocks
from harness.spec.errors import Problems, nearest, show
from harness.spec.form import Block, Use
from harness.spec.text import Item, relined
from harness.spec.wording import adapter, check

MOST_STEPS = 10_000


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

    def __init__(
        self, blocks: Mapping[str, Block], items: Item | None, bad: set[str], problems: Problems
    ) -> None:
        self.blocks = blocks
        self.items: Mapping[str, Item] = (
            items.value if items is not None and isinstance(items.value, dict) else {}
        )
        self.problems = problems
        self.lost: set[str] = set()
        self.used: set[str] = set()
        self.count = 0
        self.broken = broken_blocks(blocks, self.items, problems) | bad
        for name in blocks:
            self.used |= blocks_in(self.items[name]) - {name}

    def network(self, nodes: Mapping[str, Item], inputs: list[str]) -> tuple[list[Step], Scope]:
        """All steps of a network and the scope outside of its blocks."""
        scope = Scope({name: name for name in inputs}, {})
        scope, level = self._level(nodes, scope, "")
        steps = list(self._steps(level, scope, "", inputs[0] if inputs else None))
        for name in self.blocks:
            if name not in self.used:
                self.problems.add(
                    self.items[name].key_line, f"block {name} is not used", "use it or remove it"
                )
        return steps, scope

    def _level(self, nodes: Mapping[str, Item], scope: Scope, prefix: str) -> tuple[Scope, dict[str, Item]]:
        """The scope inside of a list of nodes, and the nodes with their arguments filled in."""
        level = {key: self._filled(item, scope) for key, item in nodes.items()}
        names = {key: self._output(prefix + key, item) for key, item in level.items()}
        return Scope({**scope.names, **names}, scope.arguments, scope.block), level

    def _steps(
        self, level: Mapping[str, Item], scope: Scope, prefix: str, before: str | None
    ) -> Iterator[Step]:
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
                self.problems.add(
                    item.key_line, f"the argument '{argument}' is missing", "write it under `with`", name
                )
                ok = False
        for key in item.value.keys() - {"block", "repeat", "with"} - set(block.inputs):
            self.problems.add(
                item.value[key].key_line,
                f"the block has no input {show(key)}",
                nearest(key, block.inputs),
                name,
            )
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
                self.problems.add(
                    item.key_line, f"the block's input '{key}' is missing", "name a tensor for it", name
                )
            elif not isinstance(written.value, str):
                self.problems.add(
                    written.line, f"{key} is {show(written.value)}; expected the name of a tensor", "", name
                )
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
            return Item(
                {k: self._filled(v, scope) for k, v in value.items()}, item.line, item.key_line, item.scope
            )
        if isinstance(value, list):
            return Item([self._filled(v, scope) for v in value], item.line, item.key_line, item.scope)
        if isinstance(value, str) and ARGUMENT.fullmatch(value):
            if value[1:] in scope.arguments:
                return scope.arguments[value[1:]]
            self.problems.add(
                item.line, f"{show(value)} is not an argument here", "arguments exist in blocks only"
            )
        return item


def look_up(item: Item, scope: Scope, problems: Problems, node: str) -> str | None:
    """The network's name for a tensor that a node reads; None, with a problem noted, if a block does not know it."""
    scope = item.scope or scope
    name: str = item.value
    meaning = scope.meaning(name)
    if meaning is None:
        hint = nearest(name, scope.names)
        problems.add(
            item.line,
            f"block {scope.block} does not know {show(name)}",
            hint or "name it under the block's inputs",
            node,
        )
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
