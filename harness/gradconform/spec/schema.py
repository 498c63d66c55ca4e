"""The JSON Schema of spec files, for editors. `python -m gradconform.spec.schema specs/schema.json` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema

from gradconform.reference import OPERATORS, Operator
from gradconform.spec.form import (
    FILE_NAME,
    NAME,
    Behaviour,
    BehaviourFile,
    Block,
    Declaration,
    Drawn,
    NetworkFile,
    OperatorFile,
    Use,
)
from gradconform.spec.grid import EACH
from gradconform.spec.script import STEPS, UNFIT
from gradconform.spec.wording import adapter

Schema = dict[str, Any]
_INT: Schema = {"type": "integer"}
_TENSOR: Schema = {"type": "string", "description": "the name of a tensor"}
_ARGUMENT: Schema = {"type": "string", "pattern": r"^\$", "description": "an argument of the block"}
_EACH: Schema = {
    "type": "object",
    "description": "what the cases differ in: places such as x.shape with values, or labels with what each sets",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            {"type": "array", "minItems": 1},
            {"type": "object", "minProperties": 1, "additionalProperties": {"type": "object"}},
        ]
    },
}
# What a person may write in place of the full form: validators make lists of ints and of pairs.
_SHORT_FORMS: tuple[tuple[Any, Schema], ...] = (
    (1, _INT),
    *(([1] * axes, {"type": "array", "items": _INT, "minItems": axes, "maxItems": axes}) for axes in (1, 2, 3)),
)


def schema() -> Schema:
    """A schema that accepts every file that `load` accepts, and names what it does not."""
    forms = (NetworkFile, OperatorFile, BehaviourFile, Behaviour, Block, Use, Declaration, Drawn, *STEPS.values())
    models = [(model, "validation") for model in forms]
    _, whole = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    defs: Schema = whole["$defs"]
    for op in sorted(OPERATORS.values(), key=lambda op: op.name):
        defs[f"node-{op.name}"] = _node(op)
        defs[f"case-{op.name}"] = _case(op)
    node = {
        "type": "object",
        "if": {"required": ["block"]},
        "then": {"$ref": "#/$defs/Use"},
        "else": {
            "required": ["op"],
            "properties": {"op": _op()},
            "allOf": [_of_family(members) for members in _families().values()],
        },
    }
    defs["node"] = node
    defs["each"] = _EACH
    defs["Part"] = {key: value for key, value in defs["Declaration"].items() if key != "required"}
    for form in ("NetworkFile", "Block", "Behaviour"):
        defs[form]["properties"]["nodes"] |= {
            "additionalProperties": {"$ref": "#/$defs/node"},
            "propertyNames": {"pattern": NAME},
        }
    defs["OperatorFile"]["properties"]["operator"] = {"enum": _names()}
    defs["OperatorFile"]["properties"]["cases"]["propertyNames"] = {"pattern": FILE_NAME}
    defs["OperatorFile"]["allOf"] = [_cases(name) for name in _names()]
    _add_behaviours(defs)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A spec of gradconform",
        "if": {"required": ["operator"]},
        "then": {"$ref": "#/$defs/OperatorFile"},
        "else": {
            "if": {"required": ["behaviours"]},
            "then": {"$ref": "#/$defs/BehaviourFile"},
            "else": {"$ref": "#/$defs/NetworkFile"},
        },
        "$defs": defs,
    }


def _add_behaviours(defs: Schema) -> None:
    """Add the definitions of behaviours: a step is a word, or a mapping of the word to its arguments."""
    words = [word for word, form in STEPS.items() if not defs[form.__name__].get("required")]
    steps = [_step(word, form.__name__) for word, form in STEPS.items()]
    defs["step"] = {"anyOf": [{"enum": words}, *steps]}
    behaviour = defs["Behaviour"]
    behaviour["required"].remove("about")
    behaviour["properties"]["script"]["items"] = {"$ref": "#/$defs/step"}
    for key in UNFIT:
        del behaviour["properties"][key]
    named = {"additionalProperties": {"$ref": "#/$defs/Behaviour"}, "propertyNames": {"pattern": FILE_NAME}}
    defs["BehaviourFile"]["properties"]["behaviours"] |= named


def _step(word: str, form: str) -> Schema:
    properties = {word: {"$ref": f"#/$defs/{form}"}}
    return {"type": "object", "properties": properties, "required": [word], "additionalProperties": False}


def _names() -> list[str]:
    return sorted(OPERATORS)


def _op() -> Schema:
    return {"anyOf": [{"enum": _names()}, _ARGUMENT]}


def _families() -> dict[str, list[str]]:
    """Family -> the names of its operators."""
    found: dict[str, list[str]] = {}
    for name in _names():
        found.setdefault(OPERATORS[name].family, []).append(name)
    return dict(sorted(found.items()))


def _of_family(members: list[str]) -> Schema:
    """The schema of a node whose `op` names an operator of one family.

    The family is asked first, so that few of the many operators are tried for a node.
    """
    return {
        "if": {"required": ["op"], "properties": {"op": {"enum": members}}},
        "then": {"allOf": [_chosen(name) for name in members]},
    }


def _chosen(name: str) -> Schema:
    """If `op` names this operator, the rest of the mapping follows the operator's schema."""
    return {"if": {"properties": {"op": {"const": name}}}, "then": {"$ref": f"#/$defs/node-{name}"}}


def _cases(name: str) -> Schema:
    cases = {"additionalProperties": {"$ref": f"#/$defs/case-{name}"}}
    return {"if": {"properties": {"operator": {"const": name}}}, "then": {"properties": {"cases": cases}}}


def _node(op: Operator) -> Schema:
    """The schema of a node of this operator: tensors by name, attributes as values or as arguments of a block."""
    properties: Schema = {"op": {"const": op.name}}
    for slot in op.tensors:
        properties[slot] = _slot(op, slot, _TENSOR)
    for slot in op.parameters:
        properties[slot] = _slot(op, slot, _TENSOR)
    attributes = {key: {"anyOf": [_attribute(kind), _ARGUMENT]} for key, kind in _attributes(op).items()}
    needed = ["op", *op.tensors[1:], *attributes]
    return _object(op, {**properties, **attributes}, needed)


def _case(op: Operator) -> Schema:
    """The schema of a case of this operator, in which tensors are declared in place.

    Of one with `each` any part may come from there.
    """
    declared: Schema = {"$ref": "#/$defs/Part"}
    properties: Schema = {slot: _slot(op, slot, declared) for slot in op.tensors}
    properties |= {slot: {"type": "boolean"} for slot in op.parameters if slot in op.optional}
    attributes = {key: _attribute(kind) for key, kind in _attributes(op).items()}
    own: Schema = {"exact": {"type": "boolean"}, "cotangent": {"$ref": "#/$defs/Drawn"}, EACH: {"$ref": "#/$defs/each"}}
    whole: Schema = {"required": ["shape"]}
    needed = {slot: {"items": whole} if slot == op.variadic else whole for slot in op.tensors}
    return _object(op, {**properties, **attributes, **own}, []) | {
        "if": {"required": [EACH]},
        "else": {"properties": needed, "required": [*op.tensors, *attributes]},
    }


def _object(op: Operator, properties: Schema, needed: list[str]) -> Schema:
    return {
        "type": "object",
        "description": op.about,
        "properties": properties,
        "required": needed,
        "additionalProperties": False,
    }


def _slot(op: Operator, slot: str, one: Schema) -> Schema:
    filled: Schema = {"type": "array", "items": one, "minItems": 1} if slot == op.variadic else one
    return {"anyOf": [filled, {"type": "boolean"}]} if slot in op.optional else filled


def _attributes(op: Operator) -> dict[str, Any]:
    return {**op.sizes, **op.attributes}


def _attribute(kind: Any) -> Schema:
    """The schema of an attribute's type, with the short forms that its validators take."""
    validator = adapter(kind)
    full = validator.json_schema()
    short = [form for value, form in _SHORT_FORMS if _takes(validator, value) and not _covers(full, value)]
    if not short:
        return full
    described = {"description": full["description"]} if "description" in full else {}
    return {"anyOf": [full, *short], **described}


def _takes(validator: TypeAdapter[Any], value: Any) -> bool:
    try:
        validator.validate_python(value)
    except ValidationError:
        return False
    return True


def _covers(full: Schema, value: Any) -> bool:
    """Whether the schema of the full form already accepts the short form of this kind: lists of ints, or ints."""
    if full.get("type") != "array":
        return not isinstance(value, list)
    return isinstance(value, list) and full.get("items", {}).get("type") == "integer"


def text() -> str:
    """The content of `specs/schema.json`: JSON with each definition on a line of its own.

    An operator is two of these lines, so that a change of one operator is a change of two lines.
    """
    whole = schema()
    lines = [f"{json.dumps(name)}: {_on_one_line(value)}" for name, value in sorted(whole.pop("$defs").items())]
    head = ",\n".join(f"{json.dumps(key)}: {_on_one_line(value)}" for key, value in sorted(whole.items()))
    return f"{{\n{head},\n" + '"$defs": {\n' + ",\n".join(lines) + "\n}\n}\n"


def _on_one_line(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m gradconform.spec.schema specs/schema.json")
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
