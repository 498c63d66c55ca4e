"""What an adapter may say of itself in part: a dtype that only some operators lack, threads that nobody can tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_adapter import fake, specs
from gradconform.capture import adapters
from gradconform.command import run as command
from gradconform.command.options import Options
from gradconform.history.runs import environment_of, open_run
from gradconform.report.files import read
from twin_adapter import append, copied

pytestmark = pytest.mark.process

SPEC = "about: One node.\ninputs: {{x: {{shape: [3, 2], grad: true}}}}\nnodes: {{y: {{op: {}}}}}\n"
WHY = "its kernel is for float32 alone"


@pytest.mark.parametrize(
    ("lacks", "unsupported"),
    [({"tanh": WHY}, {("tanh", "float64")}), ({"tanh": WHY, "relu": WHY}, {("tanh", "float64"), ("relu", "float64")})],
    ids=["one operator", "two operators"],
)
def test_an_operator_may_lack_a_dtype_alone(tmp_path: Path, lacks: dict[str, str], unsupported: set[object]) -> None:
    """The operators of the mapping are unsupported in the dtype, for their reason; the others are judged in it."""
    folder = copied("torch", tmp_path)
    append(folder, "adapter.py", f'DTYPES["float64"] = {lacks!r}\n')
    files = [tmp_path / f"{op}.yaml" for op in ("tanh", "relu")]
    for path in files:
        path.write_text(SPEC.format(path.stem), encoding="utf-8")
    assert adapters.describe(adapters.find(str(folder)))["dtypes"]["float64"] is None
    assert command.execute(files, Options(adapter=(str(folder),)), tmp_path / "out", None) == 0
    rows = read(tmp_path / "out")
    refused = rows[rows["verdict"] == "unsupported"]
    assert {*zip(refused["spec"], refused["dtype"], strict=True)} == unsupported
    for spec, reason in zip(refused["spec"], refused["reason"], strict=True):
        assert reason == f"node 'y': torch has no {spec} in float64: {WHY}"
    judged = rows[rows["verdict"] == "conforms"]
    every = {(op, dtype) for op in ("tanh", "relu") for dtype in ("float32", "float64")}
    assert {*zip(judged["spec"], judged["dtype"], strict=True)} == every - unsupported


@pytest.mark.parametrize(("answer", "captured", "told"), [('"unknown"', None, "unknown"), ("2", 2, "2")])
def test_threads_may_be_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, captured: int | None, told: str
) -> None:
    """Null in capture.json, and `unknown` on the page and where runs are compared; the twin tells a number."""
    folder = fake(tmp_path, monkeypatch, top=f"def set_threads(n):\n    return {answer}\n")
    files = specs(tmp_path / "specs", "a")
    assert command.execute(files, Options(adapter=(str(folder),)), tmp_path / "out", tmp_path / "keep") == 0
    [document] = (tmp_path / "keep" / "captures").rglob("capture.json")
    assert json.loads(document.read_text(encoding="utf-8"))["threads"] == captured
    run = open_run(tmp_path / "out")
    assert [framework.threads for framework in run.manifest.frameworks] == [captured or 0]
    assert environment_of(run)["fake", "threads"] == told
    assert f'<td class="n">{told}</td>' in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
