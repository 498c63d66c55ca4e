"""A case with `each` stands for one case for each combination, and its mistakes have lines."""

from __future__ import annotations

import textwrap

import jsonschema
import pytest
from gradconform.spec import schema
from gradconform.spec.grid import MOST_CASES
from spec_texts import complaints, load_text

HEAD = "operator: leaky_relu\nabout: x\ncases:\n"
SHAPES = "  a: {x: {normal: [0, 2]}, negative_slope: 0.1, each: {x.shape: [[], [7], [3, 5]]}}\n"


def names(folder, text):
    """The cases of a file, without the operator."""
    return [network.name.partition(".")[2] for network in load_text(folder, text)]


def test_each_value_makes_a_case_named_after_it(tmp_path):
    """What the case itself says holds for all of them."""
    networks = load_text(tmp_path, HEAD + SHAPES)
    assert [network.name for network in networks] == ["leaky_relu.a-0d", "leaky_relu.a-7", "leaky_relu.a-3x5"]
    assert [network.inputs[0].shape for network in networks] == [(), (7,), (3, 5)]
    assert {network.inputs[0].draw.scale for network in networks} == {2}
    assert all(network.inputs[0].grad for network in networks)


def test_several_lists_make_every_combination(tmp_path):
    """The last varies fastest, and labels name what is too long to be a name."""
    text = """\
      a:
        exact: true
        each:
          negative_slope: [0.5, -2]
          x: {far: {x: {shape: [3], normal: [100, 1]}}, empty: {x.shape: [2, 4], x.uniform: [0, 1]}}
    """
    networks = load_text(tmp_path, HEAD + textwrap.indent(textwrap.dedent(text), "  "))
    assert [n.name.partition(".")[2] for n in networks] == ["a-0.5-far", "a-0.5-empty", "a--2-far", "a--2-empty"]
    assert [n.nodes[0].attributes["negative_slope"] for n in networks] == [0.5, 0.5, -2, -2]
    assert [n.inputs[0].draw.kind for n in networks] == ["normal", "uniform"] * 2
    assert {n.values for n in networks} == {("drawn", "exact")}


def test_one_list_may_serve_several_places(tmp_path):
    """Tensors of one shape, and all tensors of a list."""
    text = "operator: mse_loss\nabout: x\ncases: {a: {reduction: sum, each: {x.shape target.shape: [[1], [3, 5]]}}}"
    assert [[t.shape for t in n.inputs] for n in load_text(tmp_path, text)] == [[(1,)] * 2, [(3, 5)] * 2]
    text = "operator: add_n\nabout: x\ncases: {a: {xs: [{normal: [0, 2]}, {}], each: {xs.shape: [[7], [2, 1]]}}}"
    assert [[t.shape for t in n.inputs] for n in load_text(tmp_path, text)] == [[(7,)] * 2, [(2, 1)] * 2]


def test_nested_lists_and_words_name_cases(tmp_path):
    """A padding, a word, true and false."""
    case = "{x: {shape: [1, 2, 7, 6]}, out_channels: 2, kernel_size: 2, stride: 1, dilation: 1, groups: 1, each: "
    text = f"operator: conv2d\nabout: x\ncases: {{a: {case}{{padding: [0, [1, 2], [[1, 0], [0, 2]]], bias: [true]}}}}}}"
    assert names(tmp_path, text) == ["a-0-true", "a-1x2-true", "a-1x0_0x2-true"]


BAD = {
    "no mapping": ("each: 3", "a: each is 3; expected a mapping, such as `x.shape: [[1], [7]]`"),
    "nothing": ("each: {}", "a: each is a mapping; expected a mapping"),
    "one value": ("each: {x.shape: 3}", "a: x.shape is 3; expected a list of values, or a mapping of labels"),
    "no values": ("each: {x.shape: []}", "a: x.shape is []; expected a list of values, or a mapping of labels"),
    "same twice": ("each: {x.shape: [[1], [1]]}", "a: x.shape has two values called '1'; give them labels"),
    "no name": ("each: {x: [{shape: [1]}]}", "a: x holds a mapping, which names no case; write `xs: {a_label: {x: "),
    "bad label": ("each: {v: {a b: {x.shape: [1]}}}", "a: v: 'a b' is not a label; use letters, digits"),
    "label of a value": ("each: {v: {far: [1]}}", "a: v: far is [1]; expected a mapping, such as `{slope: 0.1}`"),
    "in the case too": ("each: {x.shape: [[1]], x.normal: [[0, 1]]}", "a: x.normal is given twice"),
    "attribute in the case too": ("each: {negative_slope: [1]}", "a: negative_slope is given twice"),
    "twice in each": ("each: {x.shape: [[1]], v: {b: {x.shape: [2]}}}", "a: x.shape is given twice"),
    "part and whole": ("each: {x.shape: [[1]], v: {b: {x: {shape: [2]}}}}", "a: x is given twice"),
    "too deep": ("each: {x.shape.y: [[1]]}", "a: 'x.shape.y' is no place; expected `slope` or `x.shape`"),
    "no part": ("each: {negative_slope.x: [1]}", "a: negative_slope is 0.1, so there is no negative_slope.x"),
    "unknown": ("each: {x.shape: [[1]], slop: [1]}", "leaky_relu has no 'slop'"),
    "bad value": ("each: {x.shape: [[1], [two]]}", "inputs.x.shape is ['two']; expected a list"),
}


@pytest.mark.parametrize("bad", BAD)
def test_mistakes_have_a_line_and_say_what_to_write(bad, tmp_path):
    """Each on the line on which it stands, and none of them is a traceback."""
    each, message = BAD[bad]
    text = HEAD + "  a:\n    x: {normal: [0, 2]}\n    negative_slope: 0.1\n    " + each + "\n"
    found = complaints(tmp_path, text)
    assert any(line == 7 and message in said for line, said in found), found


def test_a_mistake_of_every_case_is_told_once(tmp_path):
    """It stands in the file once."""
    text = HEAD + SHAPES.replace("negative_slope: 0.1, ", "")
    assert [(line, said[:50]) for line, said in complaints(tmp_path, text)] == [
        (4, "node leaky_relu: the attribute 'negative_slope' is"),
    ]


def test_two_cases_of_one_name_are_refused(tmp_path):
    """One that is written and one that is made."""
    text = HEAD + SHAPES + "  a-7: {x: {shape: [7]}, negative_slope: 0.2}\n"
    assert complaints(tmp_path, text) == [(5, "case 'a-7' is made twice; rename one of them")]


def test_too_many_cases_are_refused_before_they_are_made(tmp_path):
    """A short file must not cost an hour."""
    many = list(range(1, 102))
    text = HEAD + f"  a: {{x: {{shape: [1]}}, each: {{negative_slope: {many}, x.seed: {many}}}}}\n"
    assert complaints(tmp_path, text) == [(4, f"a: each makes 10,201 cases; expected at most {MOST_CASES:,}")]


@pytest.fixture(scope="module")
def validator():
    """A validator of the schema for editors."""
    return jsonschema.Draft202012Validator(schema.schema())


@pytest.mark.parametrize(
    ("case", "fits"),
    [
        ({"negative_slope": 0.1, "each": {"x.shape": [[1], [7]]}}, True),
        ({"each": {"v": {"far": {"x.shape": [1], "negative_slope": 2}}}}, True),
        ({"x": {"normal": [0, 1]}, "negative_slope": 0.1}, False),
        ({"negative_slope": 0.1}, False),
        ({"each": {}, "negative_slope": 0.1}, False),
        ({"each": {"x.shape": []}, "negative_slope": 0.1}, False),
        ({"each": {"x.shape": [[1]]}, "negativ_slope": 0.1}, False),
    ],
)
def test_editors_know_it(case, fits, validator):
    """Of a case with `each` nothing is required; of one without, everything."""
    spec = {"operator": "leaky_relu", "about": "x", "cases": {"a": case}}
    assert validator.is_valid(spec) is fits
