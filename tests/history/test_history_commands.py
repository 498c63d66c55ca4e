"""`--history`, `--baseline`, `compare`, `history` and damaged captures, as a user meets them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click.testing
import pytest
from fake_adapter import fake, specs
from gradconform.command.main import main
from gradconform.history.runs import open_run, runs_in
from gradconform.report.files import read
from gradconform.run import processes
from history_builder import manifest, night, rows


@contextmanager
def in_this_process(workers: int) -> Iterator[ThreadPoolExecutor]:
    """In place of the pool of processes, which takes seconds to start."""
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


@pytest.mark.process
def test_a_night_is_kept_and_the_next_is_held_against_it(tmp_path: Path, good: Path) -> None:
    """The first has nothing to be compared with; what gets worse exits with 1, with the row on the terminal."""
    history = tmp_path / "history"
    asked = ["run", *specs(tmp_path / "specs", "a"), "--adapter", good, "--out", tmp_path / "out"]
    kept = [*asked, "--history", history, "--baseline", history]
    first = gradconform(*kept)
    assert first.exit_code == 0, first.output
    assert "holds no earlier run to compare with" in " ".join(first.output.split())
    [run], refused = runs_in(history)
    assert not refused
    assert sorted(path.name for path in run.folder.iterdir()) == ["diff.parquet", "run.json"]
    assert read(run.folder).equals(read(tmp_path / "out"))
    told = run.manifest
    assert told.files.keys() == {"diff.parquet"}
    assert (told.frameworks[0].adapter, told.frameworks[0].version) == ("good", "1.0")
    assert told.frameworks[0].cpu
    assert told.frameworks[0].platform
    assert [name for name, _ in told.problems] == ["a.float32.drawn"]
    # A checkout has a revision; what was copied out of one has none.
    assert (len(told.revision) >= 40) == (Path(__file__).parents[2] / ".git").exists()
    (good / "adapter.py").write_text((good / "adapter.py").read_text().replace("np.maximum(x, 0)", "np.abs(x)"))
    wrong = gradconform(*asked, "--baseline", history)
    assert wrong.exit_code == 1
    assert "verdict for the worse" in wrong.output
    assert "a/output/y/good/local" in wrong.output
    assert [path.name for path in history.iterdir()] == [run.folder.name]


@pytest.mark.process
def test_a_row_that_stops_running_fails_a_run_that_conforms(tmp_path: Path, good: Path) -> None:
    """Unless less was asked for on purpose."""
    one, two = specs(tmp_path / "specs", "a", "b")
    chosen = ["--adapter", good]
    assert gradconform("run", one, two, *chosen, "--out", tmp_path / "all").exit_code == 0
    less = ["run", one, *chosen, "--out", tmp_path / "less", "--baseline", tmp_path / "all"]
    done = gradconform(*less)
    assert done.exit_code == 1
    assert "4 rows vanished" in done.output
    assert gradconform(*less, "--subset").exit_code == 0


def test_what_cannot_be_kept_or_compared_is_said_first(tmp_path: Path, good: Path) -> None:
    """Before any framework is started; nothing is written."""
    spec = specs(tmp_path / "specs", "a")[0]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("precious")
    night(tmp_path / "nights", rows()).rows.write_bytes(b"PAR1 not any more PAR1")
    for options, said in (
        (["--out", tmp_path / "mine"], "holds thesis.tex, which no run wrote"),
        (["--out", tmp_path / "out", "--baseline", tmp_path / "none"], "none: no such folder"),
        (["--out", tmp_path / "out", "--baseline", tmp_path / "mine"], "holds no run; expected a run"),
        (["--out", tmp_path / "out", "--baseline", tmp_path / "nights"], "damaged or not whole"),
        (["--out", tmp_path / "out", "--history", spec], "is a file"),
    ):
        done = gradconform("run", spec, "--adapter", good, *options)
        assert done.exit_code == 2, done.output
        assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "precious"


def test_compare_says_what_changed(tmp_path: Path) -> None:
    """Environments first; as JSON the same; the exit status says whether anything is worse."""
    first, *others = rows()
    told = manifest() | {"revision": "b" * 40}
    one = night(tmp_path, rows(), 1)
    two = night(tmp_path, [replace(first, verdict="diverges", reason="value", ratio=812.0), *others], 2, told)
    assert gradconform("compare", one.folder, one.folder).exit_code == 0
    done = gradconform("compare", one.folder, two.folder)
    assert done.exit_code == 1
    lines = done.output
    assert lines.index("environments differ") < lines.index("verdicts: 1") < lines.index("cnn/output/fc/torch/local")
    assert "0.50 → 812" in lines
    found = json.loads(gradconform("compare", one.folder, two.folder, "--json").output)
    assert found["regressions"] == 1
    assert [change["after"] for change in found["verdicts"]] == ["diverges"]
    assert gradconform("compare", two.folder, one.folder).exit_code == 0


def test_compare_takes_its_spread_from_the_nights_beside(tmp_path: Path) -> None:
    """Or from the folder that is named; elsewhere there is none."""
    first, *others = rows()
    ratios = enumerate([0.5, 0.5, 0.5, 0.5, 0.6], 1)
    nights = [night(tmp_path / "nights", [replace(first, ratio=ratio), *others], day) for day, ratio in ratios]
    last = nights[-1].folder
    assert gradconform("compare", nights[3].folder, last).exit_code == 1
    alone = shutil.copytree(nights[3].folder, tmp_path / "alone")
    done = gradconform("compare", alone, last)
    assert done.exit_code == 0
    assert "measured" in done.output
    assert gradconform("compare", alone, last, "--history", tmp_path / "nights").exit_code == 1


def test_compare_of_a_night_that_could_not_run(tmp_path: Path) -> None:
    """Status 3: neither good nor bad."""
    left = [row for row in rows() if row.framework != "torch" and row.check != "cross:torch"]
    one = night(tmp_path, rows(), 1)
    two = night(tmp_path, left, 2, manifest(("chainer",)), absent=[["torch", "no interpreter"]])
    done = gradconform("compare", one.folder, two.folder)
    assert done.exit_code == 3
    assert "not everything could be run" in done.output
    assert "no interpreter" in done.output


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """Five nights: good; an update; a framework that is away; one bad row; a row that is gone."""
    folder, (first, *others) = tmp_path / "nights", rows()
    updated = manifest() | {"revision": "b" * 40}
    night(folder, rows(), 1)
    night(folder, rows(), 2, updated)
    left = [row for row in rows() if row.framework != "torch" and row.check != "cross:torch"]
    night(
        folder,
        left,
        3,
        manifest(("chainer",)) | updated | {"frameworks": manifest(("chainer",))["frameworks"]},
        absent=[["torch", "no interpreter"]],
    )
    night(folder, [replace(first, verdict="diverges", ratio=8.0), *others], 4, updated)
    night(folder, others, 5, updated)
    (folder / ".night-abcdefgh").mkdir()
    return folder


def test_history_lists_the_runs(nights: Path) -> None:
    """One line each, with what could not run and what was different; a folder that is being written is none."""
    done = gradconform("history", nights)
    assert done.exit_code == 0
    lines = [line for line in done.output.splitlines() if line.startswith("2026")]
    assert len(lines) == 5
    assert "harness revision aaaaaaaaaaaa → bbbbbbbbbbbb" in lines[1]
    assert " torch " in lines[2]
    assert lines[3].split()[1:5] == ["7", "1", "4", "-"] or "1" in lines[3].split()


def test_the_trend_of_a_row(nights: Path) -> None:
    """A night in which it could not run has no figure and no verdict; a night that lacks the row says that."""
    done = gradconform("history", nights, "--row", "cnn/output/fc/torch/local")
    assert done.exit_code == 0
    lines = [line.split() for line in done.output.splitlines() if line.startswith("2026")]
    assert [line[1:4] for line in lines[:2]] == [["2.13.0", "0.5", "conforms"]] * 2
    assert " ".join(lines[2][1:]) == "could not run: no interpreter"
    assert lines[3][1:4] == ["2.13.0", "8", "diverges"]
    assert " ".join(lines[4][1:]) == "no such row"
    assert "ratio 0.5 to 8 in 3 runs" in done.output


def test_a_row_that_is_not_there_is_told_from_its_neighbour(nights: Path) -> None:
    """The nearest name is offered; so is the form, where it is another."""
    done = gradconform("history", nights, "--row", "cnn/output/fd/chainer/local")
    assert done.exit_code == 2
    assert "did you mean cnn/output/fc/chainer/local?" in done.stderr
    assert "expected spec/tensor/framework/check" in gradconform("history", nights, "--row", "cnn").stderr


def test_what_changed_when(nights: Path) -> None:
    """Each night in which anything did, with the rows; the night without torch changed no verdict."""
    done = gradconform("history", nights, "--changes")
    assert done.exit_code == 0
    parts = done.output.split("\n2026")[1:]
    assert len(parts) == 4
    assert "harness revision" in parts[0]
    assert "torch could not run" in parts[1]
    assert "conforms → gone" in parts[1]
    assert "diverges" not in parts[1]
    assert "cnn/output/fc/torch/local" in parts[2]
    assert "1 rows: diverges → gone" in parts[3]


def test_a_damaged_night_is_named_and_the_others_are_read(nights: Path) -> None:
    """With a status that says so."""
    last = sorted(nights.glob("2026*"))[-1]
    text = (last / "diff.parquet").read_bytes()
    for damage in (text[:-10], text[:100] + b"x" + text[101:]):
        (last / "diff.parquet").write_bytes(damage)
        done = gradconform("history", nights)
        assert done.exit_code == 3
        assert f"{last.name}/diff.parquet: damaged or not whole" in done.stderr.replace("\n", "")
        assert len([line for line in done.output.splitlines() if line.startswith("2026")]) == 4
    (last / "run.json").write_text("{")
    assert "run.json" in gradconform("history", nights).stderr


def test_a_history_of_nothing(tmp_path: Path) -> None:
    """Says what would be there."""
    assert "no such folder" in gradconform("history", tmp_path / "none").stderr
    (tmp_path / "empty").mkdir()
    done = gradconform("history", tmp_path / "empty")
    assert done.exit_code == 2
    assert "holds no run that can be read" in done.stderr


Damage = Callable[[Path], None]


def cut(name: str) -> Damage:
    """Cut a file in half."""

    def damage(folder: Path) -> None:
        (path,) = folder.rglob(name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def flip(name: str) -> Damage:
    """Change one bit at the end of a file."""

    def damage(folder: Path) -> None:
        (path,) = folder.rglob(name)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data))

    return damage


def remove(name: str) -> Damage:
    """Remove a file."""

    def damage(folder: Path) -> None:
        (path,) = folder.rglob(name)
        path.unlink()

    return damage


PROBLEM, CAPTURE = "problems/a.float32.drawn", "captures/good/a.float32.drawn"


@pytest.mark.process
@pytest.mark.parametrize(
    ("where", "damage"),
    [
        (PROBLEM, cut("problem.json")),
        (PROBLEM, cut("problem.safetensors")),
        (PROBLEM, flip("problem.safetensors")),
        (PROBLEM, remove("problem.json")),
        (PROBLEM, remove("problem.safetensors")),
        (PROBLEM, lambda folder: shutil.rmtree(folder)),
        (CAPTURE, cut("capture.json")),
        (CAPTURE, cut("capture.safetensors")),
        (CAPTURE, flip("capture.safetensors")),
        (CAPTURE, remove("capture.json")),
        (CAPTURE, remove("capture.safetensors")),
        (CAPTURE, lambda folder: shutil.rmtree(folder)),
    ],
)
def test_what_is_damaged_is_named_and_the_rest_is_judged(
    tmp_path: Path, good: Path, where: str, damage: Damage
) -> None:
    """One problem's folder or one capture's: a crashed row names it, the other network is judged, status 3."""
    chosen = [*specs(tmp_path / "specs", "a", "b"), "--adapter", good]
    assert gradconform("capture", *chosen, "--out", tmp_path / "c").exit_code == 0
    damage(tmp_path / "c" / where)
    done = gradconform("judge", tmp_path / "c", "--out", tmp_path / "out")
    assert done.exit_code == 3, done.output
    frame = read(tmp_path / "out")
    [crashed] = frame[frame["verdict"] == "crashed"].to_dict("records")
    told = tuple(crashed[name] for name in ("spec", "framework", "dtype", "check"))
    assert told == ("a", "good", "float32", "local")
    assert where.split("/")[-1] in crashed["reason"]
    assert set(frame[frame["spec"] == "b"]["verdict"]) == {"conforms", "measured"}
    assert set(frame[frame["spec"] == "a"]["verdict"]) == {"crashed"}


@pytest.mark.process
def test_a_copy_of_a_problem_on_another_machine_stands_in(tmp_path: Path, good: Path) -> None:
    """The captures of both are judged against the copy that is whole, whichever comes first."""
    spec = specs(tmp_path / "specs", "a")[0]
    for name in ("1", "2"):
        assert gradconform("capture", spec, "--adapter", good, "--out", tmp_path / name).exit_code == 0
    flip("problem.safetensors")(tmp_path / "1")
    for order in (("1", "2"), ("2", "1")):
        done = gradconform("judge", *(tmp_path / name for name in order), "--out", tmp_path / "out")
        assert done.exit_code == 0, done.output
        frame = read(tmp_path / "out")
        assert (frame["check"] == "local").sum() == 4


@pytest.mark.process
def test_a_machine_that_gave_nothing_is_a_framework_that_could_not_run(
    tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is empty or not there: it is named, in the manifest too, and a comparison takes it for no loss."""
    spec = specs(tmp_path / "specs", "a")[0]
    both = [tmp_path / "machines" / "good", tmp_path / "machines" / "other"]
    other = fake(tmp_path, monkeypatch, name="other", op="return np.maximum(x, 0)")
    for adapter, folder in zip((good, other), both, strict=True):
        assert gradconform("capture", spec, "--adapter", adapter, "--out", folder).exit_code == 0
    assert gradconform("judge", *both, "--out", tmp_path / "out").exit_code == 0
    shutil.rmtree(both[1])
    done = gradconform("judge", *both, "--out", tmp_path / "out2", "--baseline", tmp_path / "out")
    assert done.exit_code == 3, done.output
    assert f"not run: {both[1]}: holds no problems" in done.output
    assert [name for name, _ in open_run(tmp_path / "out2").manifest.absent] == ["other"]
    assert gradconform("judge", both[1], "--out", tmp_path / "out3").exit_code == 2
