"""Blocks: a node that uses a block becomes the block's nodes, named and wired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradconform.errors import nearest
from gradconform.spec.blocks import ARGUMENT, blocks_in, broken_blocks
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.form import Block, Use
from gradconform.spec.text import MOST_NODES, Item
from gradconform.spec.wording import adapter, check

MOST_STEPS = 10_000


@dataclass(frozen=True)
class Scope:
    """What names mean at one place of a spec.

    names: the name as it is written there -> its name in the network.
    block: the block that the place is in; None outside of blocks.
    """

    names: Mapping[str, str]
    block: str | None = None

    def meaning(self, name: str) -> str | None:
        """The network's name of what is called `name` here.

        Outside of blocks an unknown name is kept, since a block may make it. None where nothing can have that name.
        """
        base, dot, slot = name.partition(".")
        if base in self.names:
            return self.names[base] + dot + slot
        return name if self.block is None else None


@dataclass(frozen=True)
class Step:
    """A node as it is after the blocks were expanded.

    name: its name in the network.
    fields: key -> what the node says under it.
    scope: what the names in those fields mean.
    before: the tensor that the operator's first slot reads where the node names none; None where there is none.
    line: where the node is written.
    """

    name: str
    fields: Mapping[str, Item]
    scope: Scope
    before: str | None
    line: int


class Expansion:
    """Turns nodes into steps: a node that uses a block becomes the steps of the block's nodes.

    lost: names that exist, but of which nothing is known because of a mistake that was noted.
    lost_uses: the uses of blocks whose nodes could not be made because of a mistake that was noted.
    """

    def __init__(self, blocks: Mapping[str, Block], items: Item | None, bad: set[str], mistakes: Mistakes) -> None:
        self.blocks = blocks
        self.items: Mapping[str, Item] = items.value if items and isinstance(items.value, dict) else {}
        self.mistakes = mistakes
        self.lost: set[str] = set()
        self.lost_uses: set[str] = set()
        self.broken = broken_blocks(blocks, self.items, mistakes) | bad
        self.used = {other for name in blocks for other in blocks_in(self.items[name]) - {name}}
        self._steps_made = 0
        self._values_made = 0

    def network(self, nodes: Mapping[str, Item], inputs: list[str]) -> tuple[list[Step], Scope]:
        """All steps of a network and the scope outside of its blocks."""
        scope = self._inside(nodes, Scope({name: name for name in inputs}), "")
        steps = list(self._steps(nodes, scope, "", inputs[0] if inputs else None))
        for name in self.blocks:
            if name not in self.used and not self.lost:
                line = self.items[name].key_line
                self.mistakes.add(line, f"block {name} is not used", "use it or remove it")
        return steps, scope

    def _inside(self, nodes: Mapping[str, Item], scope: Scope, prefix: str) -> Scope:
        """The scope among some nodes: their own names, besides those of the scope around them."""
        names = {key: self._output(prefix + key, item) for key, item in nodes.items()}
        return Scope({**scope.names, **names}, scope.block)

    def _steps(self, nodes: Mapping[str, Item], scope: Scope, prefix: str, before: str | None) -> Iterator[Step]:
        for key, item in nodes.items():
            name = prefix + key
            self._count(item)
            if not isinstance(item.value, dict):
                self.lost.add(name)
            elif "block" in item.value:
                yield from self._use(name, item, scope, before)
            else:
                yield Step(name, item.value, scope, before, item.key_line)
            before = scope.names[key]

    def _count(self, item: Item) -> None:
        """Count what was expanded, and raise SpecError before blocks within blocks cost much time or memory."""
        self._steps_made += 1
        self._values_made += _size(item, MOST_NODES)
        for made, most, what in (
            (self._steps_made, MOST_STEPS, "nodes"),
            (self._values_made, MOST_NODES, "values"),
        ):
            if made > most:
                self.mistakes.add(item.key_line, f"the blocks make more than {most:,} {what}")
                self.mistakes.stop()

    def _use(self, name: str, item: Item, scope: Scope, before: str | None) -> Iterator[Step]:
        """The steps of one use of a block, repeated as it says."""
        use = check(adapter(Use), item, "", self.mistakes, name)
        block = self._block(name, item)
        if use is None or block is None or not self._fits(name, item, block):
            self.lost_uses.add(name)
            self.lost |= {name, self._output(name, item)}
            return
        bound = self._bound(name, item, block, scope, before)
        arguments = _arguments(item, scope)
        nodes = {key: _filled(inner, arguments) for key, inner in self._nodes(use.block).items()}
        for i in range(use.repeat):
            prefix = f"{name}_{i}_" if "repeat" in item.value else f"{name}_"
            inside = self._inside(nodes, Scope(bound, use.block), prefix)
            yield from self._steps(nodes, inside, prefix, bound[block.inputs[0]])
            bound = {**bound, block.inputs[0]: inside.names[block.output]}

    def _block(self, name: str, item: Item) -> Block | None:
        """The block that a node uses; None, with a mistake noted, if there is none."""
        written = item.value["block"]
        if not isinstance(written.value, str):
            return None
        self.used.add(written.value)
        if written.value not in self.blocks and written.value not in self.broken:
            hint = nearest(written.value, self.blocks) or "expected a name under `blocks`"
            self.mistakes.add(written.line, f"there is no block {show(written.value)}", hint, name)
        return self.blocks.get(written.value) if written.value not in self.broken else None

    def _fits(self, name: str, item: Item, block: Block) -> bool:
        """Whether a use gives the block's arguments and inputs, and nothing else."""
        before = self.mistakes.noted
        given: Mapping[str, Item] = item.value["with"].value if "with" in item.value else {}
        for key, value in given.items():
            if key not in block.arguments:
                hint = nearest(key, block.arguments) or "it has no arguments"
                self.mistakes.add(value.key_line, f"the block has no argument {show(key)}", hint, name)
        for argument in block.arguments:
            if argument not in given:
                message = f"the argument {show(argument)} is missing"
                self.mistakes.add(item.key_line, message, "write it under `with`", name)
        for key, value in item.value.items():
            if key not in (*block.inputs, "block", "repeat", "with"):
                hint = nearest(key, block.inputs)
                self.mistakes.add(value.key_line, f"the block has no input {show(key)}", hint, name)
        return self.mistakes.noted == before

    def _bound(self, name: str, item: Item, block: Block, scope: Scope, before: str | None) -> dict[str, str]:
        """The network's names of the tensors that the block's inputs stand for in one use."""
        bound: dict[str, str] = {}
        for key in block.inputs:
            written = item.get(key)
            meaning = before if written is None and key == block.inputs[0] else None
            if written is None and meaning is None:
                message = f"the block's input {show(key)} is missing"
                self.mistakes.add(item.key_line, message, f"write `{key}: <name of a tensor>`", name)
            elif written is not None and not isinstance(written.value, str):
                message = f"{key} is {show(written.value)}; expected the name of a tensor"
                self.mistakes.add(written.line, message, node=name)
            elif written is not None:
                meaning = look_up(written, written.scope or scope, self.mistakes, name)
            # No tensor can have a name with a question mark.
            bound[key] = meaning or f"{name}.{key}?"
            if meaning is None:
                self.lost.add(f"{name}.{key}?")
        return bound

    def _output(self, name: str, item: Item) -> str:
        """The network's name for what other nodes get when they read a node."""
        written = item.get("block")
        key = written.value if written and isinstance(written.value, str) else ""
        if key not in self.blocks or key in self.broken:
            return name
        repeat = item.get("repeat")
        if repeat is not None:
            name = f"{name}_{repeat.value - 1}" if isinstance(repeat.value, int) else name
        output = self.blocks[key].output
        arguments = _arguments(item, Scope({}))
        return self._output(f"{name}_{output}", _filled(self._nodes(key)[output], arguments))

    def _nodes(self, block: str) -> Mapping[str, Item]:
        nodes: Mapping[str, Item] = self.items[block].value["nodes"].value
        return nodes


def look_up(item: Item, scope: Scope, mistakes: Mistakes, node: str) -> str | None:
    """The network's name for a tensor that a node reads; None, with a mistake noted, if there is none."""
    name: str = item.value
    meaning = scope.meaning(name)
    if meaning is None:
        hint = nearest(name, scope.names) or "name it under the block's inputs"
        mistakes.add(item.line, f"block {scope.block} does not know {show(name)}", hint, node)
    return meaning


def _arguments(item: Item, scope: Scope) -> dict[str, Item]:
    """What a use of a block gives under `with`; names in it keep the meaning they have where they are written."""
    given = item.get("with")
    if given is None or not isinstance(given.value, dict):
        return {}
    return {key: value if value.scope else value._replace(scope=scope) for key, value in given.value.items()}


def _filled(item: Item, arguments: Mapping[str, Item]) -> Item:
    """The item with every `$argument` in it replaced by what the argument is."""
    inside: Any = item.value
    if isinstance(inside, dict):
        return item._replace(value={key: _filled(value, arguments) for key, value in inside.items()})
    if isinstance(inside, list):
        return item._replace(value=[_filled(value, arguments) for value in inside])
    if isinstance(inside, str) and ARGUMENT.fullmatch(inside):
        return arguments.get(inside[1:], item)
    return item


def _size(item: Item, most: int) -> int:
    """How many values an item holds, counted no further than `most` and one."""
    todo, count = [item], 0
    while todo and count <= most:
        inside = todo.pop().value
        count += 1
        if isinstance(inside, dict | list):
            todo.extend(inside.values() if isinstance(inside, dict) else inside)
    return count
