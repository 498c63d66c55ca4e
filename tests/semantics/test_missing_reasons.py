"""Why a behaviour's gradient is not there: the reason and the place, seen in each framework's own graph."""

from __future__ import annotations

import json
import shutil

import pytest
from behaviour_runs import FRAMEWORKS, SEMANTICS, behaviour, problem_of, rows_of
from click.testing import CliRunner
from gradconform import paths
from gradconform.behaviour import Answer
from gradconform.capture import adapters, environments
from gradconform.capture import worker as running
from gradconform.command.main import main
from gradconform.contract import ContractError, read_capture
from gradconform.draw.problem import draw_problem
from gradconform.judge import judge
from gradconform.spec import load
from script_runs import said
from twin_adapter import append

# By hand, from what each framework's idiom does to its graph: Chainer's unchain() cuts where the tensor was made, a
# copy cuts where it is read. NNabla's no_grad() cuts nothing but parameters.
SAID = {
    "cut_graphs.no_grad_for_all grad/x": ("graph_cut at h", "", "graph_cut at h"),
    "cut_graphs.no_grad_on_the_only_path grad/x": ("graph_cut at h", "", "graph_cut at h"),
    "cut_graphs.no_grad_on_the_only_path grad/w": ("", "", ""),
    "cut_graphs.no_grad_for_a_parameter grad/h.weight": ("graph_cut at h",) * 3,
    "cut_graphs.second_forward_no_grad grad/x": ("graph_cut at y", "", "graph_cut at y"),
    "cut_graphs.detach_everything grad/x": ("graph_cut at h", "graph_cut at y", "graph_cut at y"),
    "cut_graphs.detach_the_only_path grad/x": ("graph_cut at h", "graph_cut at y", "graph_cut at y"),
    "cut_graphs.detach_one_of_two grad/x": ("", "", ""),
    "cut_graphs.through_numpy grad/x": ("graph_cut at y",) * 3,
    "cut_graphs.through_numpy grad/w": ("", "", ""),
    "printed_results.none_without_backprop grad/x": ("graph_cut at h", "", "graph_cut at h"),
    "printed_results.none_through_array grad/x": ("graph_cut at y",) * 3,
    "printed_results.none_wrapped_again grad/x": ("graph_cut at h",) * 3,
    "printed_results.first_backward grad/x": ("", "", ""),
    "printed_results.grad_asked_twice grad/x0": ("uninitialised",) * 3,
    "without_path.unused_input grad/spare": ("not_on_path",) * 3,
    "without_path.unused_parameter grad/aside.weight": ("not_on_path",) * 3,
    "without_path.gradient_not_requested grad/fixed": ("not_requested",) * 3,
    "without_path.integer_input grad/i": ("not_requested",) * 3,
    "without_path.before_backward grad/x": ("uninitialised",) * 3,
    "without_path.zero_cotangent grad/x": ("", "", ""),
    "sharing.minus_itself grad/x": ("", "", ""),
    "intermediates.intermediate grad/h": ("not_retained", "buffer_reused", "not_retained"),
    "functional.unreachable result/dy/spare": ("not_on_path",) * 3,
    "accumulation.cleared_to_none_and_read grad/x": ("", "", ""),
    "accumulation.backward_twice_without_keeping grad/x": ("", "", ""),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """The problem of every behaviour that is spoken of here."""
    where = tmp_path_factory.mktemp("problems")
    named = {key.partition(" ")[0] for key in SAID}
    networks = [n for file in sorted(SEMANTICS.glob("*.yaml")) for n in load(file) if n.name in named]
    return {n.name: draw_problem(n, where / n.name, dtype="float32", values="drawn") for n in networks}


def captures(adapter, problems, where):
    """The capture of each problem, all from one process."""
    tasks = [running.Task(p.folder, where / name, p.digest) for name, p in problems.items()]
    running.capture(adapter, tasks, job_folder=where / "job")
    return {name: read_capture(where / name, p) for name, p in problems.items()}


def copied(framework, where):
    """A copy of an adapter's folder."""
    folder = where / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.process
@pytest.mark.parametrize("name", environments.recipes())
def test_the_reason_and_the_place_are_told(problems, tmp_path, name):
    """Of what is none, of what was never written, and of what raises; and nothing is said where a gradient is."""
    try:
        adapter = adapters.find(name)
    except adapters.AdapterError as error:
        if "-" not in name:
            raise
        pytest.skip(f"{name} is no part of the default matrix: {error}")
    column = FRAMEWORKS.index(name.partition("-")[0])
    found = captures(adapter, problems, tmp_path)
    told = {f"{spec} {asked.ask}": said(asked) for spec, c in found.items() for asked in c.asked}
    assert {key: told[key] for key in SAID} == {key: words[column] for key, words in SAID.items()}


# What leaves the way whole in a copy of each script.py, where a tensor is to be detached or taken through NumPy.
WHOLE = {
    "chainer": (("variable.unchain()", "pass"), ("chainer.Variable(variable.array)", "variable")),
    "nnabla": (
        ("variable.get_unlinked_variable(need_grad=False)", "variable"),
        ("nn.Variable.from_numpy_array(variable.d)", "variable"),
    ),
    "torch": (("return tensor.detach()", "return tensor"), ("tensor_of(array_of(tensor))", "tensor")),
}


@pytest.mark.process
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_step_that_cuts_nothing_is_no_cut(problems, tmp_path, framework):
    """The twin: the place is looked up in the graph and not in the step, so a step that cut nothing has none."""
    folder = copied(framework, tmp_path)
    text = (folder / "script.py").read_text(encoding="utf-8")
    for old, new in WHOLE[framework]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "script.py").write_text(text, encoding="utf-8")
    told = [key for key in SAID if "detach" in key or "through" in key]
    some = {name: p for name, p in problems.items() if any(key.startswith(f"{name} ") for key in told)}
    found = captures(adapters.find(str(folder)), some, tmp_path / "captures")
    assert [said(asked) for c in found.values() for asked in c.asked if said(asked)] == []


# An operator that cuts by itself, which no step says.
CUTTING = {
    "chainer": "\n\ndef op_mul_scalar(x, *, value):\n    return chainer.Variable(x.array * value)\n",
    "nnabla": (
        "\n\ndef op_mul_scalar(x, *, value):\n    return nn.Variable.from_numpy_array(x.d * value, need_grad=True)\n"
    ),
    "torch": "\n\ndef op_mul_scalar(x, *, value):\n    return (x * value).detach()\n",
}


@pytest.mark.process
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_cut_that_no_step_tells_of_is_seen(problems, tmp_path, framework):
    """In the row too, with the node; none of it by the right word alone."""
    folder = copied(framework, tmp_path)
    append(folder, "operators", CUTTING[framework])
    name = "printed_results.first_backward"
    captured = captures(adapters.find(str(folder)), {name: problems[name]}, tmp_path / "captures")[name]
    assert [said(asked) for asked in captured.asked] == ["graph_cut at y"]
    row = next(r for r in judge(problems[name].folder, {framework: captured.folder}) if r.check == "semantics")
    assert row.verdict == "diverges"
    assert "; graph_cut at y; " in row.reason or row.reason.startswith("none: graph_cut at y; ")
    assert row.reason.endswith("gives [2] is right")


def test_a_row_says_it_after_the_word(tmp_path):
    """Where none is right, and the twin without a reason."""
    drawn = problem_of(tmp_path, behaviour("[{forward: {detach: [h]}}, backward]", "[grad/x]"))
    gone = [Answer("none")]
    (row,) = rows_of(drawn, tmp_path / "told", gone, asked={"reason": "graph_cut", "nodes": ["h"]})
    assert (row.verdict, row.reason) == ("conforms", "none: graph_cut at h")
    (row,) = rows_of(drawn, tmp_path / "leaf", gone, asked={"reason": "graph_cut", "nodes": ["x", "h"]})
    assert row.reason == "none: graph_cut at h (x requires no gradient)"
    (row,) = rows_of(drawn, tmp_path / "bare", gone)
    assert (row.verdict, row.reason) == ("conforms", "none")


def test_a_place_that_is_not_there_is_refused(tmp_path):
    """A capture cannot name what is no node or leaf of its problem."""
    drawn = problem_of(tmp_path, behaviour("[{forward: {detach: [h]}}, backward]", "[grad/x]"))
    (row,) = rows_of(drawn, tmp_path / "told", [Answer("none")], asked={"reason": "graph_cut", "nodes": ["nowhere"]})
    assert row.verdict == "crashed"
    assert "asked has 'nowhere' as a place for grad/x; expected nodes, or leaves that require no gradient" in row.reason
    with pytest.raises(ContractError, match="nowhere"):
        read_capture(tmp_path / "told", drawn)


@pytest.mark.process
def test_a_script_is_captured_by_one_route(tmp_path):
    """With routes asked for, a network is captured by each and a behaviour by the primary one alone."""
    specs = [SEMANTICS / "cotangents.yaml", paths.specs_folder() / "networks" / "mlp.yaml"]
    command = ["capture", *map(str, specs), "--adapter", "torch", "--route", "leaf_grad", "--dtype", "float32"]
    done = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    folders = {path.name: {each.name for each in path.iterdir()} for path in (tmp_path / "out" / "captures").iterdir()}
    plain = {name for name in folders["torch"] if not name.startswith("cotangents.")}
    assert folders["torch@leaf_grad"] == plain != folders["torch"]
    assert plain
    judged = CliRunner().invoke(main, ["judge", str(tmp_path / "out"), "--out", str(tmp_path / "report")])
    assert judged.exit_code == 0, judged.output
    assert not json.loads((tmp_path / "report" / "run.json").read_text(encoding="utf-8")).get("absent")
