"""Which blocks can be expanded, and what is wrong with the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gradconform.errors import nearest
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.form import Block
from gradconform.spec.graph import cycles, ordered
from gradconform.spec.text import Item

MOST_NESTED = 20
RESERVED = ("op", "block", "repeat", "with")
ARGUMENT = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")

Fault = tuple[int, str, str]


def broken_blocks(blocks: Mapping[str, Block], items: Mapping[str, Item], mistakes: Mistakes) -> set[str]:
    """The names of the blocks that cannot be expanded. Notes why each of them cannot."""
    broken = set()
    for name, block in blocks.items():
        for line, message, hint in _faults(block, items[name]):
            mistakes.add(line, f"block {name}: {message}", hint)
            broken.add(name)
    uses = {name: blocks_in(items[name]) for name in blocks}
    for cycle in cycles(uses):
        path = " -> ".join([*cycle, cycle[0]])
        mistakes.add(items[cycle[0]].key_line, f"block {cycle[0]} uses itself: {path[:200]}")
    depth: dict[str, int] = {}
    for name in ordered(uses):
        depth[name] = 1 + max((depth.get(other, 0) for other in uses[name]), default=0)
        if depth[name] == MOST_NESTED + 1:
            message = f"block {name}: blocks are nested more than {MOST_NESTED} deep"
            mistakes.add(items[name].key_line, message)
        if uses[name] & broken or depth[name] > MOST_NESTED:
            broken.add(name)
    return broken | (blocks.keys() - depth.keys())


def blocks_in(block: Item) -> set[str]:
    """The names of the blocks that a block uses."""
    written = (item.get("block") for item in block.value["nodes"].value.values())
    return {item.value for item in written if item is not None and isinstance(item.value, str)}


def _faults(block: Block, item: Item) -> Iterator[Fault]:
    """What is wrong with a block in itself."""
    nodes = item.value["nodes"]
    written = dict(texts(nodes))
    yield from _unfit_names(block, item, written)
    if block.output not in block.nodes:
        hint = nearest(block.output, block.nodes)
        yield item.value["output"].line, f"output {show(block.output)} is not one of its nodes", hint
    for text, line in written.items():
        if ARGUMENT.fullmatch(text) and text[1:] not in block.arguments:
            yield line, f"{show(text)} is not one of its arguments", nearest(text[1:], block.arguments)
    for key, node in nodes.value.items():
        used = node.get("block")
        if used is not None and isinstance(used.value, str) and used.value.startswith("$"):
            yield used.line, f"node {key}: the name of a block cannot be an argument", ""


def _unfit_names(block: Block, item: Item, written: Mapping[str, int]) -> Iterator[Fault]:
    """Inputs and arguments that come twice, have the name of something else, or are not used."""
    for section, names, sign in (("inputs", block.inputs, ""), ("arguments", block.arguments, "$")):
        for i, name in enumerate(names):
            line = item.value[section].value[i].line
            if name in names[:i]:
                yield line, f"{show(name)} is written twice under {section}", ""
            if section == "inputs" and (name in RESERVED or name in block.nodes):
                yield line, f"the input {show(name)} has the name of a key or of a node", "rename it"
            # The first input may be read without being named.
            if sign + name not in written and (section, i) != ("inputs", 0):
                yield line, f"{section[:-1]} {show(name)} is not used", "use it or remove it"


def texts(item: Item | None) -> Iterator[tuple[str, int]]:
    """Every text among the values of an item, with its line."""
    inside = item.value if item else None
    if isinstance(inside, dict | list):
        for inner in inside.values() if isinstance(inside, dict) else inside:
            yield from texts(inner)
    elif item and isinstance(inside, str):
        yield inside, item.line
