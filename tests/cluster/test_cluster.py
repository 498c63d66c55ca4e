"""Runs on a cluster: every framework gets its part, nothing that a killed worker had is lost, and rows are the same."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from fake_adapter import SPEC, fake, specs
from gradconform.capture.adapters import AdapterError
from gradconform.cluster import work
from gradconform.cluster.errors import ClusterError
from gradconform.command import capture, judge, run, streamed
from gradconform.command.options import Options
from gradconform.report.files import read, read_run

pytestmark = pytest.mark.process

SQUARE = SPEC.replace("relu", "square")


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Two adapters, each of which only one worker offers; the second halves what it should not."""
    left = fake(tmp_path / "adapters", monkeypatch, name="left", op="return np.maximum(x, 0)")
    right = fake(tmp_path / "adapters", monkeypatch, name="right", op="return np.maximum(x, 0) / 2")
    return str(left), str(right)


def options(adapters: tuple[str, ...], address: str | None = None, wait: float = 30.0) -> Options:
    """Those of `run` and `capture`."""
    return Options(adapter=adapters, cluster=address, cluster_wait=wait)


def test_the_rows_are_those_of_one_machine(tmp_path: Path, address: str, both: tuple[str, ...]) -> None:
    """To the byte: captured and judged there, and captured there to be judged there later."""
    paths = specs(tmp_path / "specs", "a", "b", "c")
    assert run.execute(paths, options(both), tmp_path / "here", None) == 1
    expected = (tmp_path / "here" / "diff.csv").read_bytes()
    assert run.execute(paths, options(both, address), tmp_path / "there", tmp_path / "kept") == 1
    assert (tmp_path / "there" / "diff.csv").read_bytes() == expected
    assert capture.execute(paths, options(both, address), tmp_path / "captured") == 0
    assert judge.execute([tmp_path / "captured"], tmp_path / "later", cluster=address) == 1
    assert (tmp_path / "later" / "diff.csv").read_bytes() == expected
    rows, told = read_run(tmp_path / "there")
    assert {row.framework for row in rows} == {info.name for info in told.frameworks} == {"left", "right"}
    assert {row.framework for row in rows if row.verdict == "diverges"} == {"right"}, "the twin is noticed there too"
    assert all(info.cpu for info in told.frameworks)
    assert not list(tmp_path.glob("*/cluster.mark"))


def test_a_killed_worker_costs_no_row(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed midway through a chunk, once: what it had is done again."""
    flag = tmp_path / "killed"
    once = f"""
global calls
calls += 1
if calls == 2 and not os.path.exists({str(flag)!r}):
    open({str(flag)!r}, "w").close()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
return np.maximum(x, 0)
"""
    adapter = fake(tmp_path, monkeypatch, name="left", top="calls = 0", op=once.strip())
    paths = specs(tmp_path / "specs", "a", "b", "c", "d")
    assert run.execute(paths, options((str(adapter),), address), tmp_path / "out", None) == 0
    assert flag.exists()
    rows = read(tmp_path / "out")
    assert set(rows["spec"]) == {"a", "b", "c", "d"}
    assert set(rows["verdict"]) <= {"conforms", "measured"}
    told = capfd.readouterr().err
    assert "left: 4 done" in told
    assert "judge: 4 done" in told


def test_a_problem_that_kills_every_worker_is_a_row(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of its chunk are judged."""
    kills = "def op_square(x):\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(60)"
    adapter = fake(tmp_path, monkeypatch, name="left", top=kills, op="return np.maximum(x, 0)")
    paths = specs(tmp_path / "specs", "a", "b")
    paths[1].write_text(SQUARE)
    assert run.execute(paths, options((str(adapter),), address), tmp_path / "out", None) == 3
    rows, _ = read_run(tmp_path / "out")
    [crashed] = [row for row in rows if row.spec == "b"]
    assert crashed.verdict == "crashed"
    assert crashed.reason.code == "killed_worker"
    assert crashed.framework == "left"
    assert {row.spec for row in rows if row.verdict == "conforms"} == {"a"}


def test_what_nobody_offers_is_an_error_after_a_while(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, both: tuple[str, ...]
) -> None:
    """It says what is offered, and what to type; nothing is waited for in vain."""
    nobody = fake(tmp_path, monkeypatch, name="nobody", op="return x")
    begin = time.monotonic()
    with pytest.raises(ClusterError, match=r"no worker offers nobody.*left \(1 worker\).*--resources \"nobody=1\""):
        run.execute(specs(tmp_path / "specs", "a"), options((*both, str(nobody)), address, 0.5), tmp_path / "out", None)
    assert 0.5 < time.monotonic() - begin < 60
    assert not (tmp_path / "out").exists()


def test_what_is_offered_by_default_runs_and_the_rest_is_named(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on one machine, where an interpreter is missing."""
    folders = {name: fake(tmp_path / "along", monkeypatch, name=name, op="return x") for name in ("left", "absent")}
    monkeypatch.setattr(work.adapters, "names", lambda: [str(folder) for folder in folders.values()])
    with work.chosen(address, 0.3, ()) as (_, there, absent):
        assert [adapter.name for adapter in there] == ["left"]
        assert list(absent) == ["absent"]
        assert "no worker offers absent" in absent["absent"]


def test_a_route_is_asked_for_where_the_framework_is(tmp_path: Path, address: str, both: tuple[str, ...]) -> None:
    """The interpreter of the machine that asks may have no framework at all."""
    chosen = Options(adapter=both, cluster=address, route="none")
    with pytest.raises(AdapterError, match="--route none: no such route; there are all, primary, only"):
        run.execute(specs(tmp_path / "specs", "a"), chosen, tmp_path / "out", None)


def test_too_many_rows_for_a_page_are_written_alone(
    tmp_path: Path, address: str, both: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The same rows and the same status, with a manifest; marked as ever."""
    paths = specs(tmp_path / "specs", "a", "b")
    assert run.execute(paths, options(both, address), tmp_path / "whole", None) == 1
    monkeypatch.setattr(streamed, "MOST_ROWS", 3)
    assert run.execute(paths, options(both, address), tmp_path / "rows", None) == 1
    assert sorted(path.name for path in (tmp_path / "rows").iterdir()) == ["diff.parquet", "run.json"]
    (rows, told), (whole, _) = read_run(tmp_path / "rows"), read_run(tmp_path / "whole")
    assert sorted(map(repr, rows)) == sorted(map(repr, whole))
    assert {info.name for info in told.frameworks} == {"left", "right"}
    assert "more than the 3" in capsys.readouterr().out
    assert json.loads((tmp_path / "rows" / "run.json").read_text())["files"].keys() == {"diff.parquet"}


# A square whose gradient is twice too large, beside a right one: the readers of one tensor.
TWO_READERS = """
def identity(x):
    return x.copy()
"""
WRONG_PART = """
def only(network, problem, tensors):
    values, grads = network(), {}
    def send(name, part):
        grads[name] = grads[name] + part if name in grads else part
    grads[problem["output"]] = tensors["cotangent/" + problem["output"]]
    for node in reversed(problem["nodes"]):
        (x, *more), dy = [read for _, read in node["tensors"]], grads[node["name"]]
        if node["op"] == "add":
            send(x, dy)
            send(more[0], dy)
        else:
            factor = {"relu": values[x] > 0, "square": 4 * values[x], "identity": 1}[node["op"]]
            send(x, dy * factor)
    names = [node["name"] for node in problem["nodes"]]
    found = {"output/" + name: values[name] for name in names}
    found.update(("grad/" + name, grads[name].astype("float32")) for name in ["x"] + names if name != problem["output"])
    return found, {}
ROUTES = {"only": only}
"""
BRANCHES = """
about: One tensor with two readers.
dtypes: [float32]
inputs: {x: {shape: [3, 2], grad: true}}
nodes: {a: {op: relu}, b: {op: square, x: x}, y: {op: add, x: a, y: b}}
"""


def test_readers_are_told_apart_on_a_cluster_too(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second capture is made by the worker that has the framework, and the rows are those of one machine."""
    adapter = fake(tmp_path / "adapters", monkeypatch, name="left", op="return np.maximum(x, 0)")
    for file, text in (("network.py", TWO_READERS), ("routes.py", WRONG_PART)):
        with (adapter / file).open("a") as stream:
            stream.write(text)
    with (adapter / "adapter.py").open("a") as stream:
        stream.write("\ndef op_add(x, y):\n    return x + y\n")
    spec = tmp_path / "branches.yaml"
    spec.write_text(BRANCHES)
    asked = (str(adapter),)
    assert run.execute([spec], options(asked), tmp_path / "here", None) == 1
    assert run.execute([spec], options(asked, address), tmp_path / "there", tmp_path / "kept") == 1
    assert (tmp_path / "there" / "diff.csv").read_bytes() == (tmp_path / "here" / "diff.csv").read_bytes()
    wrong = read(tmp_path / "there").query("verdict == 'diverges'")
    assert wrong[["tensor", "culprit", "culprit_op", "blame"]].to_numpy().tolist() == [
        ["grad/x", "b", "square", "apart"]
    ]
    assert (tmp_path / "kept" / "captures" / "left" / "branches.float32.drawn" / "apart" / "capture.json").exists()
