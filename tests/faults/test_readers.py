"""Where several nodes read one tensor: a second capture names the one that sent back a wrong part, and no other."""

from pathlib import Path

import faults
import pytest
from gradconform.contract.apart import FOLDER
from gradconform.contract.folder import Folder
from gradconform.judge import judge
from gradconform.rows import Blame, Row
from twins import Problems, rows_of, twin

pytestmark = pytest.mark.process

frameworks = pytest.mark.parametrize("framework", faults.FRAMEWORKS)

# The multiplication of these forwards is right, and of their backward one part: 2 h dy, where h is read twice.
HALF = {
    "torch": """

class _Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[1], None


def op_mul(x, y):
    return _Half.apply(x, y)
""",
    "chainer": """

class _Half(chainer.FunctionNode):
    def forward(self, inputs):
        self.retain_inputs((0, 1))
        return (inputs[0] * inputs[1],)

    def backward(self, indexes, gradients):
        return gradients[0] * self.get_retained_inputs()[1], None


def op_mul(x, y):
    return _Half().apply((x, y))[0]
""",
    "nnabla": """

def op_mul(x, y):
    # Of the second factor it takes the numbers alone.
    return F.mul2(x, y.get_unlinked_variable(need_grad=False))
""",
}
SPOILT_SUM = """

_honest = ROUTES[PRIMARY]


def _spoilt(network, problem, tensors):
    values, missing = _honest(network, problem, tensors)
    if {when}:
        values["grad/h"] = values["grad/h"] * 2
    return values, missing


ROUTES[PRIMARY] = _spoilt
"""


def blame(rows: list[Row]) -> list[tuple[str, str, str, str]]:
    """Tensor, culprits, their operators and how they were found, of every row that is wrong."""
    return [(row.tensor, row.culprit, row.culprit_op, str(row.blame)) for row in rows if row.verdict.wrong]


def second_captures(run: Path) -> list[str]:
    """The problems that were captured once more."""
    return sorted(path.parent.parent.name for path in run.glob(f"captures/*/*/{FOLDER}/capture.json"))


@frameworks
def test_one_wrong_reader_of_three_is_named_alone(framework: str, problems: Problems, tmp_path: Path) -> None:
    """By its name and its operator; and a judge that lacks the second capture says that they are blamed together."""
    folder = twin(framework, tmp_path, faults.RELU.changes(framework))
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run")
    assert blame(rows) == [("grad/h", "left", "relu", "apart")]
    (name,) = second_captures(tmp_path / "run")
    first = Folder(tmp_path / "run").capture(framework, name)
    (first / FOLDER / "capture.json").unlink()
    alone = judge(Folder(tmp_path / "run").problem(name), {framework: first})
    assert blame(alone) == [("grad/h", "left right squared", "relu linear mul", "joint")]


@frameworks
def test_two_wrong_readers_are_both_named(framework: str, problems: Problems, tmp_path: Path) -> None:
    """And the third is not."""
    changes = {"operators": faults.RELU.changes(framework)["operators"] + HALF[framework]}
    rows = rows_of(twin(framework, tmp_path, changes), ["three_readers"], problems, tmp_path / "run")
    assert blame(rows) == [("grad/h", "left squared", "relu mul", "apart")]


@frameworks
def test_without_a_fault_nothing_is_captured_again(framework: str, problems: Problems, tmp_path: Path) -> None:
    """The control: a second capture is made where somebody is blamed with another, and nowhere else."""
    folder = twin(framework, tmp_path)
    rows = rows_of(folder, ["three_readers", "transformer"], problems, tmp_path / "run")
    assert blame(rows) == []
    assert second_captures(tmp_path / "run") == []
    assert not any(row.blame or row.culprit_op for row in rows)


@frameworks
@pytest.mark.parametrize(("when", "how"), [("True", Blame.SUM), ('"apart" not in problem', Blame.FIRST)])
def test_which_capture_is_spoken_of(framework: str, when: str, how: Blame, problems: Problems, tmp_path: Path) -> None:
    """Each part is right, so it is their sum; or all is right with identities, and the first capture was spoilt."""
    folder = twin(framework, tmp_path, {"routes.py": SPOILT_SUM.format(when=when)})
    rows = rows_of(folder, ["three_readers"], problems, tmp_path / "run")
    readers = "left right squared"
    assert ("grad/h", readers, "relu linear mul", str(how)) in blame(rows)
    assert {culprit for _, culprit, _, _ in blame(rows)} == {readers}
    assert second_captures(tmp_path / "run") == ["three_readers.float32.drawn"]


IN_PLACE = """

def op_relu(x):
    return F.relu_(x) if x.grad_fn is not None else F.relu(x)
"""


@pytest.mark.parametrize("values", ["drawn", "exact"])
def test_only_the_node_that_overwrote_is_blamed(values: str, tmp_path: Path) -> None:
    """ReLUs in place write over the outputs of the convolutions before them: these did nothing wrong."""
    drawn = Problems.drawn(tmp_path / "problems", ["cnn"], values=values)
    rows = rows_of(twin("torch", tmp_path, {"operators": IN_PLACE}), ["cnn"], drawn, tmp_path / "run")
    wrong = {row.tensor: row.culprit for row in rows if row.verdict.wrong}
    assert set(wrong) >= {"output/conv1", "output/conv2"}
    assert set(wrong.values()) <= {"relu1", "relu2", "relu3", "relu4"}
    assert wrong["output/conv1"] == "relu1"
    assert wrong["output/conv2"] == "relu2"
