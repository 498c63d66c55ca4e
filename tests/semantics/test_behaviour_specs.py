"""Files of behaviours: what is wrong with one is told with its line, and one that cannot tell is refused."""

from __future__ import annotations

import pytest
import yaml
from behaviour_runs import HEAD, behaviour
from gradconform.spec import SpecError, load
from gradconform.spec.script import STEPS

NODES = "    nodes: {hidden: {op: mul_scalar, x: x, value: 2}, y: {op: mul, x: hidden, y: x}}\n"
NETWORK = f"    inputs: {{x: {{shape: [2], value: [3, -1], grad: true}}}}\n{NODES}    cotangent: {{value: [1, 5]}}\n"


def networks(folder, text):
    """The networks of a file with this text."""
    (folder / "test.yaml").write_text(text, encoding="utf-8")
    return load(folder / "test.yaml")


def complaints(folder, text):
    """Line and text of every problem."""
    try:
        networks(folder, text)
    except SpecError as error:
        return [(problem.where.line, str(problem).partition(": ")[2]) for problem in error.mistakes]
    return []


def test_every_argument_is_written_out(tmp_path):
    """Nothing is left to infer: `all`, the output and the leaves are named, and NaN is a word that JSON has."""
    script = "[forward, {fill: {tensor: x, value: .nan}}, clear, {forward: {no_grad: all}}, backward]"
    (network,) = networks(tmp_path, behaviour(script, "[grad/x]"))
    assert network.name == "test.one"
    assert network.dtypes == ("float32",)
    assert network.script == (
        {"do": "forward", "no_grad": [], "detach": [], "through_numpy": []},
        {"do": "fill", "tensor": "x", "value": "nan"},
        {"do": "clear", "tensors": ["x", "w"], "to": "none"},
        {"do": "forward", "no_grad": ["h", "y"], "detach": [], "through_numpy": []},
        {"do": "backward", "of": "y", "cotangent": "given", "keep_graph": False},
    )


def test_what_the_file_says_is_what_its_behaviours_share(tmp_path):
    """A behaviour's own `about` wins over the file's."""
    one = behaviour("[forward, backward]", "[grad/x]")
    text = one + one.removeprefix(HEAD).replace("  one:", "  two:\n    about: Its own.")
    assert [(n.name, n.about) for n in networks(tmp_path, text)] == [
        ("test.one", "Behaviours of a test."),
        ("test.two", "Its own."),
    ]


@pytest.mark.parametrize(
    ("script", "ask", "message"),
    [
        ("[backwards]", "[grad/x]", "script: 'backwards' is not a step; did you mean 'backward'?"),
        ("[forward, 3]", "[grad/x]", f"script: 3 is not a step; known: {', '.join(sorted(STEPS))}"),
        (
            "[forward, {fill: {}, set: {}}]",
            "[grad/x]",
            f"script: a mapping is not a step; known: {', '.join(sorted(STEPS))}",
        ),
        (
            "[forward, {backward: {of: hiden}}]",
            "[grad/x]",
            "script: there is no tensor 'hiden'; did you mean 'hidden'?",
        ),
        ("[forward, {backward: {of: x}}]", "[grad/x]", "script: x does not fit here; known: hidden, y"),
        ("[{forward: {detatch: [x]}}]", "[grad/x]", "unknown key 'detatch' in script: forward; did you mean 'detach'?"),
        (
            "[forward, {backward: {cotangent: one}}]",
            "[grad/x]",
            "script: backward.cotangent is 'one'; expected given, zeros or none",
        ),
        ("[backward]", "[grad/x]", "script: backward comes before forward; write `forward` before it"),
        ("[{keep: {tensors: [hidden]}}]", "[grad/x]", "script: keep comes before forward; write `forward` before it"),
        (
            "[{grad: {of: y, in: [x], as: g}}]",
            "[grad/x]",
            "script: grad comes before forward; write `forward` before it",
        ),
        (
            "[{change: {tensor: x, value: 1}}]",
            "[grad/x]",
            "script: change comes before forward; write `forward` before it",
        ),
        ("[{fill: {tensor: y, value: 1}}]", "[grad/x]", "script: fill comes before forward; write `forward` before it"),
        (
            "[forward, {fill: {tensor: x, value: a}}]",
            "[grad/x]",
            "script: fill.value is 'a'; expected a number or .nan",
        ),
        ("[{set: {tensor: x, value: [1]}}]", "[grad/x]", "script: set x: value has shape [1]; expected shape [2]"),
        ("[{set: {tensor: hidden, value: 1}}]", "[grad/x]", "script: hidden does not fit here; known: x"),
        (
            "[forward, {grad: {of: y, in: [], as: g}}]",
            "[grad/x]",
            "script: grad.in is []; expected a list of one name or more",
        ),
        ("[forward, {grad: {of: y, in: [x], as: g}}]", "[result/f/x]", "ask: there is no result 'f'; known: g"),
        ("[forward, {grad: {of: y, in: [x], as: g}}]", "[result/g/hidden]", "ask: hidden does not fit here; known: x"),
        ("[forward]", "[grad/z]", "ask: there is no tensor 'z'; known: hidden, x, y"),
        ("[forward]", "[output/x]", "ask: x does not fit here; known: hidden, y"),
        ("[forward]", "[x]", "ask: 'x' is no tensor; expected grad/<tensor>, output/<node> or result/<as>/<tensor>"),
        ("[]", "[grad/x]", "script is []; expected a list of one step or more"),
        ("[forward]", "[]", "ask is []; expected a list of one tensor or more"),
        (
            "[forward]\n    values: [exact]",
            "[grad/x]",
            "values: a behaviour's numbers are all exact and in the file; remove it",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, script, ask, message):
    """Every mistake is one of this file, with what was expected and the nearest right name."""
    found = complaints(tmp_path, behaviour(script, ask, NETWORK))
    assert message in [said for _, said in found]
    first = len((HEAD + "  one:\n" + NETWORK).splitlines()) + 1
    assert {line for line, _ in found} <= {3, first, first + 1, first + 2}


def test_a_result_is_named_once_and_a_cotangent_fits(tmp_path):
    """Two results of one name, and a cotangent for a node of another shape, are refused."""
    script = "[forward, {grad: {of: y, in: [x], as: g}}, {grad: {of: y, in: [x], as: g}}]"
    assert "script: grad: the name 'g' is given twice" in complaints(tmp_path, behaviour(script, "[grad/x]"))[0][1]
    network = NETWORK.replace("y: {op: mul,", "s: {op: sum, x: hidden, dim: [0], keepdim: false}, y: {op: mul,")
    text = behaviour("[forward, {backward: {of: s}}]", "[grad/x]", network)
    assert "the given cotangent has the shape of y, s has another" in complaints(tmp_path, text)[0][1]


@pytest.mark.parametrize(
    ("script", "blind", "word"),
    [
        ("[{fill: {tensor: x, value: 7}}, forward, backward]", ("value: 7", "value: 0"), "overwrites"),
        ("[forward, {set: {tensor: x, value: [5, 2]}}, forward, backward]", ("[5, 2]", "[3, -1]"), "stale"),
        ("[forward, {change: {tensor: h, value: [7, 3]}}, backward]", ("[7, 3]", "[6, -2]"), "rewritten"),
        ("[forward, backward, {clear: {to: zeros}}, backward]", ("[1, 5]", "[0, 0]"), "uncleared"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_a_behaviour_that_cannot_tell_is_refused(tmp_path, script, blind, word):
    """With numbers that tell it loads; with others, for which the wrong habit is right as well, it does not."""
    text = behaviour(script, "[grad/x, grad/w]")
    assert complaints(tmp_path, text) == []
    old, new = blind
    assert text.count(old) == 1
    found = complaints(tmp_path, text.replace(old, new))
    assert any(f"cannot tell: with these numbers `{word}` gives the right answer too" in said for _, said in found)


def test_a_habit_that_can_make_no_difference_is_no_reason_to_refuse(tmp_path):
    """A change of a term of a sum is seen by no derivative, whatever the numbers."""
    network = NETWORK.replace("op: mul, x", "op: add, x")
    script = "[forward, {change: {tensor: hidden, value: 9}}, backward]"
    assert complaints(tmp_path, behaviour(script, "[grad/x]", network)) == []


@pytest.mark.parametrize("number", ["0.1", "16777217"])
def test_numbers_that_are_not_exact_are_refused(tmp_path, number):
    """The comparison is to the bit, so the right answer must be a float32."""
    text = behaviour("[forward, backward]", "[grad/x]").replace("value: [1, 5]", f"value: [{number}, 5]")
    ((line, said),) = complaints(tmp_path, text)
    assert "behaviour one: the right answer for grad/x is not exact in float32" in said
    assert line == len(text.splitlines())


def test_a_behaviour_is_tiny(tmp_path):
    """Its right answers are worked out when the file is checked, which must cost nothing."""
    text = behaviour("[forward]", "[grad/x]").replace("[2], value: [3, -1]", "[20000], value: 3")
    assert any("expected at most 10,000" in said for _, said in complaints(tmp_path, text))


def test_one_bad_behaviour_does_not_hide_another(tmp_path):
    """All problems of a file come at once, under each behaviour's own lines."""
    one = behaviour("[backwards]", "[grad/x]")
    text = one + one.removeprefix(HEAD).replace("  one:", "  two:")
    assert [line for line, said in complaints(tmp_path, text) if "backwards" in said] == [7, 13]
    assert yaml.safe_load(text)["behaviours"].keys() == {"one", "two"}
