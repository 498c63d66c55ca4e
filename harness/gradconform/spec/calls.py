"""Steps -> calls: the operator is found, its slots are filled with names, its attributes are validated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from gradconform.errors import nearest
from gradconform.graph import Reads
from gradconform.reference import OPERATORS, Operator
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.expand import Step, look_up
from gradconform.spec.text import Item, plain
from gradconform.spec.wording import adapter, check, expected


@dataclass(frozen=True)
class Call:
    """A node whose words are understood and whose shapes are not known yet.

    name, op: the node's name and its operator.
    reads: slot -> names, for the slots that the spec fills; None where a tensor is absent.
    values: attributes and sizes, by name.
    lines: key -> the line on which it is written.
    line: the line of the node.
    whole: false if a mistake that was noted already took a part of the node away.
    """

    name: str
    op: Operator
    reads: Mapping[str, Reads]
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    line: int
    whole: bool

    def names(self, slot: str) -> tuple[str, ...]:
        """The names that the node reads in a slot."""
        read = self.reads.get(slot)
        return () if read is None else (read,) if isinstance(read, str) else read

    @property
    def needs(self) -> tuple[str, ...]:
        """Every name that the node reads in a tensor slot."""
        return tuple(name for slot in self.op.tensors for name in self.names(slot))

    @property
    def shares(self) -> dict[str, str]:
        """Parameter slot -> the shared tensor that the node reads there, where it has no parameter of its own."""
        return {slot: read for slot in self.op.parameters if isinstance(read := self.reads.get(slot), str)}


def calls(steps: list[Step], mistakes: Mistakes, lost: set[str], largest: float) -> list[Call]:
    """The calls of all steps. The name of a step that gives no call is added to `lost`."""
    made = []
    for step in steps:
        call = _call(step, mistakes, largest)
        if call is None or not call.whole:
            lost.add(step.name)
        if call is not None:
            made.append(call)
    return made


def _call(step: Step, mistakes: Mistakes, largest: float) -> Call | None:
    op = _operator(step, mistakes)
    if op is None:
        return None
    before = mistakes.noted
    meant = set(_misspelt(step, op, mistakes))
    reads = dict(_reads(step, op, mistakes))
    values = dict(_values(step, op, mistakes, largest, meant))
    lines = {key: item.line for key, item in step.fields.items()}
    return Call(step.name, op, reads, values, lines, step.line, mistakes.noted == before)


def _misspelt(step: Step, op: Operator, mistakes: Mistakes) -> Iterator[str]:
    """Note a mistake for each key that the operator does not have, and yield the key that was probably meant."""
    known = [*op.slots, *op.attributes, *op.sizes]
    for key, item in step.fields.items():
        if key != "op" and key not in known:
            mistakes.add(item.key_line, f"{op.name} has no {show(key)}", nearest(key, known), step.name)
            yield from get_close_matches(key, known, n=1)


def _operator(step: Step, mistakes: Mistakes) -> Operator | None:
    written = step.fields.get("op")
    if written is None:
        mistakes.add(step.line, "the key 'op' is missing", "write `op: <operator>` or `block: <block>`", step.name)
        return None
    if not isinstance(written.value, str) or written.value not in OPERATORS:
        hint = nearest(str(written.value), OPERATORS)
        mistakes.add(written.line, f"there is no operator {show(written.value)}", hint, step.name)
        return None
    return OPERATORS[written.value]


def _reads(step: Step, op: Operator, mistakes: Mistakes) -> Iterator[tuple[str, Reads]]:
    """Slot -> the names that it reads. Slots whose parameter the node owns itself are left out."""
    for slot in op.slots:
        item = step.fields.get(slot)
        if slot in op.buffers:
            if item is not None:
                mistakes.add(
                    item.key_line,
                    f"{slot} is a buffer of the node itself",
                    "set it under `parameters`",
                    step.name,
                )
        elif item is not None and item.value is False and slot in op.optional:
            yield slot, None
        elif slot in op.parameters and (item is None or (item.value is True and slot in op.optional)):
            continue
        elif item is None and slot == op.tensors[0] and step.before is not None:
            yield slot, (step.before,) if slot == op.variadic else step.before
        elif item is None:
            mistakes.add(step.line, f"the tensor '{slot}' is missing", f"write `{slot}: <name of a tensor>`", step.name)
        elif slot == op.variadic:
            yield slot, tuple(_listed(step, slot, item, mistakes))
        else:
            name = _name(step, slot, item, mistakes, op)
            if name is not None:
                yield slot, name


def _listed(step: Step, slot: str, item: Item, mistakes: Mistakes) -> Iterator[str]:
    if not isinstance(item.value, list) or not item.value:
        mistakes.add(item.line, f"{slot} is {show(item.value)}; expected a list of names of tensors", "", step.name)
        return
    for inner in item.value:
        if isinstance(inner.value, str):
            name = look_up(inner, inner.scope or item.scope or step.scope, mistakes, step.name)
            if name is not None:
                yield name
        else:
            mistakes.add(inner.line, f"{slot} holds {show(inner.value)}; expected names of tensors", "", step.name)


def _name(step: Step, slot: str, item: Item, mistakes: Mistakes, op: Operator) -> str | None:
    if isinstance(item.value, str):
        return look_up(item, item.scope or step.scope, mistakes, step.name)
    choices = "the name of a tensor" + (", true or false" if slot in op.optional else "")
    shown = f"{len(item.value)} values" if isinstance(item.value, list | dict) else show(item.value)
    mistakes.add(item.line, f"{slot} is {shown}; expected {choices}", "", step.name)
    return None


def _values(step: Step, op: Operator, mistakes: Mistakes, largest: float, meant: set[str]) -> Iterator[tuple[str, Any]]:
    """The attributes and sizes of a node, validated.

    meant: keys that were misspelt, which is noted already, so they are not called missing as well.
    """
    for key, kind in {**op.sizes, **op.attributes}.items():
        item = step.fields.get(key)
        if item is None:
            if key not in meant:
                message = f"the attribute '{key}' is missing; expected {expected(adapter(kind).json_schema())}"
                mistakes.add(step.line, message, node=step.name)
            continue
        value = check(adapter(kind), item, key, mistakes, step.name)
        if value is None:
            continue
        for number in _numbers(plain(item)):
            if abs(number) > largest or (isinstance(number, int) and abs(number) >= 2**63):
                limits = f"expected at most {largest:.6g}, or an int below 2^63"
                mistakes.add(item.line, f"{key} holds {show(number)}; {limits}", node=step.name)
        yield key, value


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float) and math.isfinite(value):
        yield value
