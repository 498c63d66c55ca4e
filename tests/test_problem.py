"""From a network to numbers: the same seed gives the same problem, and every number can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import ContractError, Problem, read_problem
from gradconform.draw.exact import NoExactProblemError, prove_exact
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import variants
from gradconform.draws import Draw, draw
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.exactness import InexactError
from gradconform.spec import Network, SpecError, load
from honest import SMALL, problem_of
from safetensors.numpy import save_file

MLP = """
about: Two layers.
values: [drawn, exact]
inputs:
  x: {shape: [6, 5], grad: true}
  classes: {shape: [6], integers: [0, 4]}
nodes:
  a: {op: linear, x: x, out_features: 7}
  b: {op: relu, x: a}
  c: {op: linear, x: b, out_features: 4}
  loss: {op: cross_entropy, x: c, target: classes, reduction: mean}
exact_output: c
"""


def network_of(folder: Path, text: str) -> Network:
    """The network of a text."""
    path = folder / "net.yaml"
    path.write_text(text)
    (network,) = load(path)
    return network


def prove(problem: Problem, dtype: str) -> None:
    """Raise InexactError where a sum of this problem could round in the dtype."""
    leaves = {name: problem.value(name) for name in problem.graph.leaves}
    prove_exact(problem.graph, leaves, problem.cotangent, Dtype.of(dtype))


def numbers(problem: Problem) -> dict[str, bytes]:
    """Every tensor's bits."""
    return {name: array.tobytes() for name, array in problem.tensors.items()}


@pytest.mark.parametrize("values", ["drawn", "exact"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_problem(tmp_path: Path, dtype: str, values: str) -> None:
    """To the last bit, and with it the digest; another seed changes every drawn tensor."""
    network = network_of(tmp_path, MLP)
    one, two, other = (
        draw_problem(network, tmp_path / name, dtype=dtype, values=values, seed=seed)
        for name, seed in (("one", 3), ("two", 3), ("other", 4))
    )
    assert numbers(one) == numbers(two)
    assert one.digest == two.digest != other.digest
    assert all(numbers(one)[name] != bits for name, bits in numbers(other).items())


def test_a_seed_of_the_spec_is_the_one_without_another(tmp_path: Path) -> None:
    """The spec's own, and 0 where it has none; one that is given wins."""
    seven = network_of(tmp_path, MLP + "seed: 7\n")
    own = draw_problem(seven, tmp_path / "own", dtype="float32", values="drawn")
    asked = draw_problem(seven, tmp_path / "asked", dtype="float32", values="drawn", seed=0)
    none = draw_problem(network_of(tmp_path, MLP), tmp_path / "none", dtype="float32", values="drawn")
    assert [p.document["seed"] for p in (own, asked, none)] == [7, 0, 0]
    assert numbers(asked) == numbers(none) != numbers(own)


@pytest.mark.parametrize("values", ["drawn", "exact"])
def test_a_node_more_changes_no_other_tensor(tmp_path: Path, values: str) -> None:
    """Each stream is keyed by the seed and the tensor's name alone."""
    before = problem_of(tmp_path / "1", MLP, values=values)
    longer = MLP.replace("  b: {op: relu", "  extra: {op: linear, x: a, out_features: 3}\n  b: {op: relu")
    longer = longer.replace("inputs:\n", "inputs:\n  another: {shape: [2], grad: true}\n")
    after = problem_of(tmp_path / "2", longer, values=values)
    added = set(numbers(after)) - set(numbers(before))
    # The exact variant leaves out what its output does not need.
    drawn = {"value/another", "value/extra.weight", "value/extra.bias"}
    assert added == (drawn if values == "drawn" else set())
    assert numbers(before).items() <= numbers(after).items()


def test_the_two_dtypes_and_the_two_kinds_of_values_are_variants(tmp_path: Path) -> None:
    """All that the spec asks for, or those of one dtype."""
    network = network_of(tmp_path, MLP)
    assert [(v.dtype, v.values) for v in variants([network])] == [
        ("float32", "drawn"),
        ("float32", "exact"),
        ("float64", "drawn"),
        ("float64", "exact"),
    ]
    assert [v.name for v in variants([network], "float64")] == ["net.float64.drawn", "net.float64.exact"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_that_of_every_float(tmp_path: Path, dtype: str) -> None:
    """Integers stay integers."""
    problem = problem_of(tmp_path, MLP, dtype=dtype)
    dtypes = {name: str(a.dtype) for name, a in problem.tensors.items()}
    assert dtypes.pop("value/classes") == "int64"
    assert set(dtypes.values()) == {dtype}
    assert problem.value("classes").min() >= 0
    assert problem.value("classes").max() <= 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_tensor_hides_a_mistake(tmp_path: Path, dtype: str) -> None:
    """No mean of zero, no scale of one, nothing all ones or all alike, and no two tensors with the same numbers."""
    text = """
about: Large tensors, so that their moments are known.
inputs:
  x: {shape: [40, 50], grad: true}
  cotangent: {shape: [40, 50], grad: true}
nodes:
  n: {op: layer_norm, x: x, eps: 1.0e-5}
  w: {op: linear, x: n, out_features: 50}
  y: {op: mul, x: w, y: cotangent}
"""
    problem = problem_of(tmp_path, text, dtype=dtype)
    arrays = dict(problem.tensors)
    for name, array in arrays.items():
        assert np.unique(array).size > array.size * 0.99, name
        assert not np.any(array == 1), name
    for name in ("value/x", "value/n.weight", "value/n.bias", "cotangent/y"):
        assert abs(arrays[name].mean()) > 0.04, name
        assert abs(arrays[name].std() - 1) > 0.04, name
    for name in ("value/x", "value/cotangent"):
        # An input of an unlucky name has a stream of its own.
        assert abs(np.corrcoef(arrays[name].ravel(), arrays["cotangent/y"].ravel())[0, 1]) < 0.1
    # Sums of products keep the size of their terms: 50 terms, a weight of variance 1.3**2 / 50.
    assert arrays["value/w.weight"].std() == pytest.approx(1.3 / 50**0.5, rel=0.1)


def test_draws_are_what_they_say() -> None:
    """Ranges and moments of each kind, in each dtype."""
    for dtype in ("float32", "float64"):
        uniform = draw(Draw((4000,), kind="uniform", low=0.4, high=2.3), 0, "u", dtype)
        assert (uniform.min() >= 0.4, uniform.max() <= 2.3, str(uniform.dtype)) == (True, True, dtype)
        assert uniform.mean() == pytest.approx(1.35, abs=0.05)
        normal = draw(Draw((4000,), mean=0.3, scale=0.7), 0, "n", dtype)
        assert (normal.mean(), normal.std()) == (pytest.approx(0.3, abs=0.05), pytest.approx(0.7, abs=0.05))
        assert draw(Draw((), mean=0.3), 0, "scalar", dtype).shape == ()
    integers = draw(Draw((4000,), kind="integers", low=-2, high=3), 0, "i", "int64")
    assert set(np.unique(integers)) == {-2, -1, 0, 1, 2}
    literal = draw(Draw((2, 2), kind="literal", value=[1, 2, 3, 4]), 0, "l", "float32")
    assert literal.tolist() == [[1, 2], [3, 4]]


def test_literal_numbers_arrive_as_they_were_written(tmp_path: Path) -> None:
    """In both variants; so does a cotangent that is written out."""
    text = (
        "about: x\nvalues: [drawn, exact]\ncotangent: {value: 1}\n"
        "inputs: {x: {shape: [1, 3], value: [[1, -2, 0.5]], grad: true}}\nnodes: {y: {op: relu}}\n"
    )
    for values in ("drawn", "exact"):
        problem = problem_of(tmp_path, text, values=values)
        assert problem.value("x").tolist() == [[1, -2, 0.5]]
        assert problem.cotangent.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_numbers_are_small_and_proved(tmp_path: Path, dtype: str) -> None:
    """Multiples of a half, no weight of zeros alone, and nothing in the network can round."""
    problem = problem_of(tmp_path, MLP, dtype=dtype, values="exact")
    assert (problem.exact, problem.output) == (True, "c")
    assert [n.name for n in problem.nodes] == ["a", "b", "c"]
    for name, array in problem.tensors.items():
        assert np.array_equal(2 * array, np.round(2 * array)), name
        assert array.any(), name
    prove(problem, dtype)


def test_a_network_that_rounds_is_refused_with_the_node(tmp_path: Path) -> None:
    """However small the numbers: the file, the node and what to write are named, and no half problem stays."""
    network = network_of(tmp_path, MLP.replace("exact_output: c\n", ""))
    with pytest.raises(NoExactProblemError) as caught:
        draw_problem(network, tmp_path / "p", dtype="float32", values="exact")
    for word in (str(network.path), "node loss", "exact_output"):
        assert word in str(caught.value)
    with pytest.raises(ContractError, match="no such file"):
        read_problem(tmp_path / "p")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("nodes: {a: {op: tanh}, b: {op: relu}}", "node a"),
        ("nodes: {a: {op: mul_scalar, value: 0.1}}", "node a"),
        ("nodes: {a: {op: square}, b: {op: relu}}", None),
    ],
)
def test_a_proof_names_the_node_that_rounds(tmp_path: Path, text: str, node: str | None) -> None:
    """On whatever numbers: it is the node that makes the difference, not the drawing."""
    inputs = "inputs: {x: {shape: [2], value: [1, 2], grad: true}}"
    problem = problem_of(tmp_path, f"about: x\n{inputs}\ncotangent: {{value: 1}}\n{text}\n")
    if node is None:
        prove(problem, "float32")
    else:
        with pytest.raises(InexactError, match=f"^{node}: "):
            prove(problem, "float32")


def test_numbers_that_are_too_long_are_refused_though_the_operators_are_exact(tmp_path: Path) -> None:
    """The drawn variant of a network of additions is not exact: its proof must fail."""
    with pytest.raises(InexactError, match="node h"):
        prove(problem_of(tmp_path, SMALL.replace("tanh", "relu")), "float32")


WEIGHTS = MLP + "weights: given.safetensors\n"
SHAPES = {"a.weight": (7, 5), "a.bias": (7,), "c.weight": (4, 7), "c.bias": (4,)}


def weights(**changes: tuple[int, ...] | None) -> dict[str, np.ndarray]:
    """The parameters of the network, in float64; a change to None leaves one out."""
    shapes = {**SHAPES, **{name.replace("_", "."): shape for name, shape in changes.items()}}
    return {name: np.arange(float(np.prod(s))).reshape(s) / 7 for name, s in shapes.items() if s is not None}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_come_from_a_file(tmp_path: Path, dtype: str) -> None:
    """Cast to the dtype; inputs are drawn as ever."""
    given = weights()
    save_file(given, str(tmp_path / "given.safetensors"))
    problem = problem_of(tmp_path, WEIGHTS, dtype=dtype)
    for name, array in given.items():
        assert np.array_equal(problem.value(name), array.astype(dtype))
    assert np.array_equal(problem.value("x"), problem_of(tmp_path / "2", MLP, dtype=dtype).value("x"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"a_weight": (5, 7)}, "a.weight has shape [5, 7]; expected [7, 5]"),
        ({"a_bias": None}, "a.bias"),
        ({"d_weight": (1,)}, "d.weight"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, tuple[int, ...] | None], said: str
) -> None:
    """A wrong shape, a name too few, a name too many: the file's tensor is named."""
    save_file(weights(**changes), str(tmp_path / "given.safetensors"))
    with pytest.raises(SpecError) as caught:
        network_of(tmp_path, WEIGHTS)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """When the spec is read, and when the file goes or changes between that and drawing."""
    with pytest.raises(SpecError, match=r"given\.safetensors"):
        network_of(tmp_path, WEIGHTS)
    path = tmp_path / "given.safetensors"
    save_file(weights(), str(path))
    network = network_of(tmp_path, WEIGHTS)
    for spoiled in (weights(a_weight=(5, 7)), weights(d_weight=(1,)), None):
        path.unlink()
        if spoiled is not None:
            save_file(spoiled, str(path))
        with pytest.raises(ContractError, match=r"given\.safetensors"):
            draw_problem(network, tmp_path / "p", dtype="float32", values="drawn")
