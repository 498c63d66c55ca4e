"""The parts of a run on a cluster, each by itself: the folder that all see, chunks, rows on disk, what is given up."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradconform.capture.worker import Limits
from gradconform.cluster import connect, place, stages, tasks
from gradconform.cluster.chunks import NUMBERS, Chunk, Piece, chunked
from gradconform.cluster.errors import ClusterError
from gradconform.contract.folder import Folder
from gradconform.report.frame import frame_of
from gradconform.report.parts import Parts, write_stream
from gradconform.rows import Row, Verdict, blank
from gradconform.run import way
from honest import problem_of


def rows(count: int) -> list[Row]:
    """Rows with every kind of value, and texts that no file holds as they are."""
    odd = {"reason": "=SUM(A1)\x1b[31m", "ratio": float("inf"), "n_bad": 3, "verdict": Verdict.DIVERGES}
    return [blank(spec=f"s{i}", framework="f", check="cross:torch", **(odd if i % 3 else {})) for i in range(count)]


def test_rows_come_back_from_parts_in_their_order(tmp_path: Path) -> None:
    """Whatever the order in which the parts came, and as the report has them."""
    whole = rows(40)
    parts = Parts(tmp_path / "parts")
    numbered = list(enumerate([whole[:7], [], whole[7:30], whole[30:]]))
    random.Random(3).shuffle(numbered)
    for number, part in numbered:
        parts.add(number, part)
    assert parts.count == 40
    found = list(parts.rows())
    assert [row.spec for row in found] == [row.spec for row in whole]
    assert frame_of(found).equals(frame_of(whole))
    write_stream(iter(found), tmp_path / "all.parquet")
    Parts(tmp_path / "again").add(0, found)
    assert (tmp_path / "all.parquet").stat().st_size > 0


def test_a_chunk_is_many_small_problems_or_a_large_one() -> None:
    """In their order, none lost."""
    sizes = [1] * 250 + [NUMBERS] + [1] * 3 + [NUMBERS // 2] * 3
    chunks = list(chunked(sizes, lambda size: size))
    assert [len(chunk) for chunk in chunks] == [100, 100, 50, 1, 4, 2]
    assert [size for chunk in chunks for size in chunk] == sizes


def test_a_folder_is_known_by_its_mark_while_the_run_lasts(tmp_path: Path) -> None:
    """The same path on a machine that has another folder there is no good."""
    with place.marked(tmp_path / "run") as here:
        here.check("w")
        text = here.mark.read_text()
        here.mark.write_text("another run's")
        with pytest.raises(ClusterError, match=r"w: does not see .*run; expected the same folder on every machine"):
            here.check("w")
        here.mark.write_text(text)
        here.check("w")
    with pytest.raises(ClusterError, match="does not see"):
        here.check("w")


def test_a_folder_of_captures_is_known_by_a_problem(tmp_path: Path) -> None:
    """Nothing is written to it."""
    problem_of(tmp_path / "problems")
    before = sorted(tmp_path.rglob("*"))
    here = place.found(tmp_path)
    here.check("w")
    assert sorted(tmp_path.rglob("*")) == before
    next(tmp_path.glob("problems/*/problem.json")).write_text("{}")
    with pytest.raises(ClusterError, match="does not see"):
        here.check("w")


@pytest.mark.process  # older versions of threadpoolctl ask a command where libraries are
def test_another_version_is_refused(tmp_path: Path) -> None:
    """By each task, since workers come while a run goes on."""
    with place.marked(tmp_path) as here:
        other = place.Place(here.folder, here.mark, here.digest, version="0.0.1")
        for task in (
            lambda: tasks.draw(other, [], tasks.Drawing()),
            lambda: tasks.capture(other, [], tasks.Asking("torch", "torch", "primary", 1, Limits())),
            lambda: tasks.judge([here, other], []),
            lambda: tasks.described(other, "torch"),
        ):
            with pytest.raises(ClusterError, match=r"expected 0\.0\.1, as on the machine that asks"):
                task()
        assert tasks.judge([here, here], []) == []


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """And is no traceback."""

    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    told = r"--cluster local: needs dask distributed.*gradconform\[cluster\]"
    with pytest.raises(ClusterError, match=told), connect.connected("local", 1.0):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x", "127.0.0.1:nine"])
def test_an_address_where_nobody_answers_is_told(address: str) -> None:
    """Within the time that is allowed."""
    told = f"--cluster {address}: no scheduler answers there.*dask scheduler"
    with pytest.raises(ClusterError, match=told), connect.connected(address, 0.5):
        pass


def given_up(tmp_path: Path, make: Callable[[place.Place, str], stages.Stage], *names: str) -> Chunk:
    """A chunk of problems that are drawn, of which a stage has given up the second."""
    with place.marked(tmp_path) as here:
        folder = Folder(tmp_path)
        problems = [problem_of(tmp_path / "problems", name=name) for name in names]
        captures = [{"toy-1.0": folder.capture("toy-1.0", p.folder.name)} for p in problems]
        pairs = zip(problems, captures, strict=True)
        chunk = Chunk(0, [Piece(problem.folder, captured, digest=problem.digest) for problem, captured in pairs])
        make(here, "toy-1.0").give_up(chunk, 1)
        return chunk


STAGES: dict[str, Callable[[place.Place, str], stages.Stage]] = {
    "drew": lambda here, name: stages.Draw(here, tasks.Drawing()),
    "captured": lambda here, name: stages.Capture(here, tasks.Asking(name, name, "primary", 1, Limits())),
    "judged": lambda here, name: stages.Judge([here]),
}


@pytest.mark.parametrize("did", STAGES)
def test_what_is_given_up_is_a_row_of_its_own(did: str, tmp_path: Path) -> None:
    """At whichever stage; the problem beside it is left alone."""
    chunk = given_up(tmp_path, STAGES[did], "one", "two")
    piece = chunk.pieces[1]
    found = chunk.rows.get(1) or tasks.judged(piece)
    [row] = [row for row in found if row.reason.code == "killed_worker"]
    assert (row.verdict, row.spec, row.framework) == ("crashed", "two", "toy")
    assert f"every worker that {did} this problem" in row.reason
    assert not chunk.pieces[0].lost
    assert not list(tmp_path.glob("captures/*/one*"))


def test_a_problem_that_is_given_up_is_not_captured(tmp_path: Path) -> None:
    """Its captures say so already; an adapter that is not there is not even missed."""
    chunk = given_up(tmp_path, STAGES["drew"], "one", "two")
    [written] = tmp_path.glob("captures/*/*/capture.json")
    assert written.parent.parent.name == "toy-1.0"
    assert "killed_worker" in written.read_text()
    assert way.judge_or_refuse(chunk.pieces[1].problem, chunk.pieces[1].captures)[0].verdict == "crashed"
