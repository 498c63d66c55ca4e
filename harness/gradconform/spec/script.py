"""The script of a behaviour: its steps and asks as they are written, resolved until nothing is left to infer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, Field

from gradconform.draws import Draw
from gradconform.errors import nearest
from gradconform.graph import Shape
from gradconform.spec.draft import Draft
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.form import Behaviour, Drawn, Flag, Form, Literal_, Names, Text
from gradconform.spec.tensors import Declared
from gradconform.spec.text import Item
from gradconform.spec.wording import adapter, check

Step = dict[str, Any]
Resolved = tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]

_Some = Annotated[Names, Field(min_length=1, description="a list of one name or more")]
_NodesOrAll = Annotated[list[Text] | Literal["all"], Field(description="`all` or a list of nodes")]
_Number = Annotated[float, Field(strict=True, description="a number or .nan")]
_Cotangent = Annotated[Literal["given", "zeros", "none"], Field(description="given, zeros or none")]
_Cleared = Annotated[Literal["none", "zeros"], Field(description="none or zeros")]


class Forward(Form):
    """Run forward."""

    no_grad: _NodesOrAll = []
    detach: Names = []
    through_numpy: Names = []


class Backward(Form):
    """Run backward in the framework's idiom."""

    of: Text | None = None
    cotangent: _Cotangent = "given"
    keep_graph: Flag = False


class Grad(Form):
    """Ask for gradients the functional way; they are `result/<as>/<tensor>`."""

    of: Text
    in_: Annotated[_Some, Field(validation_alias=AliasChoices("in"), alias="in")]
    as_: Annotated[Text, Field(validation_alias=AliasChoices("as"), alias="as")]
    store: Flag = False
    keep: Flag = False
    keep_graph: Flag = False


class Keep(Form):
    """Ask that gradients of intermediates be kept."""

    tensors: _Some


class Clear(Form):
    """Clear gradients."""

    tensors: _Some | None = None
    to: _Cleared = "none"


class Fill(Form):
    """Put a number into every element of a gradient buffer."""

    tensor: Text
    value: _Number


class Set(Form):
    """Change an input in place, in the very variable that the graph was built with."""

    tensor: Text
    value: Literal_


class Change(Form):
    """Overwrite the value of a tensor in place after forward."""

    tensor: Text
    value: Literal_


STEPS: dict[str, type[Form]] = {
    "forward": Forward,
    "backward": Backward,
    "grad": Grad,
    "keep": Keep,
    "clear": Clear,
    "fill": Fill,
    "set": Set,
    "change": Change,
}
# What a network file may say and a behaviour may not.
UNFIT = ("values", "exact_output", "weights")
ASKS = "grad/<tensor>, output/<node> or result/<as>/<tensor>"


def resolve(draft: Draft, declared: Declared, mistakes: Mistakes) -> Resolved:
    """The script and the asks, with every argument written out; both empty for a plain network. Notes mistakes."""
    if not isinstance(draft.form, Behaviour):
        return (), ()
    reading = _Reading(draft, declared, mistakes)
    steps = tuple(step for item in draft.item.value["script"].value for step in reading.step(item))
    asks = tuple(ask for item in draft.item.value["ask"].value for ask in reading.ask(item))
    for key in UNFIT:
        if draft.item.get(key) is not None:
            mistakes.add(draft.line(key), f"{key}: a behaviour's numbers are all exact and in the file; remove it")
    return steps, asks


class _Reading:
    """Reads the steps of one script in their order."""

    def __init__(self, draft: Draft, declared: Declared, mistakes: Mistakes) -> None:
        self.draft, self.declared, self.mistakes = draft, declared, mistakes
        inference = draft.inference
        self.inputs = inference.inputs
        self.nodes = list(inference.nodes)
        self.leaves = [name for name, tensor in inference.inputs.items() if tensor.grad]
        self.leaves += [name for name in inference.owned if name not in inference.buffers]
        self.tensors = [*inference.inputs, *inference.owned, *self.nodes]
        self.results: dict[str, list[str]] = {}
        self.ran = False

    def step(self, item: Item) -> Iterator[Step]:
        """The step with every argument written out; nothing where a mistake was noted."""
        word, arguments = _parts(item)
        if not isinstance(word, str) or word not in STEPS:
            hint = nearest(str(word), STEPS)
            self.mistakes.add(item.line, f"script: {show(word)} is not a step", hint)
            return
        form = check(adapter(STEPS[word]), arguments, f"script: {word}", self.mistakes)
        if form is None:
            return
        before = self.mistakes.noted
        says: Callable[[Any, Item], Step] = getattr(self, f"_{word}")
        said = says(form, arguments)
        if self.mistakes.noted == before:
            yield {"do": word, **said}

    def _forward(self, form: Forward, item: Item) -> Step:
        self.ran = True
        no_grad = self.nodes if form.no_grad == "all" else self._names(form.no_grad, item, "no_grad", self.nodes)
        cut = {key: self._names(getattr(form, key), item, key) for key in ("detach", "through_numpy")}
        return {"no_grad": list(no_grad), **cut}

    def _backward(self, form: Backward, item: Item) -> Step:
        of = self.draft.output if form.of is None else self._name(form.of, item, "of", self.nodes)
        self._after_forward(item, "backward")
        shapes, output = self.draft.inference.shapes, self.draft.output
        if form.cotangent == "given" and shapes.get(of) != shapes.get(output) and {of, output} <= shapes.keys():
            message = f"script: backward: the given cotangent has the shape of {output}, {of} has another"
            self.mistakes.add(item.line, message, "write `cotangent: zeros` or `none`, or change the shapes")
        return {"of": of, "cotangent": form.cotangent, "keep_graph": form.keep_graph}

    def _grad(self, form: Grad, item: Item) -> Step:
        self._after_forward(item, "grad")
        of = self._name(form.of, item, "of", self.nodes)
        wrt = self._names(form.in_, item, "in")
        if form.as_ in self.results:
            self.mistakes.add(item.value["as"].line, f"script: grad: the name {show(form.as_)} is given twice")
        self.results[form.as_] = wrt
        flags = {"store": form.store, "keep": form.keep, "keep_graph": form.keep_graph}
        return {"of": of, "in": wrt, "as": form.as_, **flags}

    def _keep(self, form: Keep, item: Item) -> Step:
        self._after_forward(item, "keep")
        return {"tensors": self._names(form.tensors, item, "tensors", self.nodes)}

    def _clear(self, form: Clear, item: Item) -> Step:
        tensors = self.leaves if form.tensors is None else self._names(form.tensors, item, "tensors")
        return {"tensors": list(tensors), "to": form.to}

    def _fill(self, form: Fill, item: Item) -> Step:
        name = self._name(form.tensor, item, "tensor")
        if name in self.nodes:
            self._after_forward(item, "fill")
        return {"tensor": name, "value": _json(form.value)}

    def _set(self, form: Set, item: Item) -> Step:
        name = self._name(form.tensor, item, "tensor", self.inputs)
        return {"tensor": name, "value": self._numbers(name, item.value["value"], f"script: set {name}")}

    def _change(self, form: Change, item: Item) -> Step:
        self._after_forward(item, "change")
        name = self._name(form.tensor, item, "tensor")
        return {"tensor": name, "value": self._numbers(name, item.value["value"], f"script: change {name}")}

    def ask(self, item: Item) -> Iterator[str]:
        """The ask with the network's own name of its tensor; nothing where a mistake was noted."""
        kind, _, name = str(item.value).partition("/")
        result, _, inner = name.partition("/")
        known = {"grad": self.tensors, "output": self.nodes, "result": self.results.get(result, ())}
        if kind not in known or not name:
            self.mistakes.add(item.line, f"ask: {show(item.value)} is no tensor; expected {ASKS}")
        elif kind == "result" and result not in self.results:
            hint = nearest(result, self.results) or "expected the `as` of a grad step"
            self.mistakes.add(item.line, f"ask: there is no result {show(result)}", hint)
        else:
            before = self.mistakes.noted
            found = self._known(inner if kind == "result" else name, item, "ask", known[kind])
            if self.mistakes.noted == before:
                yield f"result/{result}/{found}" if kind == "result" else f"{kind}/{found}"

    def _after_forward(self, item: Item, word: str) -> None:
        if not self.ran:
            self.mistakes.add(item.line, f"script: {word} comes before forward", "write `forward` before it")

    def _numbers(self, name: str, item: Item, what: str) -> Any:
        """Numbers in the shape of a tensor, as nested lists; None where a mistake was noted."""
        shape: Shape | None = self.draft.inference.shapes.get(name)
        if shape is None:
            return None
        kind = self.draft.inference.kinds[name]
        wrapped = Item({"value": item}, item.line, item.key_line)
        draw = self.declared.draw(Drawn(value=item.value), wrapped, what, Draw(shape), kind)
        return None if draw.value is None else _json(np.asarray(draw.value).tolist())

    def _names(self, names: Iterable[str], item: Item, key: str, known: Iterable[str] | None = None) -> list[str]:
        items = item.value[key].value if key in (item.value or {}) else []
        return [self._known(name, at, "script", known) for name, at in zip(names, items, strict=False)]

    def _name(self, name: str, item: Item, key: str, known: Iterable[str] | None = None) -> str:
        return self._known(name, item.value[key], "script", known)

    def _known(self, name: str, item: Item, where: str, known: Iterable[str] | None) -> str:
        """The network's own name of a tensor. Notes a mistake where it has none of the kind that a step needs."""
        among = list(self.tensors if known is None else known)
        meant = self.draft.aliases.get(name, name)
        if meant not in among and not self.draft.is_lost(meant):
            what = f"there is no tensor {show(name)}" if meant not in self.tensors else f"{name} does not fit here"
            self.mistakes.add(item.line, f"{where}: {what}", nearest(name, among))
        return meant


def _parts(item: Item) -> tuple[Any, Item]:
    """Word and arguments of a step, as the step is written."""
    if isinstance(item.value, dict) and len(item.value) == 1:
        ((word, arguments),) = item.value.items()
        return word, arguments
    return item.value, Item({}, item.line, item.key_line)


def _json(value: Any) -> Any:
    """Numbers as JSON has them: NaN and infinity as words that `float` reads."""
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
