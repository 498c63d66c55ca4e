"""Every rule has a spec that breaks it and nothing else, and is named for it, at the right line."""

# ruff: noqa: E501 - a row of a table stays on one line

from __future__ import annotations

from pathlib import Path

import pytest
from gradconform.spec import SpecError, load
from gradconform.spec.rules import AFTER_SHAPES, BEFORE_SHAPES
from spec_texts import GOOD, changed, complaints

FIRST = "  first: {op: linear, x: x, out_features: 5, bias: true}"
SECOND = "  second: {op: leaky_relu, negative_slope: 1e-2}"
USE = "  use: {block: basic, x: second, with: {width: 5}}"
BOTH = "  both: {op: cat, xs: [second, use], dim: 1}"
LOSS = "  loss: {op: cross_entropy, target: t, reduction: mean}"
X = "  x: {shape: [2, 6], grad: true, normal: [0.1, 2.0]}"
T = "  t: {shape: [2], integers: [0, 4]}"
FC = "      fc: {op: linear, out_features: $width, bias: false}"
CONV = "  conv2: {op: conv2d, x: image, out_channels: 2, kernel_size: 3, stride: 1, padding: 0, dilation: 1, groups: 1}"

# what is wrong -> (old text, new text), line, what the message says
BROKEN: dict[str, tuple[tuple[str, str], int, str]] = {
    # Rules
    "node named like a path": ((LOSS, "  ../x: {op: relu}\n" + LOSS), 26, "'../x' is not a name"),
    "node named like a tag": ((LOSS, "  <script>: {op: relu}\n" + LOSS), 26, "'<script>' is not a name"),
    "node named like a boolean": ((LOSS, "  true: {op: relu}\n" + LOSS), 26, "'true' is a value in YAML"),
    "node named like an input": (
        (LOSS, "  t: {op: relu}\n" + LOSS.replace("target", "x: third, target")),
        26,
        "node t has the name of an input",
    ),
    "node named like one of a block": (
        (LOSS, "  use_act: {op: relu}\n" + LOSS),
        26,
        "node use_act has the name of another node",
    ),
    "unknown tensor": ((BOTH, BOTH.replace("second", "secnd")), 24, "no tensor 'secnd'; did you mean 'second'?"),
    "unknown parameter": (
        (LOSS, "  s: {op: linear, weight: first.weigth, out_features: 5}\n" + LOSS),
        26,
        "first (linear) has no parameter 'weigth'; its parameters: weight, bias",
    ),
    "parameter of a node without parameters": (
        (LOSS, "  s: {op: linear, weight: second.weight, out_features: 5}\n" + LOSS),
        26,
        "second (leaky_relu) has no parameter 'weight'",
    ),
    "absent parameter": (
        (LOSS, "  s: {op: linear, bias: use_fc.bias, out_features: 4}\n" + LOSS),
        26,
        "use_fc has no bias: it says `bias: false`",
    ),
    "shared twice over": (
        (
            LOSS,
            "  r: {op: linear, x: both, weight: s.weight, out_features: 4}\n"
            "  s: {op: linear, x: both, weight: third.weight, out_features: 4}\n" + LOSS,
        ),
        26,
        "s owns no weight: it reads third.weight; write third.weight",
    ),
    "result that is not there": (
        (LOSS, "  p: {op: split, x: third, dim: 1, sizes: [1, 3]}\n  s: {op: relu, x: p.2}\n" + LOSS),
        27,
        "node s: there is no tensor 'p.2'; p gives p, p.1",
    ),
    "cycle": ((FIRST, FIRST.replace("x: x", "x: second")), 21, "read each other in a cycle: first -> second -> first"),
    "node that reads itself": ((FIRST, FIRST.replace("x: x", "x: first")), 21, "in a cycle: first -> first"),
    "output that is no node": (("output: loss", "output: x"), 27, "output is 'x'; expected the name of a node"),
    "exact_output that is no node": (
        ("exact_output: third", "exact_output: thrid"),
        6,
        "exact_output is 'thrid'; expected the name of a node; did you mean 'third'?",
    ),
    "exact_output without exact": (("values: [drawn, exact]", "values: [drawn]"), 6, "no exact variant is asked for"),
    "dtype twice": (("dtypes: [float32]", "dtypes: [float32, float32]"), 4, "expected each once"),
    "shared weight of another shape": (
        (LOSS, "  s: {op: linear, weight: first.weight, out_features: 5}\n" + LOSS),
        26,
        "weight is first.weight with shape [5, 6]; expected [5, 4]",
    ),
    "unknown override": (("first.bias:", "first.bais:"), 11, "no parameter 'first.bais'; did you mean 'first.bias'?"),
    "pattern without a parameter": (("first.bias:", '"fist.*":'), 11, "'fist.*' speaks of no parameter"),
    "pattern that another takes all from": (
        ("  first.bias:", '  "f*.bias": {value: 1.0}\n  "first.*s":'),
        12,
        "'first.*s' speaks of no parameter",
    ),
    # Blocks
    "block that uses itself": (
        (FC, "      fc: {block: basic, with: {width: $width}}"),
        13,
        "basic uses itself: basic -> basic",
    ),
    "unused block": ((USE, "  use: {op: relu}"), 13, "block basic is not used"),
    "unused argument": (("[width]", "[width, depth]"), 15, "argument 'depth' is not used"),
    "unused input": (("    inputs: [x]", "    inputs: [x, mask]"), 14, "input 'mask' is not used"),
    "argument written twice": (("[width]", "[width, width]"), 15, "'width' is written twice under arguments"),
    "block input named like its node": (("    inputs: [x]", "    inputs: [fc]"), 14, "the input 'fc' has the name of"),
    "unknown block": ((USE, USE.replace("basic", "bsic")), 23, "there is no block 'bsic'; did you mean 'basic'?"),
    "missing argument": ((USE, USE.replace(", with: {width: 5}", "")), 23, "the argument 'width' is missing"),
    "unknown argument": ((USE, USE.replace("5}", "5, heigth: 1}")), 23, "the block has no argument 'heigth'"),
    "unknown block input": ((USE, USE.replace("x: second", "z: second")), 23, "the block has no input 'z'"),
    "undeclared argument": (
        (FC, FC.replace("false", "$wdith")),
        17,
        "'$wdith' is not one of its arguments; did you mean 'width'?",
    ),
    "tensor unknown inside a block": (
        (FC, FC.replace("op: linear", "op: linear, x: second")),
        17,
        "block basic does not know 'second'",
    ),
    "block output that is no node": (
        ("    output: act", "    output: acct"),
        19,
        "output 'acct' is not one of its nodes; did you mean 'act'?",
    ),
    "repeat of 0": ((USE, USE.replace("with", "repeat: 0, with")), 23, "repeat is 0; expected an int of 1 or more"),
    "repeat without end": (
        (USE, USE.replace("with", "repeat: 1000000000, with")),
        18,
        "the blocks make more than 10,000 nodes",
    ),
    "argument of a wrong type": (
        (USE, USE.replace("5}", "five}")),
        23,
        "node use_fc: out_features is 'five'; expected a positive int",
    ),
    # Nodes
    "unknown operator": (
        (SECOND, SECOND.replace("leaky_relu", "leaky_rleu")),
        22,
        "no operator 'leaky_rleu'; did you mean 'leaky_relu'?",
    ),
    "node without operator": ((SECOND, "  second: {negative_slope: 1}"), 22, "the key 'op' is missing"),
    "unknown attribute": (
        (FIRST, FIRST.replace("out_features", "out_feature")),
        21,
        "linear has no 'out_feature'; did you mean 'out_features'?",
    ),
    "missing attribute": (
        (SECOND, "  second: {op: leaky_relu}"),
        22,
        "the attribute 'negative_slope' is missing; expected a finite number",
    ),
    "attribute of a wrong type": (
        (SECOND, SECOND.replace("1e-2", "yes")),
        22,
        "negative_slope is 'yes'; expected a finite number",
    ),
    "boolean for a number": (
        (SECOND, SECOND.replace("1e-2", "true")),
        22,
        "negative_slope is true; expected a finite number",
    ),
    "infinite attribute": (
        (SECOND, SECOND.replace("1e-2", ".inf")),
        22,
        "negative_slope is inf; expected a finite number",
    ),
    "attribute that is not a number": (
        (SECOND, SECOND.replace("1e-2", ".nan")),
        22,
        "negative_slope is nan; expected a finite number",
    ),
    "attribute too large for float32": (
        (SECOND, SECOND.replace("1e-2", "1e39")),
        22,
        "negative_slope holds 1e+39; expected at most 3.40282e+38",
    ),
    "word that is not a choice": (
        (LOSS, LOSS.replace("mean", "meen")),
        26,
        "reduction is 'meen'; expected 'mean' or 'sum' or 'none'",
    ),
    "missing tensor": ((LOSS, LOSS.replace("target: t, ", "")), 26, "the tensor 'target' is missing"),
    "tensor that is a number": ((BOTH, BOTH.replace("use]", "3]")), 24, "xs holds 3; expected names of tensors"),
    "tensor that is a list": (
        (FIRST, FIRST.replace("x: x", "x: [x]")),
        21,
        "x is 1 values; expected the name of a tensor",
    ),
    "list that is a tensor": (
        (BOTH, BOTH.replace("[second, use]", "second")),
        24,
        "xs is 'second'; expected a list of names of tensors",
    ),
    "weight that cannot be absent": (
        (FIRST, FIRST.replace("bias: true", "weight: false")),
        21,
        "weight is false; expected the name of a tensor",
    ),
    "floats where integers belong": (
        (LOSS, LOSS.replace("target: t", "target: x")),
        26,
        "target takes integers; 'x' holds floats",
    ),
    "integers where floats belong": ((FIRST, FIRST.replace("x: x", "x: t")), 21, "x takes floats; 't' holds integers"),
    "shapes that do not fit": (
        (BOTH, BOTH.replace("second, use", "second, x").replace("dim: 1", "dim: 0")),
        24,
        "node both: ",
    ),
    "dropout that is random": ((SECOND, "  second: {op: dropout, p: 0.5, training: true}"), 22, "node second: "),
    # Inputs
    "literal of another shape": (
        (X, "  x: {shape: [2, 2], value: [[1, 2, 3], [4, 5, 6]]}"),
        8,
        "value has shape [2, 3]; expected shape [2, 2]",
    ),
    "ragged literal": (
        (X, "  x: {shape: [2, 6], value: [[1, 2, 3], [4, 5]]}"),
        8,
        "value has rows of different lengths",
    ),
    "literal that holds words": (
        (X, "  x: {shape: [2, 1], value: [[1], [two]]}"),
        8,
        "value holds 'two'; expected a number",
    ),
    "literal that holds booleans": (
        (X, "  x: {shape: [2, 1], value: [[1], [true]]}"),
        8,
        "value holds true; expected a number",
    ),
    "literal too large for float32": (
        (X, "  x: {shape: [2, 1], value: [[1], [-1e39]]}"),
        8,
        "-1e+39 is too large for float32",
    ),
    "literal integers that are not": (
        (T, "  t: {shape: [2], value: [1, 2.5], kind: int64}"),
        9,
        "value holds 2.5; expected an int",
    ),
    "literal too large for int64": (
        (T, "  t: {shape: [2], value: [1, 9223372036854775808], kind: int64}"),
        9,
        "does not fit int64",
    ),
    "gradient of integers": ((T, T.replace("}", ", grad: true}")), 9, "grad is true, but integers have no gradient"),
    "two ways of drawing": (
        (X, X.replace("normal", "uniform: [0, 1], normal")),
        8,
        "uniform and normal are given; expected one of them",
    ),
    "dropout and another way": (
        (X, X.replace("normal", "dropout: 0.1, normal")),
        8,
        "normal and dropout are given; expected one of them",
    ),
    "dropout of everything": (
        (X, "  x: {shape: [2, 6], dropout: 1}"),
        8,
        "dropout is 1; expected a number from 0 to below 1",
    ),
    "integers that are floats": ((T, T.replace("}", ", kind: float}")), 9, "kind is float, and integers are asked for"),
    "int64 without integers": (
        (T, "  t: {shape: [2], kind: int64}"),
        9,
        "kind is int64, without `integers` or `value`",
    ),
    "empty range of integers": ((T, T.replace("4", "0")), 9, "integers is [0, 0]; expected low < high"),
    "range the wrong way round": (
        (X, "  x: {shape: [2, 6], uniform: [1, 0]}"),
        8,
        "uniform is [1, 0]; expected low <= high",
    ),
    "negative scale": ((X, X.replace("2.0]", "-2.0]")), 8, "expected a scale of 0 or more"),
    "negative extent": (
        (X, X.replace("[2, 6]", "[2, -1]")),
        8,
        "inputs.x.shape is [2, -1]; expected a list of at most 8 ints of 0 or more",
    ),
    "unknown key of an input": (
        (X, X.replace("grad", "gard")),
        8,
        "unknown key 'gard' in inputs.x; did you mean 'grad'?",
    ),
    # The file
    "unknown key": (("seed: 3", "sede: 3"), 3, "unknown key 'sede'; did you mean 'seed'?"),
    "missing key": (
        ("about: A network with every kind of thing in it.\n", ""),
        1,
        "the key 'about' is missing; expected a line of prose",
    ),
    "wrong type of a key": (("seed: 3", "seed: three"), 3, "seed is 'three'; expected an int of 0 or more"),
    "name that leaves the folder": (
        ("name: good", "name: ../good"),
        1,
        "name is '../good'; expected letters, digits, `_`, `.` and `-`",
    ),
    "empty value": (("seed: 3", "seed:"), 3, "seed is empty; expected an int of 0 or more"),
    "empty optional value": (("name: good", "name:"), 1, "'name' is empty; expected a value"),
    "key written twice": (
        ("seed: 3", "seed: 3\nseed: 4"),
        4,
        "the key 'seed' is written twice; the first is on line 3",
    ),
    "cotangent of another shape": (
        ("{uniform: [0.5, 2.0]}", "{value: [1, 2]}"),
        28,
        "cotangent: value has shape [2]; expected shape []",
    ),
    "unknown dtype": (
        ("[float32]", "[float8]"),
        4,
        "dtypes is ['float8']; expected a list of float16, bfloat16, float32, float64",
    ),
    "missing weights": (("seed: 3", "weights: none.safetensors"), 3, "there is no file 'none.safetensors'"),
}


def test_the_good_spec_loads(tmp_path):
    """The spec that the others spoil has nothing wrong with it."""
    assert complaints(tmp_path, GOOD) == []


@pytest.mark.parametrize("what", BROKEN)
def test_one_broken_thing_is_one_problem_at_its_line(tmp_path, what):
    """A spec that breaks one rule gives one problem, which stands at the line and says what came and what was expected."""
    replacement, line, message = BROKEN[what]
    found = complaints(tmp_path, changed(replacement))
    assert [(at, message in text) for at, text in found] == [(line, True)], found


def test_the_message_of_a_wrong_attribute_is_in_plain_words(tmp_path):
    """It names the node, the attribute, what came and what was expected."""
    spec = """\
    about: An image.
    inputs: {image: {shape: [1, 3, 8, 8]}}
    nodes:
    %s
    """ % CONV.replace("stride: 1", "stride: two")
    (found,) = complaints(tmp_path, spec)
    assert found == (4, "node conv2: stride is 'two'; expected an int or [height, width]")


def test_every_problem_is_shown_at_once(tmp_path):
    """Mistakes in different places of a file, of different kinds, come together and in order."""
    text = changed(
        ("seed: 3", "seed: three"),
        (X, X.replace("grad", "gard")),
        (SECOND, SECOND.replace("1e-2", "two")),
        (BOTH, BOTH.replace("second", "secnd")),
        (LOSS, LOSS.replace("mean", "meen").replace("target", "tagret")),
        ("output: loss", "output: lsos"),
    )
    lines = [line for line, _ in complaints(tmp_path, text)]
    assert lines == [3, 8, 22, 24, 26, 26, 26, 27]


def test_an_error_prints_its_problems_one_a_line(tmp_path):
    """`file:line: message; hint`, as editors and people read it."""
    path = tmp_path / "net.yaml"
    path.write_text(changed(("seed: 3", "sede: 3"), ("output: loss", "output: lsos")))
    with pytest.raises(SpecError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [
        f"{path}:3: unknown key 'sede'; did you mean 'seed'?",
        f"{path}:27: output is 'lsos'; expected the name of a node; did you mean 'loss'?",
    ]


def test_a_mistake_in_a_block_is_told_once(tmp_path):
    """However often the block is used."""
    text = changed((FC, FC.replace("linear,", "linear, dim: 0,")), (USE, USE.replace("with", "repeat: 5, with")))
    assert len(complaints(tmp_path, text)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "{op: mul, x: x, y: c}",
        "{op: mul, x: x}",
        "{op: mul, x: x, y: 3}",
        "{op: add, x: x, z: x}",
        "{op: cat, xs: [x, c], dim: 0}",
        "{op: cat, xs: x, dim: 0}",
        "{op: linear, weight: c, out_features: 3}",
        "{op: leaky_relu, negative_slope: steep}",
        "{block: other, x: c}",
        "{op: noop}",
        "3",
    ],
)
def test_a_mistake_in_a_block_is_told_the_same_however_often_it_is_used(tmp_path, broken):
    """A block that is used twice must not end in a traceback where one that is used once has a message."""
    once = f"""\
        about: A block with a mistake in it.
        inputs: {{x: {{shape: [2, 3], grad: true}}}}
        blocks:
          other: {{inputs: [x], nodes: {{r: {{op: relu}}}}, output: r}}
          b: {{inputs: [x], nodes: {{o: {{block: other, x: x}}, m: {broken}, n: {{op: add, x: m, y: x}}}}, output: n}}
        nodes:
          p: {{block: b, x: x}}
        """
    twice = once + "  q: {block: b, x: x}\n          z: {op: add, x: p, y: q}\n"
    told = complaints(tmp_path, once)
    assert told
    assert complaints(tmp_path, twice) == told


@pytest.mark.parametrize("rule", [*BEFORE_SHAPES, *AFTER_SHAPES], ids=lambda rule: rule.__name__)
def test_no_rule_can_be_left_out(tmp_path, rule, monkeypatch):
    """Without any one of the rules, some broken spec would load or be told otherwise."""
    before = {what: complaints(tmp_path, changed(BROKEN[what][0])) for what in BROKEN}
    for rules in (BEFORE_SHAPES, AFTER_SHAPES):
        if rule in rules:
            monkeypatch.setattr(
                "gradconform.spec.build." + ("BEFORE" if rules is BEFORE_SHAPES else "AFTER") + "_SHAPES",
                [other for other in rules if other is not rule],
            )
    changes = [what for what in BROKEN if _found(tmp_path, what) != before[what]]
    assert changes


def _found(folder, what):
    try:
        return complaints(folder, changed(BROKEN[what][0]))
    except Exception as error:
        return [repr(error)]


@pytest.mark.parametrize("way", ["uniform", "normal", "value", "integers", "dropout"])
def test_an_empty_way_to_draw_is_named(tmp_path: Path, way: str) -> None:
    """`uniform:` with nothing after it is one problem, on its line, and no traceback."""
    path = tmp_path / "empty.yaml"
    path.write_text(f"about: x\ninputs:\n  x:\n    shape: [2]\n    {way}:\nnodes: {{y: {{op: neg, x: x}}}}\n")
    with pytest.raises(SpecError, match=rf"empty.yaml:5: .*{way}'? (is|holds) empty"):
        load(path)
