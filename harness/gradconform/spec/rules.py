"""What makes a spec right as a whole: one generator for each rule, which yields mistakes and never raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from gradconform.errors import nearest
from gradconform.spec.calls import Call
from gradconform.spec.draft import Draft
from gradconform.spec.errors import Mistake, show
from gradconform.spec.form import NAME
from gradconform.spec.graph import cycles
from gradconform.spec.text import Item, scalar

Rule = Callable[[Draft], Iterator[Mistake]]
BEFORE_SHAPES: list[Rule] = []
AFTER_SHAPES: list[Rule] = []


def before_shapes(rule: Rule) -> Rule:
    """Mark a rule that needs only names, and so is applied before shapes are inferred."""
    BEFORE_SHAPES.append(rule)
    return rule


def after_shapes(rule: Rule) -> Rule:
    """Mark a rule that needs shapes, and so is applied after they were inferred."""
    AFTER_SHAPES.append(rule)
    return rule


@before_shapes
def names_are_identifiers(draft: Draft) -> Iterator[Mistake]:
    """Inputs, nodes and blocks are named by letters, digits and `_`, and never by a value of YAML."""
    for section in ("inputs", "nodes", "blocks"):
        yield from _bad_names(draft, section, _keys(draft.item.get(section)))
    for name in draft.form.blocks:
        block = draft.item.value["blocks"].value[name]
        yield from _bad_names(draft, f"block {name}", _keys(block.get("nodes")))
        inputs = [(item.value, item.line) for item in block.value["inputs"].value]
        yield from _bad_names(draft, f"block {name}", inputs)


def _keys(item: Item | None) -> list[tuple[str, int]]:
    mapping = item.value if item and isinstance(item.value, dict) else {}
    return [(key, inner.key_line) for key, inner in mapping.items()]


def _bad_names(draft: Draft, section: str, names: list[tuple[str, int]]) -> Iterator[Mistake]:
    for name, line in names:
        if not re.fullmatch(NAME, name):
            hint = "use letters, digits and `_`, no digit first, at most 100"
            yield draft.mistake(line, f"{section}: {show(name)} is not a name", hint)
        elif not isinstance(scalar(name), str):
            yield draft.mistake(line, f"{section}: {show(name)} is a value in YAML", "choose another name")


@before_shapes
def names_are_given_once(draft: Draft) -> Iterator[Mistake]:
    """No two inputs, nodes, uses of blocks or nodes that these make have the same name."""
    lines = {call.name: call.line for call in draft.calls}
    for name in draft.clashing:
        line = draft.key_line("nodes", name) if name in draft.aliases else lines[name]
        other = "an input" if name in draft.inputs else "another node"
        yield draft.mistake(line, f"node {name} has the name of {other}", "rename one of them")


@before_shapes
def every_tensor_is_defined(draft: Draft) -> Iterator[Mistake]:
    """A name that a node reads is that of an input, of a node, or of a parameter that some node owns."""
    known = {*draft.inputs, *draft.nodes}
    owners = {call.name: call for call in draft.calls}
    names = [*draft.inputs, *draft.aliases, *draft.nodes]
    for call in draft.calls:
        for slot in call.reads:
            for name in call.names(slot):
                reason = "" if name in known or draft.is_lost(name) else _undefined(name, owners)
                if reason:
                    hint = "" if name.partition(".")[0] in owners else nearest(name, names)
                    yield draft.mistake(call.lines.get(slot, call.line), f"node {call.name}: {reason}", hint)


def _undefined(name: str, owners: Mapping[str, Call]) -> str:
    """Why there is no tensor of a name; empty where it is a parameter that a node owns."""
    base, dot, slot = name.partition(".")
    owner = owners.get(base)
    if not dot or owner is None:
        return f"there is no tensor {show(name)}"
    if slot not in owner.op.parameters and owner.op.several:
        # How many there are is known with the shapes: `results_are_there`.
        return ""
    if slot not in owner.op.parameters:
        known = ", ".join(owner.op.parameters) or "none"
        return f"{base} ({owner.op.name}) has no parameter {show(slot)}; its parameters: {known}"
    if slot not in owner.reads:
        return ""
    shared = owner.reads[slot]
    if shared is None:
        return f"{base} has no {slot}: it says `{slot}: false`"
    return f"{base} owns no {slot}: it reads {shared}; write {shared}"


@before_shapes
def no_node_needs_itself(draft: Draft) -> Iterator[Mistake]:
    """The graph has no cycles."""
    lines = {call.name: call.line for call in draft.calls}
    for cycle in cycles(needs(draft.sound)):
        shown = " -> ".join([*cycle[:10], *["..."] * (len(cycle) > 10), cycle[0]])
        message = f"nodes read each other in a cycle: {shown}"
        yield draft.mistake(lines[cycle[0]], message, "each needs the next")


def needs(calls: Sequence[Call]) -> dict[str, list[str]]:
    """Node -> nodes that must come before it: those it reads, in any slot.

    A parameter in a tensor slot needs its owner, whose shapes come first; one shared as a parameter does not.
    """
    names = {call.name for call in calls}
    found: dict[str, list[str]] = {}
    for call in calls:
        read = [name.partition(".")[0] for name in call.needs] + list(call.shares.values())
        found[call.name] = [name for name in read if name in names]
    return found


@before_shapes
def outputs_are_nodes(draft: Draft) -> Iterator[Mistake]:
    """`output` and `exact_output` name nodes."""
    for key, name in (("output", draft.output), ("exact_output", draft.exact_output)):
        if name is not None and name not in draft.nodes and not draft.is_lost(name):
            hint = nearest(name, [*draft.aliases, *draft.nodes])
            yield draft.mistake(draft.line(key), f"{key} is {show(name)}; expected the name of a node", hint)


@before_shapes
def exact_output_is_used(draft: Draft) -> Iterator[Mistake]:
    """`exact_output` comes with the variant that it is for."""
    if draft.exact_output is not None and "exact" not in draft.form.values:
        message = "exact_output is written, but no exact variant is asked for"
        yield draft.mistake(draft.line("exact_output"), message, "write `values: [drawn, exact]`")


@before_shapes
def variants_are_listed_once(draft: Draft) -> Iterator[Mistake]:
    """No dtype and no kind of values comes twice."""
    for key, given in (("dtypes", draft.form.dtypes), ("values", draft.form.values)):
        if len(set(given)) < len(given):
            yield draft.mistake(draft.line(key), f"{key} is {show(list(given))}; expected each once")


@after_shapes
def results_are_there(draft: Draft) -> Iterator[Mistake]:
    """What is read of a node with several outputs is one of them, or a parameter that it owns."""
    inference = draft.inference
    owners = {call.name: call for call in draft.calls if call.op.several}
    for call in draft.calls:
        for slot in call.reads:
            for name in call.names(slot):
                base, _, result = name.partition(".")
                maker = inference.nodes.get(base)
                if maker is None or base not in owners or result in owners[base].op.parameters:
                    continue
                if name not in inference.shapes:
                    known = ", ".join(output.name for output in maker.results)
                    line = call.lines.get(slot, call.line)
                    message = f"node {call.name}: there is no tensor {show(name)}; {base} gives {known}"
                    yield draft.mistake(line, message)


@after_shapes
def shared_parameters_fit(draft: Draft) -> Iterator[Mistake]:
    """A tensor that stands in for a parameter has the parameter's shape."""
    inference = draft.inference
    for call in draft.calls:
        for slot, name in call.shares.items():
            wanted, came = inference.expected.get((call.name, slot)), inference.shapes.get(name)
            if wanted is not None and came is not None and came != wanted:
                message = f"node {call.name}: {slot} is {name} with shape {show(list(came))}"
                line = call.lines.get(slot, call.line)
                yield draft.mistake(line, f"{message}; expected {show(list(wanted))}")


@after_shapes
def overrides_name_parameters(draft: Draft) -> Iterator[Mistake]:
    """Everything under `parameters` is a parameter or a buffer that some node owns; a pattern speaks of one or more."""
    # Where a mistake stands between a node and the inputs, its parameters are not known yet.
    unknown = set(draft.nodes) - draft.inference.nodes.keys()
    meant = {draft.override(name) for name in draft.inference.owned}
    for name in draft.form.parameters:
        if "*" in name:
            if name not in meant and not unknown and not draft.lost:
                line = draft.key_line("parameters", name)
                yield draft.mistake(line, f"parameters: {show(name)} speaks of no parameter", "remove it")
            continue
        if name in draft.inference.owned or draft.is_lost(name) or name.partition(".")[0] in unknown:
            continue
        hint = nearest(name, draft.inference.owned)
        line = draft.key_line("parameters", name)
        yield draft.mistake(line, f"parameters: there is no parameter {show(name)}", hint)
