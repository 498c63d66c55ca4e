"""The claims of a spec: printed results, each about a tensor that the judge will have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from gradconform.draws import Draw
from gradconform.errors import nearest
from gradconform.graph import Shape
from gradconform.spec import form
from gradconform.spec.draft import Draft
from gradconform.spec.errors import Mistake, show
from gradconform.spec.model import Claim, Where
from gradconform.spec.tensors import Declared
from gradconform.spec.text import Item, plain

WORDS = ("none", "raises")
"""What may be claimed in place of numbers: that there is no gradient, and that asking for it is an error."""


def claims(draft: Draft, declared: Declared) -> tuple[Claim, ...]:
    """The claims of a network or a behaviour, validated. Notes what is wrong with any of them.

    declared: makes the numbers of a claim, in the shape of its tensor.
    """
    scripted = isinstance(draft.form, form.Behaviour)
    known = asked(draft) if scripted else readable(draft)
    listed = draft.item.get("claims")
    items = listed.value if listed is not None and isinstance(listed.value, list) else []
    valid = []
    for written, item in zip(draft.form.claims, items, strict=False):
        of = aliased(draft, written.of)
        declared.mistakes.extend(_faults(draft, written, item, of, known, scripted))
        if isinstance(written.value, str) or of not in known:
            value = written.value
        else:
            # Checked as any literal is: numbers alone, none too large for the dtype, in the tensor's shape.
            numbers = form.Drawn(value=written.value)
            value = _json(plain(item.value["value"]))
            declared.draw(numbers, item, f"claim about {of}", Draw(known[of]))
        where = Where(draft.path, item.key_line or item.line)
        valid.append(Claim(written.says, written.source, written.framework, of, value, written.digits, where))
    return tuple(valid)


def aliased(draft: Draft, tensor: str) -> str:
    """The name of a tensor, in which the name of a block's use is replaced by the node that it stands for."""
    *kind, name = tensor.split("/")
    return "/".join([*kind, draft.aliases.get(name, name)])


def asked(draft: Draft) -> dict[str, Shape]:
    """What a claim about a behaviour can speak of: each ask, with the shape of its tensor."""
    written = draft.item.get("ask")
    asks = [aliased(draft, str(item.value)) for item in written.value] if written else []
    shapes = draft.inference.shapes
    return {ask: shapes[name] for ask in asks if (name := ask.rpartition("/")[2]) in shapes}


def readable(draft: Draft) -> dict[str, Shape]:
    """What a claim about a plain network can speak of: every tensor that a capture of it holds, with its shape."""
    return {address.tensor: address.shape for address in draft.inference.graph(draft.output).addresses()}


def _faults(
    draft: Draft, written: form.Claim, item: Item, of: str, known: Mapping[str, Shape], scripted: bool
) -> Iterator[Mistake]:
    """What is wrong with a claim, apart from its numbers."""
    line = item.value["value"].line
    # Where a mistake stands between a node and the inputs, nothing is known of its tensors yet.
    base = of.rpartition("/")[2].partition(".")[0]
    uncertain = draft.is_lost(base) or base in set(draft.nodes) - draft.inference.nodes.keys()
    if of not in known and not uncertain:
        what = "the script does not ask for" if scripted else "a capture does not hold"
        yield draft.mistake(item.value["of"].line, f"claim: {what} {show(written.of)}", nearest(written.of, known))
    if isinstance(written.value, str):
        if written.value not in WORDS:
            expected = "numbers, none or raises"
            yield draft.mistake(line, f"claim about {of}: value is {show(written.value)}; expected {expected}")
        elif written.digits is not None:
            yield draft.mistake(line, f"claim about {of}: digits are of numbers, and value is {written.value}")
        if written.value == "raises" and not scripted:
            yield draft.mistake(line, f"claim about {of}: only the ask of a script raises", "expected numbers or none")
    if "drawn" not in draft.form.values:
        hint = "write `values: [drawn, exact]`"
        yield draft.mistake(line, f"claim about {of}: claims are judged on drawn values, and none are asked for", hint)


def _json(value: Any) -> Any:
    """Numbers as JSON has them: NaN and infinity as words that `float` reads."""
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
