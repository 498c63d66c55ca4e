"""No file can make the loader crash, hang or run code: every bad one is a SpecError within a second."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

import os
import re
import time

import pytest
from gradconform.spec import SpecError, load
from spec_texts import GOOD, changed, complaints, load_text

HEAD = "about: Hostile.\ninputs: {x: {shape: [2, 3]}}\n"
NODES = HEAD + "nodes:\n"


def _chain(blocks: int) -> str:
    """Blocks that each use the one before ten times."""
    text = HEAD + "blocks:\n  b0: {inputs: [x], nodes: {n: {op: relu}}, output: n}\n"
    for i in range(1, blocks):
        text += f"  b{i}: {{inputs: [x], nodes: {{n: {{block: b{i - 1}, repeat: 10}}}}, output: n}}\n"
    return text + f"nodes: {{n: {{block: b{blocks - 1}}}}}\n"


def _growing_arguments(blocks: int) -> str:
    """An argument that each block hands on ten times as long."""
    ten = ", ".join(["$a"] * 10)
    text = HEAD + "blocks:\n  b0: {inputs: [x], arguments: [a], nodes: {n: {op: reshape, shape: $a}}, output: n}\n"
    for i in range(1, blocks):
        use = f"{{block: b{i - 1}, with: {{a: [{ten}]}}}}"
        text += f"  b{i}: {{inputs: [x], arguments: [a], nodes: {{n: {use}}}, output: n}}\n"
    return text + f"nodes: {{n: {{block: b{blocks - 1}, with: {{a: 1}}}}}}\n"


BOMB = "a: &a [1, 1]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
MANY_NODES = NODES + "".join(f"  n{i}: {{op: relu, x: y{i}}}\n" for i in range(20_000))

# what -> the file's bytes or text, and what is said of it; a pattern where that begins with a parenthesis
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "the file is empty"),
    "a comment": ("# nothing here\n", "the file is empty"),
    "a list": ("- a\n- b\n", "does not hold a mapping"),
    "a word": ("hello", "does not hold a mapping"),
    "a number": ("1", "does not hold a mapping"),
    "latin-1": ("about: Größe".encode("latin-1"), "byte 0xf6 is not UTF-8"),
    "binary": (bytes(range(256)) * 40, "is not UTF-8"),
    "NUL": ("about: \0", "the character '\\x00' is not allowed"),
    "UTF-16": ("about: x".encode("utf-16"), "byte 0xff is not UTF-8"),
    "broken YAML": ("about: [1, 2\nnodes: }", "not YAML"),
    "a tab": ("about: x\n\tnodes: 1", "not YAML"),
    "two documents": ("about: x\n---\nabout: y\n", "a second document begins"),
    "a bomb of aliases": (BOMB, "the alias *a is not allowed"),
    "an alias of itself": ("a: &a [*a]", "the alias *a is not allowed"),
    "an object": (
        "about: !!python/object/apply:os.system ['true']\n",
        "the tag !!python/object/apply:os.system is not",
    ),
    "a local tag": ("about: !thing x\n", "the tag !thing is not allowed"),
    "a timestamp tag": ("about: !!timestamp 2001-01-01\n", "the tag !!timestamp is not allowed"),
    "a false tag": ("about: x\nseed: !!int many\n", "'many' is not what its tag !!int says"),
    "a key that is a list": ("? [a, b]\n: c\n", "a key is not a plain word"),
    "deep lists": ("a: " + "[" * 500, "nested more than 50 deep"),
    # The parser looks a thousand characters ahead; since 6.0.4 PyYAML's own limit stands where this file's would be met.
    "very deep lists": ("a: " + "[" * 5_000, r"(nested more than 50 deep|not YAML: .)"),
    "deep mappings": ("{a: " * 5_000, "nested more than 50 deep"),
    "deep blocks of text": ("\n".join(" " * i + "a:" for i in range(1_000)), "nested more than 50 deep"),
    "a long file": ("# " + "x" * 2**20, "larger than 1,048,576 bytes"),
    "many values": ("a: [" + "1," * 250_000 + "]", "more than 200,000 values"),
    "many keys": ("".join(f"k{i}: 1\n" for i in range(60_000)), "stopped reading after 100 mistakes"),
    "many nodes": (MANY_NODES, "more than 10,000 nodes"),
    "many unknown names": (
        NODES + "".join(f"  n{i}: {{op: relu, x: y{i}}}\n" for i in range(9_000)),
        "stopped reading after 100 mistakes",
    ),
    "a long number": ("about: x\nseed: " + "9" * 10_000, "is too long"),
    "a number beyond floats": ("about: x\nseed: 1e999", "is too large for a float"),
    "a long name": (NODES + f"  {'n' * 500}: {{op: relu}}\n", "is not a name"),
    "a long operator": (NODES + f"  n: {{op: {'n' * 500_000}}}\n", "there is no operator"),
    "many wrong values": ("about: x\ndtypes: [" + "1," * 100_000 + "]", "dtypes is"),
    "many wrong inputs": (
        "about: x\nnodes: {n: {op: relu}}\ninputs:\n"
        + "".join(f"  i{i}: {{shape: [0, -1, a]}}\n" for i in range(15_000)),
        "inputs.i0.shape is [0, -1, 'a']; expected a list of at most 8 ints of 0 or more",
    ),
    "a long literal": (
        "about: x\nnodes: {n: {op: relu}}\ninputs: {x: {shape: [190000], value: [" + "a," * 190_000 + "]}}",
        "value holds 'a'",
    ),
    "a huge shape": (
        "about: x\ninputs: {x: {shape: [1000000, 1000000]}}\nnodes: {n: {op: relu}}",
        "input x has 1,000,000,000,000 elements, shape [1000000, 1000000]; expected at most 2,147,483,648",
    ),
    "a huge extent": (
        "about: x\ninputs: {x: {shape: [" + "9" * 40 + "]}}\nnodes: {n: {op: relu}}",
        "expected at most 2,147",
    ),
    "a huge parameter": (
        NODES + "  n: {op: linear, out_features: 1000000000000}",
        "parameter n.weight has 3,000,000,000,000",
    ),
    "a huge filled value": (
        "about: x\ninputs: {x: {shape: [1000000, 1000000], value: 1}}\nnodes: {n: {op: relu}}",
        "expected at most",
    ),
    "a huge output": (
        "about: x\ninputs: {x: {shape: [60000, 1]}, y: {shape: [1, 60000]}}\nnodes: {n: {op: add, y: y}}",
        "the output of node n has 3,600,000,000 elements",
    ),
    "much together": (
        "about: x\ninputs: {x: {shape: [30000, 30000]}}\nnodes: {n: {op: relu}, m: {op: relu}}",
        "with the output of node m all tensors have 2,700,000,000 elements together",
    ),
    "blocks that multiply": (_chain(8), "the blocks make more than 10,000 nodes"),
    "blocks within blocks": (_chain(25), "nested more than 20 deep"),
    "many blocks within blocks": (_chain(3_000), "nested more than 20 deep"),
    "arguments that multiply": (_growing_arguments(12), "the blocks make more than 200,000 values"),
    "a ring of blocks": (
        HEAD
        + "blocks:\n"
        + "".join(
            f"  b{i}: {{inputs: [x], nodes: {{n: {{block: b{(i + 1) % 2_000}}}}}, output: n}}\n" for i in range(2_000)
        )
        + "nodes: {n: {block: b0}}\n",
        "b0 uses itself",
    ),
    "a ring of nodes": (
        NODES + "".join(f"  n{i}: {{op: relu, x: n{(i + 1) % 9_000}}}\n" for i in range(9_000)),
        "in a cycle: n0 -> n1",
    ),
    "an operator that is not": (
        "operator: __import__\nabout: x\ncases: {a: {}}\n",
        "there is no operator '__import__'",
    ),
    "a case named like a path": (
        "operator: relu\nabout: x\ncases: {../a: {x: {shape: [1]}}}\n",
        "case '../a' is not a name",
    ),
    "escapes": ('about: "x"\nnodes: {"\\e[31m": {op: relu}}\ninputs: {}\n', "'\\x1b[31m' is not a name"),
    "weights outside of the world": (changed(("seed: 3", "weights: /dev/null")), "there is no file '/dev/null'"),
    "weights that are not": (changed(("seed: 3", "weights: spec.yaml")), "cannot be read"),
    "a NUL in a path": (changed(("seed: 3", 'weights: "a\\0b"')), "weights: "),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_at_once(tmp_path, what):
    """With a reason, in seconds and not in hours, and at a line that the file has."""
    content, reason = HOSTILE[what]
    start = time.process_time()
    found = complaints(tmp_path, content)
    took = time.process_time() - start
    said = reason if reason.startswith("(") else re.escape(reason)
    assert any(re.search(said, text) for _, text in found), found[:5]
    size = content.count(b"\n" if isinstance(content, bytes) else "\n") + 1
    assert all(1 <= line <= size for line, _ in found)
    assert all(len(text) < 1_000 and text.isprintable() for _, text in found)
    # It takes a tenth of a second to one; what is quadratic in such a file would take hours.
    assert took < 60


def test_a_mapping_for_every_key(tmp_path):
    """Each key of the language, given every kind of value, gives a SpecError or loads."""
    keys = ["name", "about", "seed", "dtypes", "values", "exact_output", "weights", "inputs", "parameters"]
    keys += ["blocks", "nodes", "output", "cotangent"]
    lines = GOOD.splitlines()
    for key in keys:
        start = (
            next(i for i, line in enumerate(lines) if line.startswith(f"{key}:")) if f"\n{key}:" in "\n" + GOOD else 0
        )
        end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
        for value in (
            "",
            "1",
            "-1.5",
            "true",
            "word",
            "[]",
            "{}",
            "[[]]",
            "{a: }",
            "{a: {}}",
            "[{a: b}]",
            ".nan",
            '""',
        ):
            kept = lines[:start] + lines[end:] if f"\n{key}:" in "\n" + GOOD else lines
            for line, _ in complaints(tmp_path, "\n".join([*kept, f"{key}: {value}"])):
                assert 1 <= line <= len(kept) + 1


def test_a_missing_file_is_an_error_with_its_path(tmp_path):
    """And so are a folder, a link that leads to itself, a pipe, and a name that no file can have."""
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    for name in ("none.yaml", ".", "loop.yaml", "pipe.yaml", "n" * 400, "a\0b"):
        with pytest.raises(SpecError) as caught:
            load(tmp_path / name)
        assert len(caught.value.mistakes) == 1, name


def test_an_unreadable_file_is_an_error(tmp_path, monkeypatch):
    """Whatever the system answers, the reader is told."""

    def refused(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "spec.yaml"
    path.write_text(GOOD)
    monkeypatch.setattr("pathlib.Path.open", refused)
    with pytest.raises(SpecError, match=r"spec\.yaml:1: cannot be read: Permission denied"):
        load(path)


def test_words_of_yaml_1_1_stay_words(tmp_path):
    """`no`, `on` and `yes` are names and not booleans; dates and sexagesimal numbers are text."""
    text = changed(("about: A network with every kind of thing in it.", "about: 2001-01-01"), ("  both:", "  no:"))
    (network,) = load_text(tmp_path, changed(("  third: {op: linear,", "  third: {op: linear, x: no,"), text=text))
    assert network.about == "2001-01-01"
    assert network.node("third").tensors["x"] == "no"


def test_the_limit_on_elements_can_be_set(tmp_path):
    """A spec that loads as a rule is refused under a smaller limit."""
    ((_, text), *_) = complaints(tmp_path, GOOD, most_elements=20)
    assert "expected at most 20" in text
