"""What is not a framework's own must stay as it was, and a second run in one process must give the same bits."""

from pathlib import Path

import faults
import pytest
from gradconform.capture.together import Capturing
from gradconform.rows import CheckKind, Row
from twins import Problems, rows_of, twin

pytestmark = pytest.mark.process

frameworks = pytest.mark.parametrize("framework", faults.FRAMEWORKS)
BOTH = Capturing(also=("unchanged", "repeat"))

# A route that writes into what it was given when all else is done; `where` is an array.
WRITES = """

_honest = ROUTES[PRIMARY]


def _writing(network, problem, tensors):
    values, missing = _honest(network, problem, tensors)
    {where}[-1] += 1
    return values, missing


ROUTES[PRIMARY] = _writing
"""
# NNabla holds numbers of its own: whoever writes there writes into a variable.
WEIGHT = {
    "torch": 'tensors["right.weight"]',
    "chainer": 'network["right"].weight.array',
    "nnabla": 'network.leaves["right.weight"].d',
}
INPUT = {"torch": 'tensors["x"]', "chainer": 'tensors["x"]', "nnabla": 'network.leaves["x"].d'}
PLACES = {
    "value/x": (INPUT, "h"),
    "value/right.weight": (WEIGHT, "right"),
    "cotangent/sum2": (dict.fromkeys(faults.FRAMEWORKS, 'tensors["cotangent/sum2"]'), "sum2"),
}
# An operator that counts its calls, and one that reads memory that nobody wrote: here what the last call left.
COUNTS = """

from itertools import count

_relu, _calls = op_relu, count()


def op_relu(x):
    return _relu(x) * (1.0 + next(_calls))
"""
LEFT_OVER = """

_left, _honest = [0.0], ROUTES[PRIMARY]


def _uninitialised(network, problem, tensors):
    values, missing = _honest(network, problem, tensors)
    values["grad/left"] = values["grad/left"] + np.asarray(_left[0], values["grad/left"].dtype)
    _left[0] += 1.0
    return values, missing


import numpy as np

ROUTES[PRIMARY] = _uninitialised
"""
NOW_AND_THEN = """

_runs, _honest = [0], ROUTES[PRIMARY]


def _refusing(network, problem, tensors):
    _runs[0] += 1
    if _runs[0] > 1:
        raise RuntimeError("once is enough")
    return _honest(network, problem, tensors)


ROUTES[PRIMARY] = _refusing
"""


def told(rows: list[Row], kind: CheckKind) -> dict[str, tuple[str, str, str]]:
    """Tensor -> (reason, culprit, its operator) of every row of a check; a row of these is always wrong."""
    assert all(row.verdict.wrong for row in rows if row.check.kind == kind)
    return {row.tensor: (str(row.reason), row.culprit, row.culprit_op) for row in rows if row.check.kind == kind}


@frameworks
@pytest.mark.parametrize("tensor", PLACES)
def test_what_was_written_into_is_named(framework: str, tensor: str, problems: Problems, tmp_path: Path) -> None:
    """An input, a weight or the cotangent: the tensor, its first element that is another, and who could write there."""
    where, culprit = PLACES[tensor]
    folder = twin(framework, tmp_path, {"routes.py": WRITES.format(where=where[framework])})
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run")
    (row,) = [row for row in rows if row.check.kind == CheckKind.UNCHANGED]
    assert (row.tensor, row.reason, row.culprit) == (tensor, "written_into", culprit)
    assert row.worst_index == str([int(row.shape.strip("[]").split(", ")[0]) - 1, 0])
    assert row.n_bad == int(row.shape.strip("[]").split(", ")[1])
    assert row.got == pytest.approx(row.expected + 1, rel=1e-5)


@frameworks
def test_an_honest_adapter_is_told_nothing_of(framework: str, problems: Problems, tmp_path: Path) -> None:
    """The control: running statistics move in residual_train, and nothing else does; twice is the same."""
    rows = rows_of(twin(framework, tmp_path), ["three_readers", "residual_train"], problems, tmp_path / "run", BOTH)
    assert any(row.tensor.endswith("running_mean") for row in rows)
    assert told(rows, CheckKind.UNCHANGED) == told(rows, CheckKind.REPEAT) == {}
    assert not any(row.verdict.wrong for row in rows)


@frameworks
def test_a_hidden_counter_is_caught(framework: str, problems: Problems, tmp_path: Path) -> None:
    """The first call is right, so no other check sees it; what lies behind it is blamed on it as well."""
    folder = twin(framework, tmp_path, {"operators": COUNTS})
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run", BOTH)
    found = told(rows, CheckKind.REPEAT)
    assert {"output/left", "output/sum1", "output/sum2", "grad/h", "grad/x"} == set(found) - {
        "grad/h.weight",
        "grad/h.bias",
    }
    assert found["output/left"] == ("not_repeated", "left", "relu")
    assert found["output/sum2"] == ("not_repeated", "left", "relu")
    assert {row.check.kind for row in rows if row.verdict.wrong} == {CheckKind.REPEAT}


@frameworks
def test_what_an_earlier_run_left_is_caught(framework: str, problems: Problems, tmp_path: Path) -> None:
    """A gradient that depends on memory that was not written: that tensor alone, by the node that reads it."""
    folder = twin(framework, tmp_path, {"routes.py": LEFT_OVER})
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run", BOTH)
    assert told(rows, CheckKind.REPEAT) == {"grad/left": ("not_repeated", "sum1", "add")}


@frameworks
def test_a_second_run_that_fails_is_told_of(framework: str, problems: Problems, tmp_path: Path) -> None:
    """In the words of the exception; the first run is judged as ever."""
    folder = twin(framework, tmp_path, {"routes.py": NOW_AND_THEN})
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run", BOTH)
    words = "not_repeated: given, then RuntimeError: once is enough"
    assert told(rows, CheckKind.REPEAT) == {"output/sum2": (words, "sum2", "sub")}
    assert {row.check.kind for row in rows if row.verdict.wrong} == {CheckKind.REPEAT}
