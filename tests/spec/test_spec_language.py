"""What the spec language says, said back by the loaded network."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradconform.draws import draw
from gradconform.spec.model import Network
from safetensors.numpy import save_file
from spec_texts import GOOD, changed, complaints, load_text

HEAD = "about: A test.\ninputs: {x: {shape: [2, 6]}, y: {shape: [2, 6]}}\n"


@pytest.fixture
def good(tmp_path) -> Network:
    """The network of the good spec."""
    (network,) = load_text(tmp_path, GOOD)
    return network


def _nodes(folder, text: str, head: str = HEAD) -> Network:
    (network,) = load_text(folder, head + "nodes:\n" + "".join(f"  {line}\n" for line in text.strip().splitlines()))
    return network


def test_the_head_of_a_file(good, tmp_path):
    """Name, seed, variants and output are as written."""
    assert (good.name, good.seed, good.output, good.exact_output) == ("good", 3, "loss", "third")
    assert (good.dtypes, good.values) == (("float32",), ("drawn", "exact"))
    assert good.path == tmp_path / "spec.yaml"


def test_what_a_file_need_not_say(tmp_path):
    """The stem is the name, the last node the output, both dtypes are run, and numbers are drawn."""
    network = _nodes(tmp_path, "a: {op: relu}\nb: {op: relu}")
    assert (network.name, network.seed, network.output, network.exact_output) == ("spec", 0, "b", None)
    assert (network.dtypes, network.values, network.weights) == (("float32", "float64"), ("drawn",), None)
    assert [tensor.grad for tensor in network.inputs] == [False, False]


def test_shapes_of_everything(good):
    """Inputs, parameters and every node have one."""
    assert good.graph("float32").shape("first") == (2, 5)
    assert good.graph("float32").shape("both") == (2, 10)
    assert good.graph("float32").shape("third.weight") == (4, 10)
    assert good.graph("float32").shape("loss") == ()
    assert {node.name: node.outputs[0].shape for node in good.nodes}["third"] == (2, 4)


def test_a_node_reads_the_one_before_unless_it_names_another(tmp_path):
    """The first node reads the first input."""
    network = _nodes(tmp_path, "a: {op: relu}\nb: {op: tanh}\nc: {op: add, x: y, y: a}\nd: {op: relu}")
    assert [node.reads for node in network.nodes] == [("x",), ("a",), ("y", "a"), ("c",)]


def test_nodes_may_be_written_in_any_order(tmp_path):
    """They come sorted, and otherwise as they are written."""
    network = _nodes(tmp_path, "late: {op: relu, x: mid}\nfree: {op: tanh, x: x}\nmid: {op: relu, x: y}")
    assert [node.name for node in network.nodes] == ["free", "mid", "late"]


def test_a_list_of_tensors(good):
    """`cat` reads several, in order."""
    assert good.node("both").tensors == {"xs": ("second", "use_act")}
    assert good.node("both").attributes == {"dim": 1}


def test_an_absent_bias(good):
    """`bias: false` leaves the slot empty, and no parameter is made."""
    assert good.node("use_fc").tensors == {"x": "second", "weight": "use_fc.weight", "bias": None}
    assert "use_fc.bias" not in {tensor.name for tensor in good.parameters}
    assert "first.bias" in {tensor.name for tensor in good.parameters}


def test_attributes_are_normalised(tmp_path):
    """An int stands for a pair; sizes are not handed to the forward."""
    head = "about: x\ninputs: {x: {shape: [1, 2, 9, 8]}}\n"
    text = "c: {op: conv2d, out_channels: 4, kernel_size: 3, stride: 2, padding: [1, 0], dilation: 1, groups: 2}"
    node = _nodes(tmp_path, text, head).node("c")
    assert node.attributes == {"stride": [2, 2], "padding": [[1, 1], [0, 0]], "dilation": [1, 1], "groups": 2}
    assert node.outputs[0].shape == (1, 4, 5, 3)


def test_a_small_number_without_a_point_is_a_number(tmp_path):
    """PyYAML alone reads `1e-5` as a word."""
    assert _nodes(tmp_path, "a: {op: leaky_relu, negative_slope: 1e-5}").node("a").attributes == {
        "negative_slope": 1e-5
    }


def test_a_shared_parameter_has_one_owner(tmp_path):
    """A later and an earlier node may read it; it is drawn once."""
    network = _nodes(
        tmp_path,
        """
a: {op: linear, out_features: 6, weight: b.weight}
b: {op: linear, out_features: 6}
c: {op: matmul, x: b, y: b.weight}
d: {op: linear, out_features: 2, weight: y, bias: false}
""",
    )
    assert network.node("a").tensors["weight"] == "b.weight"
    assert network.node("c").tensors["y"] == "b.weight"
    assert network.node("d").tensors["weight"] == "y"
    assert [tensor.name for tensor in network.parameters] == ["a.bias", "b.weight", "b.bias"]


def test_blocks_become_named_and_wired_nodes(tmp_path):
    """Repeated, nested and with arguments, a tensor's name among them."""
    blocks = """\
blocks:
  layer:
    inputs: [x, skip]
    arguments: [width, shared]
    nodes:
      fc: {op: linear, out_features: $width, weight: $shared, bias: false}
      out: {op: add, y: skip}
    output: out
  stack:
    inputs: [x]
    arguments: [n, of]
    nodes:
      many: {block: layer, skip: x, repeat: $n, with: {width: 6, shared: $of}}
      end: {op: relu}
    output: end
"""
    network = _nodes(
        tmp_path,
        """
first: {op: linear, out_features: 6}
one: {block: layer, skip: y, with: {width: 6, shared: first.weight}}
two: {block: stack, with: {n: 2, of: first.weight}}
last: {op: add, y: one}
""",
        HEAD + blocks,
    )
    assert {node.name: node.reads for node in network.nodes} == {
        "first": ("x", "first.weight", "first.bias"),
        "one_fc": ("first", "first.weight"),
        "one_out": ("one_fc", "y"),
        "two_many_0_fc": ("one_out", "first.weight"),
        "two_many_0_out": ("two_many_0_fc", "one_out"),
        "two_many_1_fc": ("two_many_0_out", "first.weight"),
        "two_many_1_out": ("two_many_1_fc", "one_out"),
        "two_end": ("two_many_1_out",),
        "last": ("two_end", "one_out"),
    }


def test_a_node_inside_a_block_can_be_read_by_its_full_name(tmp_path):
    """And the use of a block can be the output."""
    text = changed(
        ("x: second, with", "x: second, repeat: 2, with"),
        ("xs: [second", "xs: [use_0_act"),
        ("output: loss", "output: use"),
        ("exact_output: third", "exact_output: use"),
    )
    (network,) = load_text(tmp_path, text)
    assert network.node("both").tensors["xs"] == ("use_0_act", "use_1_act")
    assert (network.output, network.exact_output) == ("use_1_act", "use_1_act")


def test_how_numbers_are_drawn(tmp_path):
    """Normal, uniform, integers and literals keep what is written; a scalar fills its shape."""
    head = """\
about: x
inputs:
  a: {shape: [3], normal: [0.5, 2.0], grad: true}
  b: {shape: [3], uniform: [-1, 1]}
  c: {shape: [3], integers: [2, 5]}
  d: {shape: [1, 2], value: [[1, .inf]]}
  e: {shape: [2], value: [0, 1], kind: int64}
  f: {shape: [2, 2], value: 3}
parameters:
  fc.weight: {uniform: [0, 1]}
"""
    network = _nodes(tmp_path, "fc: {op: linear, x: f, out_features: 3}", head)
    a, b, c, d, e, f = (tensor.draw for tensor in network.inputs)
    assert (a.kind, a.mean, a.scale) == ("normal", 0.5, 2.0)
    assert (b.kind, b.low, b.high) == ("uniform", -1, 1)
    assert (c.kind, c.low, c.high) == ("integers", 2, 5)
    assert draw(d, 0, "d", "float32").tolist() == [[1, math.inf]]
    assert draw(e, 0, "e", "int64").tolist() == [0, 1]
    assert np.array_equal(draw(f, 0, "f", "float64"), np.full((2, 2), 3.0))
    assert [tensor.kind for tensor in network.inputs] == [
        "float",
        "float",
        "int64",
        "float",
        "int64",
        "float",
    ]
    (weight, bias) = network.parameters
    assert (weight.draw.kind, weight.draw.high, weight.draw.fan_in) == ("uniform", 1, 2)
    assert bias.draw.kind == "normal"


def test_a_mask_of_dropout_is_drawn(tmp_path):
    """Its elements are 0 with the probability that is written, else 1 / (1 - p); alike in every dtype."""
    head = "about: x\ninputs:\n  x: {shape: [40, 50], dropout: 0.2}\n"
    mask = _nodes(tmp_path, "a: {op: relu}", head).inputs[0].draw
    assert (mask.kind, mask.p) == ("dropout", 0.2)
    drawn = draw(mask, 0, "x", "float32")
    assert set(drawn.ravel()) == {np.float32(0), np.float32(1.25)}
    assert 0.15 < np.mean(drawn == 0) < 0.25
    assert np.array_equal(draw(mask, 0, "x", "float64"), drawn)


def test_a_pattern_draws_every_parameter_that_it_fits(tmp_path):
    """A parameter's own name speaks before any pattern, and the first pattern before the next."""
    head = """\
about: x
inputs:
  x: {shape: [2, 6], grad: true}
parameters:
  "b_*.weight": {uniform: [2, 3]}
  "*.weight":   {uniform: [4, 5]}
  b_2.weight:   {uniform: [6, 7]}
"""
    texts = [f"{name}: {{op: linear, out_features: 6, bias: true}}" for name in ("a", "b_1", "b_2")]
    network = _nodes(tmp_path, "\n".join(texts), head)
    drawn = {t.name: (t.draw.kind, t.draw.low) for t in network.parameters if t.name.endswith("weight")}
    assert drawn == {"a.weight": ("uniform", 4), "b_1.weight": ("uniform", 2), "b_2.weight": ("uniform", 6)}
    assert {t.draw.kind for t in network.parameters if t.name.endswith("bias")} == {"normal"}


@pytest.mark.parametrize(("said", "kind"), [("", "normal"), ("cotangent: {value: 1.0}\n", "literal")])
def test_the_cotangent_has_the_shape_of_the_output(tmp_path, said, kind):
    """It is normal unless the spec says otherwise."""
    cotangent = _nodes(tmp_path, "a: {op: relu}", HEAD + said).cotangent
    assert (cotangent.kind, cotangent.shape) == (kind, (2, 6))
    assert draw(cotangent, 0, "cotangent", "float32").shape == (2, 6)


def test_the_cotangent_of_a_scalar_is_not_near_zero(tmp_path):
    """Else the whole gradient could vanish by chance."""
    cotangent = _nodes(tmp_path, "a: {op: mse_loss, target: y, reduction: mean}").cotangent
    assert (cotangent.kind, cotangent.low, cotangent.high, cotangent.shape) == ("uniform", 0.6, 1.7, ())


def test_buffers_and_further_outputs(tmp_path):
    """Batch normalisation in training owns two buffers and gives them anew."""
    network = _nodes(tmp_path, "n: {op: batch_norm, eps: 1e-5, momentum: 0.1, training: true}")
    assert [(t.name, t.shape, t.grad) for t in network.buffers] == [
        ("n.running_mean", (6,), False),
        ("n.running_var", (6,), False),
    ]
    assert [o.name for o in network.node("n").outputs] == ["n", "n.running_mean", "n.running_var"]
    assert [t.name for t in network.parameters] == ["n.weight", "n.bias"]


OPERATOR = """\
operator: linear
about: Every way to write it.
seed: 4
cases:
  plain:  {x: {shape: [2, 4]}, out_features: 6, bias: true, exact: true}
  rows.3: {x: {shape: [2, 3, 4], grad: false}, out_features: 6, bias: false, cotangent: {value: 1}}
"""


def test_an_operator_file_gives_a_network_for_each_case(tmp_path):
    """Of one node, named like the operator; float inputs have gradients unless the case says otherwise."""
    plain, rows = load_text(tmp_path, OPERATOR)
    assert (plain.name, rows.name, plain.seed) == ("linear.plain", "linear.rows.3", 4)
    assert (plain.values, plain.exact_output, rows.values) == (("drawn", "exact"), "linear", ("drawn",))
    assert [node.name for node in plain.nodes] == ["linear"]
    assert (plain.inputs[0].grad, rows.inputs[0].grad) == (True, False)
    assert rows.node("linear").tensors["bias"] is None
    assert rows.cotangent.kind == "literal"


def test_cases_with_lists_and_integers(tmp_path):
    """`xs` takes declarations; a target of integers has no gradient."""
    (cat,) = load_text(
        tmp_path, "operator: cat\nabout: x\ncases: {a: {xs: [{shape: [2, 3]}, {shape: [2, 1]}], dim: 1}}"
    )
    assert cat.node("cat").tensors == {"xs": ("xs_0", "xs_1")}
    assert cat.graph("float32").shape("cat") == (2, 4)
    case = "{x: {shape: [3, 4]}, target: {shape: [3], integers: [0, 4]}, reduction: sum}"
    (loss,) = load_text(tmp_path, f"operator: cross_entropy\nabout: x\ncases: {{a: {case}}}")
    assert [(tensor.name, tensor.grad) for tensor in loss.inputs] == [("x", True), ("target", False)]


def test_every_case_is_looked_at(tmp_path):
    """A mistake in one does not hide those in others."""
    text = OPERATOR.replace("shape: [2, 4]", "shape: [4]").replace(
        "out_features: 6, bias: false", "out_feature: 6, bias: 1"
    )
    assert [line for line, _ in complaints(tmp_path, text)] == [5, 6, 6]


WEIGHTED = """\
about: x
weights: w.safetensors
inputs: {x: {shape: [2, 3]}}
nodes: {fc: {op: linear, out_features: 2}}
"""


def _weights(folder, **shapes: tuple[int, ...]) -> None:
    save_file(
        {f"fc.{name}": np.zeros(shape, np.float32) for name, shape in shapes.items()},
        folder / "w.safetensors",
    )


def test_weights_from_a_file(tmp_path):
    """The path is relative to the spec; names, shapes and types are compared when the spec is loaded."""
    _weights(tmp_path, weight=(2, 3), bias=(2,))
    (network,) = load_text(tmp_path, WEIGHTED)
    assert network.weights == tmp_path / "w.safetensors"


@pytest.mark.parametrize(
    ("shapes", "text", "message"),
    [
        ({"weight": (2, 3)}, WEIGHTED, "the file has no fc.bias"),
        ({"weight": (3, 2), "bias": (2,)}, WEIGHTED, "fc.weight has shape [3, 2]; expected [2, 3]"),
        ({"weight": (2, 3), "bias": (2,), "gain": (1,)}, WEIGHTED, "the network has no parameter 'fc.gain'"),
        ({"weight": (2, 3), "bias": (2,)}, WEIGHTED + "parameters: {fc.bias: {value: 1}}\n", "fc.bias is given"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, shapes, text, message):
    """Each way of not fitting is named."""
    _weights(tmp_path, **shapes)
    ((line, found),) = complaints(tmp_path, text)
    assert line == 2
    assert message in found
