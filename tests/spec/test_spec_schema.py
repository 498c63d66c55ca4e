"""The schema for editors is the code's own, and agrees with the loader."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pydantic
import pytest
import yaml
from gradconform.paths import CONVENTIONS
from gradconform.reference import OPERATORS
from gradconform.spec import schema
from spec_texts import changed

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("networks", "operators", "semantics")
# What frameworks do to behaviours lies in a folder beside them and is no spec.
SPECS = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / "specs" / folder).rglob("*.yaml"))
    if path.parent.name != CONVENTIONS
]


@pytest.fixture(scope="module")
def validator():
    """A validator of the schema, which is itself a schema."""
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    return jsonschema.Draft202012Validator(schema.schema())


@pytest.mark.skipif(
    tuple(map(int, pydantic.VERSION.split(".")[:2])) < (2, 12),
    reason="pydantic before 2.12 writes the same schema in other words",
)
def test_the_schema_on_disk_is_that_of_the_code():
    """`python -m gradconform.spec.schema specs/schema.json` mends this."""
    assert (ROOT / "specs" / "schema.json").read_text(encoding="utf-8") == schema.text()


def test_a_changed_operator_changes_two_lines_of_it(monkeypatch):
    """The schema is checked in, for editors; one line for each definition keeps its differences short."""
    before = schema.text().splitlines()
    monkeypatch.setattr(OPERATORS["gelu"], "about", "Something else.")
    after = schema.text().splitlines()
    changed_lines = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split(":")[0] for line in changed_lines] == ['"case-gelu"', '"node-gelu"']


def test_there_are_specs_to_hold_against_the_schema():
    """Else the next test would hold nothing."""
    assert len(SPECS) > 20


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_fits_the_schema(path, validator):
    """An editor shows no mistake where the loader sees none."""
    validator.validate(_read(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        ("seed: 3", "sede: 3"),
        ("seed: 3", "seed: three"),
        ("op: leaky_relu", "op: leaky_rleu"),
        ("negative_slope: 1e-2", "slope: 1e-2"),
        ("negative_slope: 1e-2", "negative_slope: two"),
        ("reduction: mean", "reduction: meen"),
        ("xs: [second, use]", "xs: second"),
        ("  t: {shape: [2]", "  t: {shape: [-1]"),
        ("  both:", "  bo-th:"),
        ("repeat: 2", "repeat: 0"),
        (", target: t", ""),
    ],
    ids=lambda wrong: wrong[1],
)
def test_an_editor_shows_mistakes(wrong, validator):
    """The schema refuses what the loader refuses for its form."""
    good = changed(("x: second, with", "x: second, repeat: 2, with"))
    validator.validate(_read(good))
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(_read(changed(wrong, text=good)))


@pytest.mark.parametrize(("stride", "fits"), [(1, True), ([1, 2], True), ("$s", True), ([1], False), ("x", False)])
def test_short_forms_are_in_the_schema(stride, fits, validator):
    """An int may stand for a pair, and an argument for anything."""
    node = {
        "op": "conv2d",
        "out_channels": 2,
        "kernel_size": 3,
        "padding": [1, 2],
        "dilation": 1,
        "groups": 1,
    }
    spec = {
        "about": "x",
        "inputs": {"x": {"shape": [1, 1, 4, 4]}},
        "nodes": {"n": {**node, "stride": stride}},
    }
    assert validator.is_valid(copy.deepcopy(spec)) is fits


def _read(text: str):
    """The data of a file as JSON has it."""
    return json.loads(json.dumps(yaml.load(text.replace("1e-", "1.0e-"), Loader=yaml.SafeLoader)))
