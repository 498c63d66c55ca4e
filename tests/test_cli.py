"""The command as a user meets it: exit statuses, words, and what stays on disk."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click.testing
import pandas as pd
import pytest
from fake_adapter import fake, specs
from gradconform import paths
from gradconform.capture import adapters
from gradconform.command.main import main
from gradconform.reference import OPERATORS
from gradconform.report.files import read
from gradconform.run import processes


@contextmanager
def in_this_process(workers: int) -> Iterator[ThreadPoolExecutor]:
    """In place of the pool of processes, which takes seconds to start; tests/test_running.py uses the real one."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pool, and the width of a pipe."""
    monkeypatch.setattr(processes, "pool", in_this_process)
    monkeypatch.delenv("COLUMNS", raising=False)


def gradconform(*arguments: object) -> click.testing.Result:
    """Run the command in this process; nothing that a user does may end in a traceback."""
    result = click.testing.CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter that is right."""
    return fake(tmp_path, monkeypatch, name="good", op="return np.maximum(x, 0)")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec of one node."""
    return specs(tmp_path / "specs", "a")[0]


def test_what_comes_along_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A network, behaviours or an operator, from any folder; a path of the same name wins."""
    monkeypatch.chdir(tmp_path)
    assert "1 network well formed" in gradconform("check", "lstm").output
    assert "networks, all well formed" in gradconform("check", "accumulation", "relu").output
    specs(tmp_path / "lstm", "a", "b")
    assert "2 networks, all well formed" in gradconform("check", "lstm").output


@pytest.mark.parametrize("command", ["run", "check", "why", "capture"])
def test_a_misspelt_name_is_told_with_the_nearest(command: str) -> None:
    """By every command that takes a spec, and without a traceback; a path that is missing is told as one."""
    more = {"why": ["relu1"], "capture": ["--out", "captures"]}.get(command, [])
    result = gradconform(command, "lsmt", *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "lsmt: no such file or folder, and nothing that comes along is called so; did you mean 'lstm'?" in (
        result.stderr
    )
    assert "lsmt.yaml:1: does not exist" in gradconform(command, "lsmt.yaml", *more).stderr


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.process
def test_status_0_where_everything_conforms(tmp_path: Path, good: Path, spec: Path) -> None:
    """A report is written, and nothing else stays."""
    done = gradconform("run", spec, "--adapter", good, "--out", tmp_path / "out" / "report")
    assert done.exit_code == 0, done.output
    assert f"report: {tmp_path / 'out' / 'report' / 'index.html'}" in done.output
    texts = ("evidence.json", "index.html", "junit.xml", "run.json", "summary.md")
    written = ("diff.csv", "diff.parquet", *texts)
    assert sorted(files(tmp_path / "out")) == [f"report/{name}" for name in written]
    # No bars where there is no terminal: a line for each stage.
    assert [line for line in done.stderr.splitlines() if line] == ["draw: 1 done", "good: 1 done", "judge: 1 done"]


@pytest.mark.process
def test_status_1_where_something_diverges(tmp_path: Path, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node is named on the terminal; a framework that crashed beside it does not hide that."""
    wrong = fake(tmp_path, monkeypatch, name="wrong", op="return np.maximum(x, 0) * np.float32(1.001)")
    dead = fake(tmp_path, monkeypatch, name="dead", top="os._exit(1)")
    done = gradconform("run", spec, "--adapter", wrong, "--adapter", dead, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "relu" in done.output
    verdicts = by_framework(read(tmp_path / "out"), "verdict")
    assert verdicts["wrong"] >= {"diverges", "conforms"}
    assert verdicts["dead"] == {"crashed"}


@pytest.mark.process
def test_status_3_where_a_framework_does_not_come_up(
    tmp_path: Path, good: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is judged."""
    dead = fake(tmp_path, monkeypatch, name="dead", top="os._exit(1)")
    done = gradconform("run", spec, "--adapter", good, "--adapter", dead, "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert "conforms" in set(read(tmp_path / "out")["verdict"])


@pytest.mark.process
def test_status_3_where_a_framework_is_not_there(
    tmp_path: Path, good: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default all run that can, and the others are named with what to type."""
    monkeypatch.setattr(adapters, "names", lambda: ["good", "absent"])
    worker = adapters.worker()
    monkeypatch.setattr(paths, "adapters_folder", lambda: tmp_path)
    monkeypatch.setattr("gradconform.capture.worker.worker", lambda: worker)
    for file in ("adapter.py", "network.py", "routes.py"):
        (tmp_path / "absent").mkdir(exist_ok=True)
        (tmp_path / "absent" / file).write_text("")
    done = gradconform("run", spec, "--out", tmp_path / "out")
    assert done.exit_code == 3, done.output
    assert "not run: adapter absent: no interpreter found; set GRADCONFORM_PYTHON_ABSENT to a Python" in done.output
    assert set(read(tmp_path / "out")["framework"]) == {"good"}
    asked = gradconform("run", spec, "--adapter", "absent", "--out", tmp_path / "out2")
    assert asked.exit_code == 2
    assert "adapter absent: no interpreter found" in asked.output


BAD_SPECS = [
    ("about: x\ninputs: {x: {shape: [2]}}\nnodes: {y: {op: rellu}}\n", ["a.yaml:3", "'rellu'", "did you mean 'relu'?"]),
    ("about: x\ninputs: {x: {shape: [2]}}\nnodes: {y: {op: relu, x: z}}\n", ["a.yaml:3", "'z'"]),
    ("about: [", ["a.yaml:1"]),
    ("just words", ["a.yaml:1", "mapping"]),
    ("", ["a.yaml"]),
    ("about: x\nvalues: [exact]\ninputs: {x: {shape: [2]}}\nnodes: {y: {op: tanh}}\n", ["a.yaml", "node y", "exact"]),
]


@pytest.mark.parametrize(("text", "words"), BAD_SPECS)
def test_status_2_for_a_bad_spec(tmp_path: Path, good: Path, spec: Path, text: str, words: list[str]) -> None:
    """File, line, what came and what was expected; an earlier report stays as it was."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.html").write_text("of an earlier run")
    spec.write_text(text)
    done = gradconform("run", spec, "--adapter", good, "--out", out)
    assert done.exit_code == 2
    for word in words:
        assert word in done.stderr
    assert files(out) == {"index.html": b"of an earlier run"}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "{tmp}/none.yaml"], "none.yaml"),
        (["run", "{tmp}/empty"], "empty: no specs there; expected *.yaml"),
        (["run", "{spec}", "--adapter", "troch"], "did you mean torch?"),
        (["run", "{spec}", "--adapter", "{tmp}/nowhere"], "no adapter.py there"),
        (["run", "{spec}", "--adapter", "{good}", "--out", "{spec}"], "is a file"),
        (["run", "{spec}", "--adapter", "{good}", "--out", "{spec}/below"], "a.yaml"),
        (["run", "{spec}", "--adapter", "{good}", "--keep", "{tmp}/full", "--out", "{spec}/below"], "a.yaml"),
        (["run", "{spec}", "--adapter", "{good}", "--keep", "{tmp}/full"], "full: is not empty"),
        (["run", "{spec}", "--adapter", "{good}", "--adapter", "{tmp}/twin/good"], "are both called 'good'"),
        (["run", "{spec}", "{tmp}/twin/a.yaml", "--adapter", "{good}"], "is called 'a' like"),
        (["run", "{spec}", "--dtype", "float8"], "float8"),
        (["run", "{spec}", "--seed", "-1"], "--seed"),
        (["run", "{spec}", "--threads", "0"], "--threads"),
        (["run", "{spec}", "--time-limit", "nan"], "--time-limit"),
        (["run", "{spec}", "--memory-limit", "inf"], "--memory-limit"),
        (["run", "{spec}", "--memory-limit", "nan"], "--memory-limit"),
        (["capture", "{spec}"], "--out"),
        (["capture", "{spec}", "--adapter", "{good}", "--out", "{tmp}/full"], "full: is not empty"),
        (["judge"], "FOLDER"),
        (["judge", "{tmp}/none"], "none: holds no problems; expected a folder that `gradconform capture` wrote"),
        (["judge", "{tmp}/full"], "full: holds no problems"),
        (["check", "{tmp}/none.yaml"], "none.yaml"),
        (["nonsense"], "nonsense"),
    ],
)
def test_status_2_for_what_cannot_be_used(
    tmp_path: Path, good: Path, spec: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """Said before any framework is started, in words that name what came."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("precious")
    specs(tmp_path / "twin", "a")
    fake(tmp_path / "twin", monkeypatch, name="good")
    before = files(tmp_path)
    done = gradconform(*(a.format(tmp=tmp_path, spec=spec, good=good) for a in arguments))
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert files(tmp_path) == before


def test_the_same_spec_given_twice_is_one(tmp_path: Path, spec: Path) -> None:
    """A folder, and a file in it."""
    assert gradconform("check", spec.parent, spec, spec).output == "1 network well formed\n"


def by_framework(frame: pd.DataFrame, column: str) -> dict[str, set[str]]:
    """What stands in a column, for each framework."""
    return {str(name): set(part[column]) for name, part in frame.groupby("framework")}


def comparable(folder: Path) -> pd.DataFrame:
    """The rows of a report, in an order that does not depend on who came first."""
    frame = read(folder)
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


@pytest.mark.process
def test_capturing_here_and_judging_there_gives_what_a_run_gives(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row, after the folder was moved away and the adapter is gone."""
    wrong = fake(tmp_path, monkeypatch, name="wrong", op="return np.maximum(x, 0) * np.float32(1.001)")
    paths_ = specs(tmp_path / "specs", "a", "b")
    chosen = ["--adapter", good, "--adapter", wrong]
    assert gradconform("run", *paths_, *chosen, "--out", tmp_path / "run").exit_code == 1
    assert gradconform("capture", *paths_, *chosen, "--out", tmp_path / "here").exit_code == 0
    (tmp_path / "here").rename(tmp_path / "there")
    (good / "adapter.py").unlink()
    assert gradconform("judge", tmp_path / "there", "--out", tmp_path / "judged").exit_code == 1
    pd.testing.assert_frame_equal(comparable(tmp_path / "run"), comparable(tmp_path / "judged"))


@pytest.mark.process
def test_a_capture_that_crashed_is_said_at_once(
    tmp_path: Path, good: Path, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is not the first; judging it later exits with 3, and so does one that is not there at all."""
    top, op = "calls = 0", "global calls\ncalls += 1\nif calls == 2: os._exit(5)\nreturn np.maximum(x, 0)"
    weak = fake(tmp_path, monkeypatch, name="weak", top=top, op=op)
    paths_ = specs(tmp_path / "specs", "a", "b", "c")
    done = gradconform("capture", *paths_, "--adapter", weak, "--adapter", good, "--out", tmp_path / "c")
    assert done.exit_code == 3
    assert "crashed: captures/weak/b.float32.drawn: ended with exit status 5" in done.output
    assert gradconform("judge", tmp_path / "c", "--out", tmp_path / "j").exit_code == 3
    lost = tmp_path / "c" / "captures" / "weak" / "b.float32.drawn"
    for path in lost.iterdir():
        path.unlink()
    lost.rmdir()
    assert gradconform("judge", tmp_path / "c", "--out", tmp_path / "j2").exit_code == 3
    frame = read(tmp_path / "j2")
    crashed = frame[frame["verdict"] == "crashed"]
    assert list(zip(crashed["framework"], crashed["spec"], strict=True)) == [("weak", "b")]
    assert "no such file" in crashed["reason"].iloc[0]


@pytest.mark.process
def test_a_capture_without_its_problem_is_named(tmp_path: Path, good: Path, spec: Path) -> None:
    """Half of a folder is not judged in silence, and the other half is judged."""
    assert gradconform("capture", spec, "--adapter", good, "--out", tmp_path / "c").exit_code == 0
    (tmp_path / "c" / "captures" / "good" / "other").mkdir()
    done = gradconform("judge", tmp_path / "c", "--out", tmp_path / "j")
    assert done.exit_code == 3
    frame = read(tmp_path / "j")
    [reason] = frame[frame["verdict"] == "crashed"]["reason"]
    assert "problems/other/problem.json: no such file" in reason
    assert "conforms" in set(frame["verdict"])


@pytest.mark.process
def test_captures_of_two_machines_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch here and Chainer there: joined by the digest of the problem, so there are rows between them."""
    chosen = paths.specs_folder() / "networks" / "mlp.yaml"
    for name in ("torch", "chainer"):
        done = gradconform("capture", chosen, "--adapter", name, "--out", tmp_path / f"on-{name}")
        assert done.exit_code == 0, done.output
    done = gradconform("judge", tmp_path / "on-torch", tmp_path / "on-chainer", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    frame = read(tmp_path / "out")
    checks = by_framework(frame, "check")
    assert checks["torch"] == {"local", "exact", "end_to_end", "cross:chainer"}
    assert checks["chainer"] == {"local", "exact", "end_to_end", "cross:torch"}
    assert (frame.groupby("framework").size() == len(frame) / 2).all()
    alone = gradconform("judge", tmp_path / "on-torch", "--out", tmp_path / "alone")
    assert alone.exit_code == 0
    assert set(read(tmp_path / "alone")["check"]) == {"local", "exact", "end_to_end"}


@pytest.mark.process
def test_the_same_folder_given_twice_is_one_and_a_second_capture_is_another(
    tmp_path: Path, good: Path, spec: Path
) -> None:
    """No capture is judged twice, and none is dropped."""
    for name in ("1/c", "2/c"):
        assert gradconform("capture", spec, "--adapter", good, "--out", tmp_path / name).exit_code == 0
    one = [tmp_path / "1" / "c", tmp_path / "1" / "." / "c"]
    assert gradconform("judge", *one, "--out", tmp_path / "j1").exit_code == 0
    both = [tmp_path / "1" / "c", tmp_path / "2" / "c"]
    assert gradconform("judge", *both, "--out", tmp_path / "j2").exit_code == 0
    rows = [len(f[f["check"] == "local"]) for f in (read(tmp_path / "j1"), read(tmp_path / "j2"))]
    assert rows == [2, 4]


@pytest.mark.process
def test_problems_of_the_same_numbers_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases of one operator differ in an attribute alone: both are judged, here and after capturing."""
    text = (
        "operator: clamp\nabout: Two cases of the same numbers.\ncases:\n"
        "  narrow: {x: {shape: [3, 2]}, min: -0.1, max: 0.1}\n  wide: {x: {shape: [3, 2]}, min: -0.5, max: 0.5}\n"
    )
    (tmp_path / "clamp.yaml").write_text(text)
    assert gradconform("capture", tmp_path / "clamp.yaml", "--adapter", "torch", "--out", tmp_path / "c").exit_code == 0
    assert gradconform("judge", tmp_path / "c", "--out", tmp_path / "j").exit_code == 0
    assert set(read(tmp_path / "j")["spec"]) == {"clamp.narrow", "clamp.wide"}


@pytest.mark.process
def test_problems_and_captures_can_be_kept(tmp_path: Path, good: Path, spec: Path) -> None:
    """And judged again."""
    done = gradconform("run", spec, "--adapter", good, "--out", tmp_path / "r", "--keep", tmp_path / "k", "--seed", 5)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "k" / "problems" / "a.float32.drawn" / "problem.json").read_text())["seed"] == 5
    assert gradconform("judge", tmp_path / "k", "--out", tmp_path / "j").exit_code == 0
    pd.testing.assert_frame_equal(comparable(tmp_path / "r"), comparable(tmp_path / "j"))


def test_check_tells_all_problems_of_all_files(tmp_path: Path) -> None:
    """Not only those of the first."""
    one, two = specs(tmp_path, "one", "two")
    for path in (one, two):
        path.write_text(path.read_text().replace("relu", "rellu"))
    done = gradconform("check", tmp_path)
    assert done.exit_code == 2
    assert f"{one}:" in done.stderr
    assert f"{two}:" in done.stderr
    assert gradconform("check").output.endswith(" networks, all well formed\n")


def test_list_tells_what_there_is() -> None:
    """Each network with its size and its prose, on lines that a pipe does not cut."""
    done = gradconform("list", paths.specs_folder() / "networks" / "cnn.yaml")
    assert done.exit_code == 0
    (line,) = [line for line in done.output.splitlines() if "cnn" in line]
    for word in ("13", "72,", "float32 float64", "drawn exact", "Three convolutions and two linear layers"):
        assert word in line


@pytest.mark.process
def test_doctor_tells_what_there_is_and_what_is_missing(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions and interpreters; for what does not start, why."""
    done = gradconform("doctor", "--adapter", good)
    assert done.exit_code == 0
    for word in ("1.0", sys.version.split()[0], "GRADCONFORM_PYTHON_GOOD", "float32 float64"):
        assert word in done.output
    dead = fake(tmp_path, monkeypatch, name="dead", top="import no_such_framework")
    done = gradconform("doctor", "--adapter", good, "--adapter", dead, "--adapter", "troch")
    assert done.exit_code == 3
    assert done.output.count("not ready") == 2
    assert "No module named 'no_such_framework'" in done.output
    assert "did you mean torch?" in done.output


def test_help_tells_the_statuses() -> None:
    """They are the interface of a script."""
    done = gradconform("--help")
    assert done.exit_code == 0
    for word in ("0 everything conforms", "1 something diverges", "2 bad usage", "3 a framework"):
        assert word in " ".join(done.output.split())


def test_a_folder_that_is_called_like_a_spec_holds_none(tmp_path: Path) -> None:
    """It is looked into, as any folder is."""
    (tmp_path / "s.yaml").mkdir()
    done = gradconform("check", tmp_path / "s.yaml")
    assert done.exit_code == 2
    assert "no specs there" in done.stderr


@pytest.mark.process
def test_operators_are_listed_with_who_has_them(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each; an adapter that cannot be asked is told below, and not taken for one that lacks them."""
    done = gradconform("operators", "--adapter", good)
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.output.splitlines()}
    assert set(OPERATORS) == set(lines) - {"operator"}
    assert " good 1.0 " in lines["operator"]
    assert " yes " in lines["relu"]
    assert " no " in lines["conv2d"]
    assert "out_channels, kernel_size, stride, padding, dilation, groups" in lines["conv2d"]
    monkeypatch.setenv("GRADCONFORM_PYTHON_GOOD", str(tmp_path / "nothing"))
    done = gradconform("operators", "--adapter", good)
    assert " ? " in next(line for line in done.output.splitlines() if line.startswith("relu "))
    assert "not asked: GRADCONFORM_PYTHON_GOOD is " in done.output


@pytest.mark.process
def test_one_operator_is_told_whole(good: Path) -> None:
    """Slots, attributes with their types, formula, place, and who has it."""
    said = gradconform("operators", "batch_norm", "--adapter", good).output
    for part in (
        "batch_norm  (normalization)",
        "running_mean: a buffer of the node",
        "momentum: a finite number",
        "No attribute has a default",
        "gradconform/reference/operators/normalization.py:",
        "gradconform run batch_norm",
    ):
        assert part in said
    assert re.search(r"good 1\.0 +no$", said.strip())
    assert re.search(r"kinks +yes", gradconform("operators", "relu", "--adapter", good).output)


def test_a_misspelt_operator_is_told_with_the_nearest(good: Path) -> None:
    """With status 2, and without asking a framework first."""
    done = gradconform("operators", "conv2dd", "--adapter", good)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "conv2dd: there is no such operator; did you mean 'conv2d'?\n"
