"""Problems and captures on disk: they come back as they were written, and what is damaged is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradconform.contract import (
    ContractError,
    Problem,
    Tensors,
    digest,
    fingerprint,
    read_capture,
    read_problem,
    write_whole,
)
from gradconform.graph import Leaf
from gradconform.judge import judge
from honest import SMALL, computed, problem_of, write_capture
from safetensors.numpy import load_file, save_file


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    """A problem folder to spoil."""
    return problem_of(tmp_path)


@pytest.fixture
def capture(problem: Problem, tmp_path: Path) -> Path:
    """An honest capture of it, to spoil."""
    return write_capture(problem, tmp_path / "capture")


def test_a_problem_comes_back_as_it_was_written(problem: Problem) -> None:
    """Graph and numbers, verified."""
    again = read_problem(problem.folder, verify=True)
    assert again == problem
    assert (again.spec, again.dtype, again.exact, again.output) == ("net", "float32", False, "loss")
    assert again.graph.leaves["x"] == Leaf("x", "input", (5, 3), "float32", True)
    assert again.graph.leaves["p.weight"] == Leaf("p.weight", "parameter", (4, 4), "float32", True)
    assert [n.name for n in again.nodes] == ["h", "r", "p", "q", "s", "y", "z", "loss"]
    assert again.nodes[3].reads == ("r", "p.weight")
    assert again.cotangent.shape == again.nodes[-1].outputs[0][1]
    assert again.digest == digest(problem.folder / "problem.safetensors")


def test_what_leads_to_the_output_and_what_depends_on_an_input(tmp_path: Path) -> None:
    """Paths are the graph's: a branch is not on one, a constant's node is not differentiable."""
    problem = problem_of(
        tmp_path,
        "about: x\ninputs: {x: {shape: [3], grad: true}, c: {shape: [3]}}\n"
        "nodes:\n  b: {op: tanh, x: x}\n  k: {op: tanh, x: c}\n  y: {op: add, x: x, y: k}\noutput: y\n",
    )
    assert problem.on_path == {"x", "c", "k", "y"}
    assert problem.differentiable == {"x", "b", "y"}


def test_a_capture_comes_back_as_it_was_written(problem: Problem, capture: Path) -> None:
    """Every tensor to the bit, with the words of the framework."""
    read = read_capture(capture, problem)
    told = (read.status, read.framework, read.version, read.route)
    assert told == ("ok", "honest", "1.0", "only")
    expected = computed(problem)
    assert sorted(read.tensors) == sorted(expected)
    assert len(read.tensors) == len(expected)
    assert all(np.array_equal(read.tensors[name], a) for name, a in expected.items())
    with pytest.raises(KeyError):
        read.tensors["output/nothing"]


def test_a_capture_without_tensors_says_why(problem: Problem, tmp_path: Path) -> None:
    """`unsupported` and `crashed` need no file of tensors, and become one row."""
    for status in ("unsupported", "crashed"):
        folder = tmp_path / status
        folder.mkdir()
        document = {
            "format": 1,
            "status": status,
            "reason": "it said so",
            "framework": "torch",
            "version": None,
            "route": "primary",
            "problem": None,
        }
        (folder / "capture.json").write_text(json.dumps(document))
        assert read_capture(folder, problem).reason == "it said so"
        (row,) = judge(problem.folder, {"torch": folder})
        assert (row.verdict, row.reason, row.framework, row.version) == (status, "it said so", "torch", "")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a document."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def cut(path: Path) -> None:
    """Take the second half away."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """One bit of the last byte."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


TENSORS, DOCUMENT = "capture.safetensors", "capture.json"
DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("cut tensors", lambda c: cut(c / TENSORS), "damaged or not whole"),
    ("flipped bit", lambda c: flip(c / TENSORS), "damaged or not whole"),
    ("no tensors", lambda c: (c / TENSORS).unlink(), "No such file"),
    ("tensors are a folder", lambda c: ((c / TENSORS).unlink(), (c / TENSORS).mkdir()), "Is a directory"),
    ("no document", lambda c: (c / DOCUMENT).unlink(), "no such file"),
    ("document is a folder", lambda c: ((c / DOCUMENT).unlink(), (c / DOCUMENT).mkdir()), "cannot be read"),
    ("cut document", lambda c: cut(c / DOCUMENT), "cannot be read as JSON"),
    ("not text", lambda c: (c / DOCUMENT).write_bytes(b"\xff\x00\xfe"), "cannot be read as JSON"),
    ("a list", lambda c: (c / DOCUMENT).write_text("[1]"), "format is None"),
    ("deep", lambda c: (c / DOCUMENT).write_text("[" * 10**6), "cannot be read as JSON"),
    ("a huge number", lambda c: (c / DOCUMENT).write_text("1" * 10**5), "cannot be read as JSON"),
    ("another format", lambda c: edit(c / DOCUMENT, lambda d: d.update(format=2)), "format is 2; expected 1"),
    ("format true", lambda c: edit(c / DOCUMENT, lambda d: d.update(format=True)), "format is True"),
    ("no status", lambda c: edit(c / DOCUMENT, lambda d: d.pop("status")), "capture.json: status: "),
    ("odd status", lambda c: edit(c / DOCUMENT, lambda d: d.update(status="fine")), "capture.json: status: "),
    ("no framework", lambda c: edit(c / DOCUMENT, lambda d: d.pop("framework")), "capture.json: framework: "),
    ("odd version", lambda c: edit(c / DOCUMENT, lambda d: d.update(version=[1])), "capture.json: version: "),
    ("odd missing", lambda c: edit(c / DOCUMENT, lambda d: d.update(missing=[1])), "capture.json: missing: "),
    (
        "odd reason",
        lambda c: edit(c / DOCUMENT, lambda d: d["missing"].update({"grad/x": "tired"})),
        "capture.json: missing.grad/x: ",
    ),
    ("no digest", lambda c: edit(c / DOCUMENT, lambda d: d.pop("digest")), "damaged or not whole"),
    ("no problem", lambda c: edit(c / DOCUMENT, lambda d: d.update(problem=None)), "answers another problem"),
    ("other problem", lambda c: edit(c / DOCUMENT, lambda d: d.update(problem="sha256:0")), "answers another problem"),
]


@pytest.mark.parametrize(("damage", "said"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_a_damaged_capture_is_refused_by_name_and_the_rest_is_judged(
    problem: Problem, capture: Path, tmp_path: Path, damage: Callable[[Path], object], said: str
) -> None:
    """One row tells of it, with the framework's name and the file; the other framework's rows are whole."""
    good = write_capture(problem, tmp_path / "good", framework="good")
    damage(capture)
    with pytest.raises(ContractError, match=said):
        read_capture(capture, problem)
    rows = judge(problem.folder, {"torch": capture, "good": good})
    (lost,) = [r for r in rows if r.framework == "torch"]
    assert (lost.verdict, lost.dtype, lost.spec) == ("crashed", "float32", "net")
    assert said in lost.reason
    assert str(capture) in lost.reason
    verdicts = {r.verdict for r in rows if r.framework == "good"}
    assert verdicts == {"conforms", "measured"}


def test_an_older_environment_and_a_second_capture_keep_the_frameworks_name(problem: Problem, tmp_path: Path) -> None:
    """What cannot be read cannot say whose it is: the name of the environment does."""
    rows = judge(problem.folder, dict.fromkeys(("chainer-6.3", "torch#2", "my-own"), tmp_path / "none"))
    assert [r.framework for r in rows] == ["chainer", "torch", "my-own"]


def test_a_capture_of_another_graph_with_the_same_numbers_is_refused(tmp_path: Path) -> None:
    """relu and tanh of the same x: the digest is of the graph too, so one cannot answer for the other."""
    text = "about: x\ninputs: {x: {shape: [3], grad: true}}\nnodes: {y: {op: leaky_relu, negative_slope: %s}}\n"
    one, two = problem_of(tmp_path / "1", text % 0.1), problem_of(tmp_path / "2", text % 0.2)
    assert np.array_equal(one.value("x"), two.value("x"))
    assert one.digest != two.digest
    swapped = write_capture(one, tmp_path / "capture")
    assert {r.verdict for r in judge(one.folder, {"a": swapped})} == {"conforms", "measured"}
    (row,) = judge(two.folder, {"a": swapped})
    assert (row.verdict, "answers another problem" in row.reason) == ("crashed", True)


def test_a_file_of_tensors_that_is_none_is_refused(problem: Problem, capture: Path) -> None:
    """With the right digest: what counts is what is in it."""
    for content in (b"", b"\x00" * 7, b"\xff" * 100, (2**60).to_bytes(8, "little") + b"{}"):
        (capture / TENSORS).write_bytes(content)
        edit(capture / DOCUMENT, lambda d: d.update(digest=digest(capture / TENSORS)))
        with pytest.raises(ContractError, match="expected a safetensors file"):
            read_capture(capture, problem)


def test_a_dtype_that_numpy_lacks_costs_its_capture_alone(problem: Problem, capture: Path) -> None:
    """A capture in floats of 8 bits is refused in words."""
    header = json.dumps({"output/h": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    header += b" " * (-len(header) % 8)
    (capture / TENSORS).write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))
    edit(capture / DOCUMENT, lambda d: d.update(digest=digest(capture / TENSORS)))
    (row,) = judge(problem.folder, {"a": capture})
    assert (row.verdict, "output/h cannot be read" in row.reason) == ("crashed", True)


GRAPH_DAMAGES: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("no nodes", lambda d: d.pop("nodes"), "problem.json: nodes: "),
    ("no output", lambda d: d.pop("output"), "problem.json: output: "),
    ("no digest", lambda d: d.pop("digest"), "problem.json: digest: "),
    ("odd dtype", lambda d: d.update(dtype="int64"), "problem.json: dtype: "),
    ("odd values", lambda d: d.update(values="guessed"), "problem.json: values: "),
    ("negative extent", lambda d: d["inputs"][0].update(shape=[-1, 3]), "inputs.0.shape.0: "),
    ("an extent that is none", lambda d: d["inputs"][0].update(shape=["5", 3]), "inputs.0.shape.0: "),
    ("an extent beyond all", lambda d: d["inputs"][0].update(shape=[10**40]), "inputs.0.shape.0: "),
    ("grad is a word", lambda d: d["inputs"][0].update(grad="yes"), "inputs.0.grad: "),
    ("odd pair", lambda d: d["nodes"][0].update(tensors=[["x"]]), "nodes.0.tensors.0.1: "),
    ("odd name", lambda d: d["nodes"][0].update(tensors=[["x", {"y": 1}]]), "nodes.0.tensors.0.1"),
    ("no outputs", lambda d: d["nodes"][0].update(outputs=[]), "nodes.0.outputs: "),
    ("unknown tensor", lambda d: d["nodes"][0].update(tensors=[["x", "nowhere"]]), "node h: reads 'nowhere'"),
    ("a loop", lambda d: d["nodes"][0].update(tensors=[["x", "h"]]), "node h: reads 'h'"),
    ("twice", lambda d: d["nodes"].append(d["nodes"][0]), "node h: 'h' is defined twice"),
    ("two inputs", lambda d: d["inputs"].append(d["inputs"][0]), "'x' is defined twice"),
    ("unknown output", lambda d: d.update(output="end"), "output is 'end'"),
    ("an input as output", lambda d: d.update(output="x"), "output is 'x'"),
    ("another output", lambda d: d.update(output="h"), "has no cotangent/h"),
    ("more inputs", lambda d: d["inputs"].append({**d["inputs"][0], "name": "x2"}), "has no value/x2"),
    ("another shape", lambda d: d["inputs"][0].update(shape=[3, 5]), "for value/x; expected"),
    ("another dtype", lambda d: d["inputs"][0].update(dtype="float64"), "for value/x; expected"),
]


@pytest.mark.parametrize(("damage", "said"), [d[1:] for d in GRAPH_DAMAGES], ids=[d[0] for d in GRAPH_DAMAGES])
def test_a_damaged_problem_is_refused_by_name(
    problem: Problem, capture: Path, damage: Callable[[dict[str, Any]], object], said: str
) -> None:
    """One error with the file and the place in it, before anything is judged."""
    edit(problem.folder / "problem.json", damage)
    with pytest.raises(ContractError) as caught:
        judge(problem.folder, {"a": capture})
    assert str(problem.folder / "problem.json") in str(caught.value)
    assert said in str(caught.value)


def test_a_graph_or_numbers_that_were_changed_afterwards_are_refused(problem: Problem, capture: Path) -> None:
    """Well formed, and not what was drawn: an attribute of the graph, a bit of the numbers."""
    shutil.copytree(problem.folder, problem.folder.with_name("copy"))
    edit(problem.folder / "problem.json", lambda d: d["nodes"][1].update(op="tanh"))
    with pytest.raises(ContractError, match="the graph is not the one that was drawn"):
        judge(problem.folder, {"a": capture})
    copy = problem.folder.with_name("copy")
    flip(copy / "problem.safetensors")
    with pytest.raises(ContractError, match="damaged"):
        judge(copy, {"a": capture})
    flip(copy / "problem.safetensors")
    edit(copy / "problem.json", lambda d: d.update(about="other words"))
    assert judge(copy, {"a": capture})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n: n.update(op="softplusplus"), "node r: there is no operator 'softplusplus'"),
        (lambda n: n["attributes"].update(slope=2), "node r: relu has x, slope; expected x"),
        (lambda n: n.update(tensors=[["y", "h"]]), "node r: relu has y; expected x"),
        (lambda n: n.update(op="leaky_relu"), "node r: leaky_relu has x; expected x, negative_slope"),
    ],
)
def test_a_graph_that_this_version_cannot_compute_is_refused(
    problem: Problem, capture: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    """Written by another version, with digests that are right: the node and what was expected are named."""
    edit(problem.folder / "problem.json", lambda d: change(d["nodes"][1]))
    resign(problem.folder)
    with pytest.raises(ContractError) as caught:
        judge(problem.folder, {"a": capture})
    assert said in str(caught.value)


def resign(folder: Path) -> None:
    """Make a changed graph look as if it had been drawn so."""
    document, path = json.loads((folder / "problem.json").read_text()), folder / "problem.safetensors"
    save_file(load_file(path), path, metadata={"graph": fingerprint(document)})
    edit(folder / "problem.json", lambda d: d.update(digest=digest(path)))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """What was there before stays where the new one cannot be written."""
    path = tmp_path / "a.json"
    write_whole(path, "old")
    (tmp_path / "a.json.partial").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(path, "new")
    assert path.read_text() == "old"


def test_tensors_are_read_one_by_one(capture: Path) -> None:
    """The header tells what there is; a name that is not there is a KeyError."""
    tensors = Tensors(capture / TENSORS)
    assert tensors.form("output/h") == ("F32", (5, 4))
    assert "output/none" not in tensors
    with pytest.raises(KeyError):
        tensors.form("output/none")
    assert SMALL.startswith("\nabout")
