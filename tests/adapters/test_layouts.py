"""The same numbers in other memory layouts: how they lie, what frameworks make of them, a fault that shows there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gradconform import paths
from gradconform.capture.adapters import Adapter
from gradconform.capture.together import LAYOUTS, Capturing
from gradconform.command.main import main
from gradconform.draw.variants import Variant
from gradconform.judge.expanded import repeated
from gradconform.report.files import read
from gradconform.spec import load
from twin_adapter import append, copied

_spec = importlib.util.spec_from_file_location("arrays", paths.adapters_folder() / "arrays.py")
assert _spec is not None
assert _spec.loader is not None
arrays = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(arrays)

SPEC = """
name: laid
about: Images, rows and a scalar.
inputs: {x: {shape: [2, 3, 4, 5], grad: true}, z: {shape: [2, 60], grad: true}}
nodes:
  c: {op: conv2d, x: x, out_channels: 3, kernel_size: 3, stride: 1, padding: 1, dilation: 1, groups: 1}
  r: {op: relu, x: c}
  f: {op: flatten, x: r, start_dim: 1}
  s: {op: add, x: f, y: z}
  h: {op: linear, x: s, out_features: 3}
  y: {op: mean, x: h, dim: [0, 1], keepdim: false}
"""
# What trusts that memory is contiguous, as a kernel does that takes a pointer and an extent.
TRUSTING = """
_relu = op_relu


def op_relu(x):
    return _relu(x)


def op_add(x, y):
    strides = torch.empty(y.shape).stride()
    return x + torch.as_strided(y, y.shape, strides)
"""


# What takes one slice for the others, as a kernel does that looks for strides of 0: right, but for the gradient.
ONE_SLICE = """
_add = op_add


def op_add(x, y):
    return _add(x, y[:1] if y.stride()[0] == 0 else y)
"""


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4, 5), (1, 1)])
def test_the_numbers_stay(layout: str, dtype: str, shape: tuple[int, ...]) -> None:
    """In an array of that shape and dtype; `expanded` has those of the first slice, as the judge has."""
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    laid = arrays.laid_out(array, layout)
    assert (laid.shape, laid.dtype) == (array.shape, array.dtype)
    assert np.array_equal(laid, repeated(array) if layout == "expanded" else array)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3), (3, 0, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_can_be_laid_out(layout: str, shape: tuple[int, ...]) -> None:
    """An extent may be zero."""
    array = np.zeros(shape, "float32")
    assert arrays.laid_out(array, layout).shape == repeated(array).shape == shape


def test_an_expanded_array_is_one_slice() -> None:
    """The axis is the first of two elements or more; what is written shows in all of them, and not in the first."""
    array = np.arange(12.0).reshape(1, 3, 4)
    laid = arrays.laid_out(array, "expanded")
    assert laid.strides == (32, 0, 8)
    assert laid.tolist() == [[[0, 1, 2, 3]] * 3]
    laid[0, 1, 1] = 7
    assert laid[0, :, 1].tolist() == [7, 7, 7]
    assert array[0, 0, 1] == 1


def test_how_each_layout_lies() -> None:
    """By the strides, in elements."""
    array = np.ones((2, 3, 4, 5), "float32")
    strides = {name: tuple(s // 4 for s in arrays.laid_out(array, name).strides) for name in LAYOUTS}
    assert strides == {
        "channels_last": (60, 1, 15, 3),
        "expanded": (0, 20, 5, 1),
        "strided": (2 * 6 * 8 * 10, 2 * 8 * 10, 2 * 10, 2),
        "transposed": (1, 2, 6, 24),
    }
    with pytest.raises(ValueError, match="expected one of channels_last"):
        arrays.laid_out(array, "sideways")


def test_between_strided_elements_lies_nan() -> None:
    """So that whoever reads past the strides gives NaN, and not zeros by chance."""
    laid = arrays.laid_out(np.ones((2, 2), "float32"), "strided")
    assert np.isnan(laid.base).sum() == 12


def test_the_command_knows_every_layout() -> None:
    """And no other."""
    assert LAYOUTS == arrays.LAYOUTS


def rows_of(folder: Path, *adapters: str) -> tuple[int, object]:
    """The exit status and the rows of a run in every layout."""
    (folder / "laid.yaml").write_text(SPEC, encoding="utf-8")
    options = [text for name in adapters for text in ("--adapter", name)]
    command = ["run", str(folder / "laid.yaml"), "--dtype", "float32", "--layout", "all", "--out", str(folder / "out")]
    result = CliRunner().invoke(main, [*command, *options])
    assert result.exit_code in (0, 1), result.output
    rows = read(folder / "out")
    return result.exit_code, rows[rows.route.str.startswith("layout-")]


@pytest.mark.nightly
@pytest.mark.process
def test_frameworks_read_every_layout(tmp_path: Path) -> None:
    """torch and Chainer hold each as it is, and give the right numbers; NNabla copies, and says so."""
    code, rows = rows_of(tmp_path, "torch", "chainer", "nnabla")
    assert code == 0
    for framework in ("torch", "chainer"):
        own = rows[rows.framework == framework]
        assert {*own.route} == {f"layout-{layout}" for layout in LAYOUTS}
        assert {*own.verdict} == {"conforms"}
    refused = rows[rows.framework == "nnabla"]
    assert {*refused.verdict} == {"unsupported"}
    assert len(refused) == len(LAYOUTS)
    assert all("it copies every array that it is given" in reason for reason in refused.reason)


@pytest.mark.process
def test_an_operator_that_trusts_its_memory_is_named(tmp_path: Path) -> None:
    """The primary route is right; in the other layouts the node is to blame, and no other."""
    folder = copied("torch", tmp_path)
    append(folder, "operators", TRUSTING)
    code, rows = rows_of(tmp_path, str(folder))
    assert code == 1
    wrong = rows[rows.verdict == "diverges"]
    assert {*wrong.route} == {"layout-strided", "layout-transposed"}
    assert {*wrong.culprit} == {"s"}
    assert {*wrong.tensor} <= {"output/s", "grad/z"}


@pytest.mark.process
def test_an_operator_that_trusts_one_slice_is_named(tmp_path: Path) -> None:
    """Its gradient lands in the first slice: nothing but the layout `expanded` shows it."""
    folder = copied("torch", tmp_path)
    append(folder, "operators", ONE_SLICE)
    code, rows = rows_of(tmp_path, str(folder))
    assert code == 1
    wrong = rows[rows.verdict == "diverges"]
    assert {*wrong.route} == {"layout-expanded"}
    assert {*wrong.tensor} == {"grad/z"}
    assert {*wrong.culprit} == {"s"}


@pytest.mark.parametrize(("op", "asked"), [("inv", False), ("det", False), ("cholesky", False), ("tanh", True)])
def test_of_equal_rows_no_inverse_is_asked(op: str, asked: bool, tmp_path: Path) -> None:
    """The matrix would be singular: the layout is left off, and every other one is asked for."""
    spec = tmp_path / "square.yaml"
    spec.write_text(
        f"about: x\ninputs: {{x: {{shape: [3, 3], grad: true}}}}\nnodes: {{y: {{op: {op}}}}}\n", encoding="utf-8"
    )
    (network,) = load(spec)
    torch = Adapter("torch", "torch", paths.adapters_folder() / "torch", Path("python"), "nowhere")
    ways = Capturing(layouts=LAYOUTS).ways(torch, Variant(network, "float32", "drawn"))
    assert set(ways.values()) - {"primary"} == {f"primary/{name}" for name in LAYOUTS if asked or name != "expanded"}
