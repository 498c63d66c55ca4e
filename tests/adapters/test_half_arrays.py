"""bfloat16 in the worker's files: NumPy has none there, so its bits travel in arrays of uint16."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from gradconform import paths
from gradconform.contract.files import Tensors
from safetensors.numpy import load_file, save_file


def worker_file(name: str) -> Any:
    """One of the worker's own files, as a module."""
    found = importlib.util.spec_from_file_location(f"own_{name}", paths.adapters_folder() / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


arrays, worker = worker_file("arrays"), worker_file("worker")
NUMBERS = np.array([[1.0, -0.3, 65504.0], [1e-40, np.inf, np.nan]], ml_dtypes.bfloat16)


def test_what_the_worker_writes_is_bfloat16_to_others(tmp_path: Path) -> None:
    """The package safetensors and the harness read the same numbers."""
    arrays.write_arrays(tmp_path / "a.safetensors", {"x": NUMBERS.view("uint16")}, "bfloat16")
    for read in (load_file(tmp_path / "a.safetensors")["x"], Tensors(tmp_path / "a.safetensors")["x"]):
        assert read.dtype == ml_dtypes.bfloat16
        np.testing.assert_array_equal(read.view("uint16"), NUMBERS.view("uint16"))


def test_what_others_write_the_worker_reads_by_its_bits(tmp_path: Path) -> None:
    """And widens for what it says in words."""
    save_file({"x": NUMBERS}, tmp_path / "a.safetensors")
    read = arrays.read_arrays(tmp_path / "a.safetensors")["x"]
    assert read.dtype == "uint16"
    np.testing.assert_array_equal(arrays.widened(read), NUMBERS.astype(np.float32))


@pytest.mark.parametrize("dtype", ["", "float16", "float32"])
def test_integers_of_another_problem_stay_integers(tmp_path: Path, dtype: str) -> None:
    """The twin: arrays of uint16 are bits only where the problem is of bfloat16."""
    arrays.write_arrays(tmp_path / "a.safetensors", {"x": np.arange(3, dtype="uint16")}, dtype)
    assert load_file(tmp_path / "a.safetensors")["x"].dtype == np.uint16


def test_a_difference_is_told_in_numbers() -> None:
    """Not in their bits."""
    changed = NUMBERS.copy()
    changed[0, 1] = 2.5
    found = arrays.differences({"x": NUMBERS.view("uint16")}, {"x": changed.view("uint16")})
    assert found == {"x": {"n": 1, "index": [0, 1], "was": "-0.30078125", "now": "2.5"}}


def test_between_the_numbers_of_a_strided_layout_there_is_nan() -> None:
    """As in every dtype, so that who reads past the strides is seen to."""
    laid = arrays.laid_out(np.zeros(3, "uint16"), "strided")
    assert laid.strides == (4,)
    assert np.isnan(arrays.widened(laid.base[1::2])).all()


SUMS = SimpleNamespace(
    ACCUMULATES={"float16": "float32"}, NARROW={"forward": {"b": "why"}, "backward": {"b": "", "c": ""}}
)


@pytest.mark.parametrize(
    ("sums", "dtype", "declared"),
    [
        (SUMS, "float16", {"a": ["float32", "float32"], "c": ["float32", "float16"]}),
        (SUMS, "float32", {}),
        (None, "float16", {}),
    ],
)
def test_a_capture_says_in_what_sums_accumulate(sums: Any, dtype: str, declared: dict[str, list[str]]) -> None:
    """Of the problem's operators, where it is not the problem's dtype."""
    problem = {"dtype": dtype, "nodes": [{"op": op} for op in "caba"]}
    assert worker.accumulates(problem, SimpleNamespace(sums=sums)) == declared


def test_what_is_lacking_is_known_by_the_framework_s_words() -> None:
    """Those that its adapter lists; any other error is a crash."""
    modules = SimpleNamespace(adapter=SimpleNamespace(LACKS=("not implemented for 'Half'",)))
    assert worker.lacks(RuntimeError("\"lu_cpu\" not implemented for 'Half'"), modules)
    assert not worker.lacks(RuntimeError("out of memory"), modules)
    assert not worker.lacks(RuntimeError("not implemented for 'Half'"), SimpleNamespace(adapter=SimpleNamespace()))
