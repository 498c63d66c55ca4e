"""In what sums of half precision accumulate: what an adapter declares it is held to, on sums of hundreds of terms."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from gradconform import paths
from gradconform.capture import adapters
from gradconform.command import run as command
from gradconform.command.options import Options
from gradconform.report.files import read
from twin_adapter import append, copied

HALF = paths.specs_folder() / "half"
PASSES = {"forward", "backward"}
DECLARING = ("torch", "chainer")
# One of each way to sum; the night runs all that there are.
WAYS = (
    "sum",
    "linear",
    "matmul",
    "conv1d",
    "conv_transpose1d",
    "layer_norm",
    "embedding",
    "einsum",
    "cumsum",
    "avg_pool2d",
)

# One after the other in the dtype, as a loop over rows does.
IN_TURN = """
def op_sum(x, *, dim, keepdim):
    (axis,) = dim
    total = torch.zeros_like(x.select(axis, 0))
    for part in x.unbind(axis):
        total = total + part
    return total
"""
# Away from zero by four neighbours, eight times what rounding may err by; the difference of numbers so near is exact.
BESIDE = """
def op_add(x, y):
    total = x + y
    beside = (total.detach().view(torch.int16) + 4).view(total.dtype)
    return total + (beside - total).detach()
"""


def declared(folder: Path) -> ModuleType:
    """The file sums.py of an adapter, which imports no framework."""
    found = importlib.util.spec_from_file_location(f"sums_of_{folder.name}", folder / "sums.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def objections(sums: Any, operators: Iterable[str], dtypes: Mapping[str, str | None]) -> list[str]:
    """What is wrong with a declaration. operators, dtypes: the adapter's, a dtype with the reason why it is lacking."""
    found = [f"{dtype} is not computed in" for dtype in sums.ACCUMULATES if dtypes.get(dtype, "") is not None]
    found += [f"{way} is no pass" for way in {*sums.NARROW} ^ PASSES]
    for way, narrow in sums.NARROW.items():
        found += [f"{way}: there is no operator {op}" for op in sorted({*narrow} - {*operators})]
        found += [f"{way}: {op} has no reason" for op, why in narrow.items() if not why.strip()]
    return found


def wrong(adapter: str, specs: Iterable[Path], out: Path, dtype: str | None = None) -> pd.DataFrame:
    """The rows that diverge, of those that a run of some specs in one adapter judges."""
    command.execute([*specs], Options(adapter=(adapter,), dtype=dtype), out, None)
    rows = read(out)
    assert (rows["verdict"] == "conforms").any()
    return rows[rows["verdict"].isin(["diverges", "missing", "crashed"])]


@pytest.mark.process
@pytest.mark.parametrize("framework", DECLARING)
def test_every_declaration_is_of_an_operator_and_has_a_reason(framework: str) -> None:
    """A name that is misspelt would hold an operator to what it does not do."""
    about = adapters.describe(adapters.find(framework))
    assert objections(declared(paths.adapters_folder() / framework), about["operators"], about["dtypes"]) == []


def test_a_declaration_that_is_none_is_named() -> None:
    """The twin: a dtype that is not computed in, a pass and an operator that are none, and no reason."""

    class Sums:
        ACCUMULATES = {"float16": "float32"}
        NARROW = {"forward": {"summ": "why"}, "backwards": {"sum": " "}}

    assert sorted(objections(Sums, ["sum"], {"float16": "lacking"})) == [
        "backward is no pass",
        "backwards is no pass",
        "backwards: sum has no reason",
        "float16 is not computed in",
        "forward: there is no operator summ",
    ]


@pytest.mark.nightly
@pytest.mark.process
@pytest.mark.parametrize("framework", DECLARING)
def test_long_sums_err_by_no_more_than_was_declared(framework: str, tmp_path: Path) -> None:
    """Where sums accumulate in float32 that is one roundoff of the result, and no root of the number of terms."""
    assert wrong(framework, [HALF / f"{op}.yaml" for op in WAYS], tmp_path / "out").empty


@pytest.mark.process
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_sum_in_the_dtype_is_named_where_a_wider_one_was_declared(dtype: str, tmp_path: Path) -> None:
    """The twin: 3,000 terms, added one after the other in half precision."""
    folder = copied("torch", tmp_path)
    append(folder, "operators", IN_TURN)
    found = wrong(str(folder), [HALF / "sum.yaml"], tmp_path / "out", dtype)
    assert {*zip(found["tensor"], found["culprit"], strict=True)} == {("output/sum", "sum")}
    assert {*found["spec"]} == {"sum.long_first", "sum.long_last"}


@pytest.mark.process
def test_a_wider_accumulator_than_there_is_shows(tmp_path: Path) -> None:
    """The twin of NARROW: torch adds windows in the dtype, and without its word for that the row diverges."""
    folder = copied("torch", tmp_path)
    append(folder, "sums.py", 'NARROW = {"forward": {}, "backward": {}}\n')
    found = wrong(str(folder), [HALF / "unfold.yaml"], tmp_path / "out", "float16")
    assert {*zip(found["tensor"], found["culprit"], strict=True)} == {("grad/x", "unfold")}


@pytest.mark.process
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_result_four_neighbours_off_is_seen(dtype: str, tmp_path: Path) -> None:
    """An elementwise result has no wider bound in half precision than in single: few roundoffs."""
    folder = copied("torch", tmp_path)
    append(folder, "operators", BESIDE)
    spec = tmp_path / "add.yaml"
    spec.write_text("operator: add\nabout: One case.\ncases:\n  one: {x: {shape: [3, 5]}, y: {shape: [3, 5]}}\n")
    found = wrong(str(folder), [spec], tmp_path / "out", dtype)
    assert {*found["tensor"]} == {"output/add"}
