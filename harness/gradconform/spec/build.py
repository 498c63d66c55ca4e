"""From the form of a file to networks: expansion, calls, shapes, tensors, rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradconform.draws import Draw
from gradconform.graph import Shape
from gradconform.spec.calls import calls
from gradconform.spec.claims import claims
from gradconform.spec.draft import Draft
from gradconform.spec.errors import Mistake, Mistakes, show
from gradconform.spec.expand import Expansion
from gradconform.spec.form import FILE_NAME, NetworkFile
from gradconform.spec.graph import ordered
from gradconform.spec.infer import Inference
from gradconform.spec.model import Network, Tensor, Where
from gradconform.spec.rules import AFTER_SHAPES, BEFORE_SHAPES, needs
from gradconform.spec.script import resolve
from gradconform.spec.tensors import Declared, check_elements
from gradconform.spec.text import Item
from gradconform.spec.weights import check_weights

Dropped = set[tuple[str, ...]]


class Builder:
    """Builds the network of one form; it raises SpecError with everything that is wrong."""

    def __init__(self, path: Path, mistakes: Mistakes, most_elements: int) -> None:
        self.path = path
        self.mistakes = mistakes
        self.most_elements = most_elements

    def network(
        self, form: NetworkFile, item: Item, dropped: Dropped, grad: bool = False, name: str | None = None
    ) -> Network:
        """The network that a form describes.

        item: the form as it is written, with its lines.
        dropped: the parts of the file that were left out because of a mistake that was noted.
        grad: whether float inputs get a gradient where they do not say.
        name: what the network is called; by default what the form or the file says.
        Raises SpecError with all mistakes.
        """
        name = name or self._name(form)
        self.declared = Declared(self.path, form.dtypes, self.mistakes)
        inputs = [
            self.declared.input(key, said, item.value["inputs"].value[key], grad) for key, said in form.inputs.items()
        ]
        draft = self._draft(form, item, inputs, dropped)
        self.mistakes.extend(_apply(BEFORE_SHAPES, draft))
        nodes = self._infer(draft)
        self.mistakes.extend(_apply(AFTER_SHAPES, draft))
        check_elements(draft.inference.sizes(inputs), self.most_elements, self.mistakes)
        given = self._given(draft)
        cotangent = self._cotangent(draft)
        weights = check_weights(draft, given, self.mistakes)
        script, asks = resolve(draft, self.declared, self.mistakes)
        claimed = claims(draft, self.declared)
        self.mistakes.stop()
        buffers = draft.inference.buffers
        return Network(
            name=name,
            about=form.about,
            path=self.path,
            seed=form.seed,
            dtypes=tuple(form.dtypes),
            values=tuple(form.values),
            inputs=tuple(inputs),
            parameters=tuple(t for t in given if t.name not in buffers),
            buffers=tuple(t for t in given if t.name in buffers),
            nodes=tuple(draft.inference.nodes[node] for node in nodes),
            output=draft.output,
            cotangent=cotangent,
            exact_output=(draft.exact_output or draft.output) if "exact" in form.values else None,
            weights=weights,
            lines=dict(draft.inference.lines),
            claims=claimed,
            script=script,
            asks=asks,
        )

    def _name(self, form: NetworkFile) -> str:
        name = form.name or self.path.stem
        if not re.fullmatch(FILE_NAME, name):
            hint = "write `name:` with letters, digits, `_`, `.` and `-`"
            self.mistakes.add(1, f"the file's name {show(name)} cannot name a network", hint)
        return name

    def _draft(self, form: NetworkFile, item: Item, inputs: list[Tensor], dropped: Dropped) -> Draft:
        bad_blocks = {path[1] for path in dropped if path[0] == "blocks" and len(path) > 1}
        expansion = Expansion(form.blocks, item.get("blocks"), bad_blocks, self.mistakes)
        nodes: Mapping[str, Item] = item.value["nodes"].value
        steps, scope = expansion.network(nodes, _keys(item.get("inputs")))
        lost = expansion.lost | {path[1] for path in dropped if path[0] == "inputs" and len(path) > 1}
        made = calls(steps, self.mistakes, lost, self.declared.narrowest.largest)
        aliases = {key: scope.names[key] for key in nodes}
        output = form.output if form.output is not None else list(nodes)[-1]
        exact = form.exact_output
        return Draft(
            path=self.path,
            form=form,
            item=item,
            inputs=tuple(tensor.name for tensor in inputs),
            calls=tuple(made),
            lost=frozenset(lost),
            lost_uses=frozenset(expansion.lost_uses),
            aliases=aliases,
            inference=Inference(inputs, self.mistakes),
            output=aliases.get(output, output),
            exact_output=None if exact is None else aliases.get(exact, exact),
        )

    def _infer(self, draft: Draft) -> list[str]:
        """Infer the nodes in an order in which each reads only what comes before, and return that order."""
        order = ordered(needs(draft.sound))
        by_name = {call.name: call for call in draft.sound}
        for name in order:
            draft.inference.add(by_name[name])
        return order

    def _given(self, draft: Draft) -> list[Tensor]:
        """The network's parameters and buffers, drawn as the file says, or else as their operator does."""
        tensors = []
        buffers = draft.inference.buffers
        for name, (_, draw, line) in draft.inference.owned.items():
            role = "buffer" if name in buffers else "parameter"
            key = draft.override(name)
            where = Where(self.path, line)
            if key is not None:
                item = draft.item.value["parameters"].value[key]
                draw = self.declared.draw(draft.form.parameters[key], item, f"{role} {name}", draw)
                where = Where(self.path, item.key_line)
            tensors.append(Tensor(name, role, draw.shape, "float", role == "parameter", draw, where))
        return tensors

    def _cotangent(self, draft: Draft) -> Draw:
        shape: Shape | None = draft.inference.shapes.get(draft.output)
        default = standard_cotangent(shape or ())
        said, item = draft.form.cotangent, draft.item.get("cotangent")
        if said is None or item is None or shape is None:
            return default
        return self.declared.draw(said, item, "cotangent", default)


def standard_cotangent(shape: Shape) -> Draw:
    """How a cotangent is drawn where the spec does not say.

    Never all ones: one random number for a scalar output, normal numbers otherwise.
    """
    if shape == ():
        return Draw(shape, kind="uniform", low=0.6, high=1.7)
    return Draw(shape, mean=0.4, scale=0.8)


def _apply(rules: list[Any], draft: Draft) -> Iterator[Mistake]:
    for rule in rules:
        yield from rule(draft)


def _keys(item: Item | None) -> list[str]:
    return list(item.value) if item is not None and isinstance(item.value, dict) else []
