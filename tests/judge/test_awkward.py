"""Honest frameworks on awkward numbers: masked, constant, far out, averaged over thousands, NaN. None is an alarm.

Each file of `awkward/` is one kind. The twins are frameworks that are wrong by 1e-4 on the same numbers.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from gradconform.capture import adapters
from gradconform.command.main import main
from gradconform.report.files import read
from twin_adapter import append, copied

pytestmark = pytest.mark.process

HERE = Path(__file__).parent / "awkward"
FRAMEWORKS = tuple(adapters.names())

# The divergences that are listed and may show: NNabla's variance in one pass.
KNOWN = {("nnabla", "batch_norm.ten"), ("nnabla", "batch_norm.large"), ("nnabla", "layer_norm.large")}

# Operators that are wrong by a little in the twin, and the nodes of each spec that must be named for it.
WRONG = ("softmax", "cross_entropy", "sigmoid", "linear", "conv2d", "embedding", "batch_norm", "layer_norm")
NAMED = {
    "attention": {"weights"},
    "ruled_out": {"y"},
    "far_out": {"sigmoid"},
    "mean_over_rows": {"first", "normed", "second"},
    "mean_over_pixels": {"conv"},
    "mean_over_words": {"words"},
    "nan_rows": {"h"},
    **{f"batch_norm.{case}": {"batch_norm"} for case in ("small", "ten", "large", "huge", "zero")},
    **{f"layer_norm.{case}": {"layer_norm"} for case in ("small", "large", "huge")},
}
TWIN = """
_honest_{op} = op_{op}


def op_{op}(*tensors, **attributes):
    found = _honest_{op}(*tensors, **attributes)
    if isinstance(found, tuple):
        return (found[0] * (1 + 1e-4), *found[1:])
    return found * (1 + 1e-4)
"""


def judged(spec: Path, out: Path, *adapter: str) -> pd.DataFrame:
    """The rows of a run that are judged."""
    options = [text for name in adapter for text in ("--adapter", name)]
    result = CliRunner().invoke(main, ["run", str(spec), "--out", str(out), *options])
    assert result.exit_code in (0, 1), result.output
    rows = read(out)
    return rows[~rows.verdict.isin(["measured", "unsupported"])]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """All files in all frameworks."""
    return judged(HERE, tmp_path_factory.mktemp("awkward") / "report")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_awkward_numbers_raise_no_alarm(honest: pd.DataFrame, framework: str) -> None:
    """Everything conforms but for the listed divergences of this framework."""
    rows = honest[honest.framework == framework]
    assert len(rows) > 90
    other = rows[rows.verdict != "conforms"]
    assert {*zip(other.framework, other.spec, strict=True)} <= KNOWN
    assert {*other.verdict} <= {"known"}


def test_nan_is_said(honest: pd.DataFrame) -> None:
    """It conforms, and the row says how many numbers are none, of a tensor that is right for all that is to be seen."""
    rows = honest[(honest.spec == "nan_rows") & (honest.n_nonfinite > 0)]
    assert {*rows.tensor} >= {"output/h", "grad/h.weight"}
    assert {*rows[rows.tensor == "grad/h.weight"].reason} == {"nonfinite_expected"}


def test_a_small_error_on_awkward_numbers_is_found(honest: pd.DataFrame, tmp_path: Path) -> None:
    """The twin: in each spec the operators that are wrong are named, and nothing else is."""
    folder = copied("torch", tmp_path)
    for operator in WRONG:
        append(folder, "operators", TWIN.format(op=operator))
    rows = judged(HERE, tmp_path / "report", str(folder))
    wrong = rows[rows.verdict.isin(["diverges", "missing"])]
    assert {spec: {*of.culprit} for spec, of in wrong.groupby("spec")} == NAMED
    assert set(NAMED) == {*honest.spec}
