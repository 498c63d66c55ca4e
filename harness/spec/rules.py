"""What makes a spec right as a whole: one generator for each rule, which yields problems and neither raises nor prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.spec.calls import Call
from harness.spec.errors import Problem, nearest, show
from harness.spec.form import NAME, NetworkFile
from harness.spec.graph import cycles
from harness.spec.infer import Inference
from harness.spec.model import Where
from harness.spec.text import Item, scalar


@dataclass(frozen=True)
class Draft:
    """All that is known of a network before it is accepted.

    lost: names that exist, but of which nothing is known because of a problem that was noted.
    """

    path: Path
    form: NetworkFile
    item: Item
    inputs: tuple[str, ...]
    calls: tuple[Call, ...]
    lost: frozenset[str]
    aliases: Mapping[str, str]
    inference: Inference
    output: str | None
    exact_output: str | None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes."""
        return tuple(call.name for call in self.calls)

    def line(self, *keys: str) -> int:
        """The line of a value in the file."""
        item = self.item
        for key in keys:
            item = item.get(key) or item
        return item.line

    def at(self, line: int) -> Where:
        """An address in this file."""
        return Where(self.path, line)


Rule = Callable[[Draft], Iterator[Problem]]
BEFORE_SHAPES: list[Rule] = []
AFTER_SHAPES: list[Rule] = []


def before_shapes(rule: Rule) -> Rule:
    """A rule that needs names only."""
    BEFORE_SHAPES.append(rule)
    return rule


def after_shapes(rule: Rule) -> Rule:
    """A rule that needs shapes."""
    AFTER_SHAPES.append(rule)
    return rule


@before_shapes
def names_are_identifiers(draft: Draft) -> Iterator[Problem]:
    """Inputs, nodes and blocks are named by letters, digits and `_`, as no YAML reader could take for a value."""
    for section in ("inputs", "nodes", "blocks"):
        yield from _bad_names(draft, section, draft.item.get(section))
    blocks = draft.item.get("blocks")
    for name, block in (blocks.value if blocks and isinstance(blocks.value, dict) else {}).items():
        yield from _bad_names(draft, f"blocks.{name}.nodes", block.get("nodes"))
        inputs = block.get("inputs")
        for item in inputs.value if inputs and isinstance(inputs.value, list) else []:
            if isinstance(item.value, str) and not re.fullmatch(NAME, item.value):
                yield Problem(
                    draft.at(item.line), f"{show(item.value)} is not a name", "use letters, digits and `_`"
                )


def _bad_names(draft: Draft, section: str, item: Item | None) -> Iterator[Problem]:
    for name, inner in (item.value if item and isinstance(item.value, dict) else {}).items():
        what = f"{section[:200]}: {show(name)}"
        if not re.fullmatch(NAME, name):
            yield Problem(
                draft.at(inner.key_line),
                f"{what} is not a name",
                "use letters, digits and `_`, at most 100, no digit first",
            )
        elif not isinstance(scalar(name), str):
            yield Problem(
                draft.at(inner.key_line), f"{what} is a value in YAML, not a name", "choose another name"
            )


@before_shapes
def names_are_given_once(draft: Draft) -> Iterator[Problem]:
    """Inputs and nodes share one namespace, nodes out of blocks included."""
    taken = dict.fromkeys(draft.inputs, "input")
    for alias in draft.aliases:
        if alias in taken:
            line = draft.item.value["nodes"].value[alias].key_line
            yield Problem(draft.at(line), f"node {alias} has the name of an input", "rename one of them")
    for call in draft.calls:
        if call.name in taken and not (call.name in draft.aliases and taken[call.name] == "input"):
            yield Problem(
                draft.at(call.line),
                f"node {call.name} has the name of another {taken[call.name]}",
                "rename one of them",
            )
        taken[call.name] = "node"
    for alias, name in draft.aliases.items():
        if alias != name and taken.get(alias) == "node":
            line = draft.item.value["nodes"].value[alias].key_line
            yield Problem(draft.at(line), f"node {alias} has the name of another node", "rename one of them")


@before_shapes
def every_tensor_is_defined(draft: Draft) -> Iterator[Problem]:
    """A name that a node reads is an input, a node, or a parameter that some node owns."""
    known = {*draft.inputs, *draft.nodes, *draft.lost}
    owners = {call.name: call for call in draft.calls}
    for call in draft.calls:
        for slot in call.reads:
            for name in call.names(slot):
                base, dot, wanted = name.partition(".")
                if base in draft.lost or (not dot and name in known):
                    continue
                line = draft.at(call.lines.get(slot, call.line))
                owner = owners.get(base)
                if not dot or owner is None:
                    hint = nearest(name, [*draft.inputs, *draft.aliases, *draft.nodes])
                    yield Problem(line, f"node {call.name}: there is no tensor {show(name)}", hint)
                elif wanted not in owner.op.parameters:
                    hint = nearest(wanted, owner.op.parameters)
                    yield Problem(
                        line,
                        f"node {call.name}: {base} ({owner.op.name}) has no parameter {show(wanted)}",
                        hint,
                    )
                elif wanted in owner.reads:
                    shared = owner.reads[wanted]
                    has = f"reads {shared} instead" if isinstance(shared, str) else "has none"
                    yield Problem(
                        line,
                        f"node {call.name}: {base} owns no {wanted}; it {has}",
                        f"name {shared}" if shared else "",
                    )


@before_shapes
def no_node_needs_itself(draft: Draft) -> Iterator[Problem]:
    """The graph has no cycles."""
    lines = {call.name: call.line for call in draft.calls}
    for cycle in cycles(needs(draft.calls)):
        shown = " -> ".join([*cycle[:10], *(["..."] if len(cycle) > 10 else []), cycle[0]])
        yield Problem(
            draft.at(lines[cycle[0]]), f"nodes {shown} read each other in a cycle", "each arrow reads: needs"
        )


def needs(calls: tuple[Call, ...]) -> dict[str, list[str]]:
    """Node -> the nodes that must come before it: those it reads, and owners of parameters it reads in a tensor slot."""
    names = {call.name for call in calls}
    found: dict[str, list[str]] = {}
    for call in calls:
        read = [name.partition(".")[0] for name in call.needs] + list(call.shares.values())
        found[call.name] = [name for name in read if name in names]
    return found


@before_shapes
def outputs_are_nodes(draft: Draft) -> Iterator[Problem]:
    """`output` and `exact_output` name nodes."""
    for key, name in (("output", draft.output), ("exact_output", draft.exact_output)):
        if name is not None and name not in draft.nodes and name not in draft.lost:
            hint = nearest(name, [*draft.aliases, *draft.nodes])
            yield Problem(
                draft.at(draft.line(key)), f"{key} is {show(name)}; expected the name of a node", hint
            )
    if draft.exact_output is not None and "exact" not in draft.form.values:
        yield Problem(
            draft.at(draft.line("exact_output")),
            "exact_output is written, and no exact variant is asked for",
            "write `values: [drawn, exact]`",
        )


@before_shapes
def variants_are_listed_once(draft: Draft) -> Iterator[Problem]:
    """No dtype and no kind of values comes twice."""
    for key, given in (("dtypes", draft.form.dtypes), ("values", draft.form.values)):
        if len(set(given)) < len(given):
            yield Problem(draft.at(draft.line(key)), f"{key} is {show(given)}; expected each once")


@after_shapes
def shared_parameters_fit(draft: Draft) -> Iterator[Problem]:
    """A tensor that stands in for a parameter has the parameter's shape."""
    inference = draft.inference
    for call in draft.calls:
        for slot, name in call.shares.items():
            wanted, came = inference.expected.get((call.name, slot)), inference.shapes.get(name)
            if wanted is not None and came is not None and came != wanted:
                line = draft.at(call.lines.get(slot, call.line))
                message = f"node {call.name}: {slot} is {name} with shape {show(list(came))}; expected {show(list(wanted))}"
                yield Problem(line, message)


@after_shapes
def overrides_name_parameters(draft: Draft) -> Iterator[Problem]:
    """Everything under `parameters` is a parameter or a buffer that some node owns."""
    for name in draft.form.parameters:
        if name not in draft.inference.owned and name.partition(".")[0] not in draft.lost:
            written = draft.item.get("parameters")
            line = written.value[name].key_line if written is not None and name in written.value else 1
            hint = nearest(name, draft.inference.owned)
            yield Problem(draft.at(line), f"parameters: there is no parameter {show(name)}", hint)
