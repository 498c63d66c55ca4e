"""`gradconform why`: is this gradient there; if not, why, where was looked, and the line that would give it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest
from fake_adapter import fake
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.command.main import main
from gradconform.command.searched import searched
from gradconform.command.why import SENTENCES
from gradconform.contract import ContractError, read_capture
from honest import SMALL, blamed, computed, problem_of, rows_of, write_capture

# A route that runs nothing and gives the reasons that a test names.
TOLD = """
import numpy as np
def told(network, problem, tensors):
    missing = {missing!r}
    shapes = {{n["name"]: n["outputs"][0]["shape"] for n in problem["nodes"]}}
    shapes.update({{e["name"]: e["shape"] for e in problem["inputs"] + problem["parameters"]}})
    wanted = [n["name"] for n in problem["nodes"] if n["name"] != problem["output"]]
    wanted += [e["name"] for e in problem["inputs"] + problem["parameters"] if e["grad"]]
    values = {{"output/" + n["name"]: np.ones(shapes[n["name"]], "f") for n in problem["nodes"]}}
    values.update({{"grad/" + n: np.ones(shapes[n], "f") for n in wanted if "grad/" + n not in missing}})
    return values, missing
PRIMARY, ROUTES = "told", {{"told": told, "other": told}}
"""
ADVICE = """
REMEDIES = {("graph_cut", "leaf"): "thaw {leaf}", ("graph_cut", "between"): "mend {at}",
            ("not_requested", "leaf"): "ask {name}", ("not_retained", "between"): "keep {name} of {output}"}
LINES = {("told", "between"): "{output}.back(); {name}.grad"}
"""
CHAIN = """
about: A long chain, a branch that leads nowhere, integers, and inputs that ask for nothing.
inputs:
  x:     {shape: [3, 2], grad: true}
  fixed: {shape: [3, 2]}
  ids:   {shape: [3], integers: [0, 4]}
nodes:
  a: {op: relu, x: x}
  b: {op: square}
  c: {op: relu}
  d: {op: square}
  e: {op: relu}
  f: {op: square}
  g: {op: relu}
  h: {op: square}
  i: {op: relu}
  j: {op: square}
  k: {op: relu, x: a}
  l: {op: relu, x: k}
  m: {op: add, x: j, y: fixed}
output: m
"""


def why(*arguments: object) -> click.testing.Result:
    """Run the command in this process; nothing that a user does may end in a traceback."""
    result = click.testing.CliRunner().invoke(main, ["why", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """The spec of the long chain."""
    path = tmp_path / "chain.yaml"
    path.write_text(CHAIN)
    return path


@pytest.fixture
def teller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """An adapter that gives ones for every gradient but those it is told a reason for."""

    def make(missing: object, name: str = "teller") -> Path:
        folder = fake(tmp_path / "fakes", monkeypatch, name=name, top="op_add = np.add\n")
        (folder / "routes.py").write_text(TOLD.format(missing=missing))
        (folder / "reasons.py").write_text(ADVICE)
        return folder

    return make


@pytest.mark.process
def test_a_gradient_that_is_there(chain: Path, teller: Callable[..., Path]) -> None:
    """Its shape, its norm, and the line by which the route got it."""
    done = why(chain, "grad/c", "--adapter", teller({}))
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        [
            "grad/c of chain, float32",
            "teller 1.0, told: the gradient is there, shape [3, 2], norm 2.44949",
            "  got by    m.back(); c.grad",
        ],
    )


@pytest.mark.process
def test_a_cut_is_shown_on_the_path(chain: Path, teller: Callable[..., Path]) -> None:
    """Reason with its place, the path with both ends and what lies around the cut, and the remedy."""
    done = why(chain, "x", "--adapter", teller({"grad/x": ("graph_cut", "f")}))
    assert (done.exit_code, done.output.splitlines()[1:]) == (
        0,
        [
            "teller 1.0, told: graph_cut at f",
            f"  {SENTENCES['graph_cut']}",
            "  searched  m <- j <- i <- h <- g <- f (cut) <- e <- d <- c <- b <- a <- x",
            "  instead   mend f = square(e)",
        ],
    )


@pytest.mark.process
def test_a_long_path_is_shortened_in_the_middle(chain: Path, teller: Callable[..., Path]) -> None:
    """Both ends stay, and with a cut near one end what lies around it."""
    done = why(chain, "x", "--adapter", teller({"grad/x": "not_differentiable"}))
    assert "  searched  m <- j <- i <- ... 6 nodes ... <- b <- a <- x\n" in done.output
    done = why(chain, "x", "--adapter", teller({"grad/x": ("graph_cut", "b")}, "near"))
    assert "  searched  m <- j <- i <- ... 4 nodes ... <- d <- c <- b (cut) <- a <- x\n" in done.output


@pytest.mark.process
def test_a_leaf_that_requires_none_and_a_cut_above(chain: Path, teller: Callable[..., Path]) -> None:
    """The leaf is named, its readers are marked; of a node after the cut the path goes on to it."""
    cuts = {"grad/x": ("graph_cut", "x", "a"), "grad/d": ("graph_cut", "b")}
    folder = teller(cuts)
    done = why(chain, "x", "--adapter", folder).output
    assert "graph_cut at a (x requires no gradient)\n" in done
    assert "<- a (cut) <- x\n" in done
    assert "  instead   thaw x\n" in done
    done = why(chain, "d", "--adapter", folder).output
    assert "<- d <- c <- b (cut)\n" in done


@pytest.mark.process
@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        ("k", "k is read by l: none leads to m"),
        ("l", "no node reads l"),
    ],
)
def test_without_a_path_its_readers_are_named(chain: Path, teller: Callable[..., Path], tensor: str, said: str) -> None:
    """And that none of them leads to the output."""
    done = why(chain, tensor, "--adapter", teller({f"grad/{tensor}": "not_on_path"}))
    assert f"  {SENTENCES['not_on_path']}\n  searched  {said}\n" in done.output


@pytest.mark.process
def test_what_the_spec_does_not_ask_for(chain: Path, teller: Callable[..., Path]) -> None:
    """Inputs without gradient with the line that asks for one, integers without; the output is the user's own."""
    folder = teller({})
    done = why(chain, "fixed", "--adapter", folder).output
    assert "told: not_requested\n  The spec does not ask for it: write `grad: true` there.\n" in done
    assert "  instead   ask fixed\n" in done
    done = why(chain, "ids", "--adapter", folder).output
    assert "  It is of integers, which have no gradient.\n" in done
    assert "instead" not in done
    assert "told: its gradient is the one that you hand to backward\n" in why(chain, "m", "--adapter", folder).output


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grad/y",), "grad/y: no such tensor in network chain; "),
        (("fixt",), "fixt: no such tensor in network chain; did you mean 'fixed'?"),
        (("x", "--network", "chian"), "--network chian: no such network; did you mean 'chain'?"),
        (("x", "--route", "tolt"), "--route tolt: no such route; did you mean 'told'?"),
        (("x", "--adapter", "no/such"), "--adapter no/such: no adapter.py there"),
        (("x", "--dtype", "float8"), "float8"),
    ],
)
def test_a_question_that_cannot_be_asked(
    chain: Path, teller: Callable[..., Path], arguments: tuple[str, ...], said: str
) -> None:
    """Status 2, with the nearest right names."""
    done = why(chain, *arguments, "--adapter", teller({}))
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.process
def test_a_framework_that_cannot_be_run(
    chain: Path, teller: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 3 where none could; 0 where another one answered; the reason is said."""
    broken = fake(tmp_path / "fakes", monkeypatch, name="broken", top="raise OSError('no disk')")
    done = why(chain, "x", "--adapter", broken)
    assert done.exit_code == 3
    assert "crashed: OSError: no disk" in done.output
    assert why(chain, "x", "--adapter", broken, "--adapter", teller({})).exit_code == 0


@pytest.mark.process
def test_a_route_that_one_adapter_has(chain: Path, teller: Callable[..., Path]) -> None:
    """The other is named, and is no failure."""
    odd = teller({}, "odd")
    (odd / "routes.py").write_text((odd / "routes.py").read_text().replace('"other"', '"odd_one"'))
    done = why(chain, "x", "--adapter", teller({}), "--adapter", odd, "--route", "odd_one")
    assert done.exit_code == 0
    assert "odd 1.0, odd_one: the gradient is there" in done.output
    assert "teller: has no route odd_one\n" in done.output


@pytest.mark.process
def test_a_file_of_several_networks(tmp_path: Path, teller: Callable[..., Path]) -> None:
    """All that have the tensor are asked, or the one that is named."""
    path = tmp_path / "relu.yaml"
    path.write_text("operator: relu\nabout: Two.\ncases:\n  one: {x: {shape: [3]}}\n  two: {x: {shape: [4]}}\n")
    folder = teller({})
    heads = [line for line in why(path, "x", "--adapter", folder).output.splitlines() if line.startswith("grad/")]
    assert heads == ["grad/x of relu.one, float32", "grad/x of relu.two, float32"]
    done = why(path, "x", "--adapter", folder, "--network", "relu.two").output
    assert "relu.one" not in done
    assert "shape [4]" in done


@pytest.mark.process
@pytest.mark.parametrize(
    ("behaviour", "tensor", "said"),
    [
        (
            "printed_results.none_through_array",
            "x",
            [
                "grad/x of printed_results.none_through_array, float32",
                "chainer 7.8.1, script: none; graph_cut at y",
                f"  {SENTENCES['graph_cut']}",
                "  searched  y (cut) <- h <- x",
                "  instead   with chainer.force_backprop_mode(): y = square(h)"
                "  # of variables, not of .array, with no unchain()",
            ],
        ),
        (
            "without_path.before_backward",
            "grad/x",
            [
                "grad/x of without_path.before_backward, float32",
                "chainer 7.8.1, script: none; uninitialised",
                f"  {SENTENCES['uninitialised']}",
                "  searched  y <- x",
                "  instead   y.grad = dy; y.backward(retain_grad=True); x.grad",
            ],
        ),
        (
            "changed_values.set_then_forward",
            "output/y",
            [
                "output/y of changed_values.set_then_forward, float32",
                "chainer 7.8.1, script: [49, 4]",
            ],
        ),
    ],
)
def test_a_behaviour_is_asked_by_what_it_asks(behaviour: str, tensor: str, said: list[str]) -> None:
    """Outcome, reason, place, path and remedy; of an ask that has its numbers, the numbers alone."""
    spec = paths.specs_folder() / "semantics" / f"{behaviour.partition('.')[0]}.yaml"
    done = why(spec, tensor, "--adapter", "chainer", "--network", behaviour)
    assert (done.exit_code, done.output.splitlines()) == (0, said)


@pytest.mark.process
def test_a_step_that_raises_is_told_with_the_cut_behind_it() -> None:
    """Torch refuses to go back through a graph that leads nowhere; where it is cut is what helps."""
    spec = paths.specs_folder() / "semantics" / "printed_results.yaml"
    done = why(spec, "x", "--adapter", "torch", "--network", "printed_results.none_through_array")
    assert "raises in step 3, backward: RuntimeError: element 0 of tensors does not require grad" in done.output
    assert "; graph_cut at y\n" in done.output
    assert "  instead   with torch.enable_grad(): y = square(h)" in done.output


@pytest.mark.parametrize(
    ("tensor", "more", "said"),
    [
        ("grad/xx", [], "grad/xx: 5 behaviours do not ask for it; did you mean 'grad/x'?"),
        ("x", ["--route", "told"], "is a script, which says itself how gradients are asked for; leave --route off"),
    ],
)
def test_a_behaviour_that_cannot_answer(teller: Callable[..., Path], tensor: str, more: list[str], said: str) -> None:
    """What it does not ask for, and a way that a script cannot take, are refused with a sentence."""
    spec = paths.specs_folder() / "semantics" / "sharing.yaml"
    done = why(spec, tensor, "--adapter", teller({}), *more)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_every_reason_has_a_sentence() -> None:
    """Those of the contract, and no other."""
    text = (paths.adapters_folder() / "worker.py").read_text(encoding="utf-8")
    words = text.partition("REASONS = {")[2].partition("}")[0]
    assert SENTENCES.keys() == {word.strip(' ",\n') for word in words.split(",") if word.strip()} | {"unexplained"}


def test_several_cuts_have_a_path_each(tmp_path: Path) -> None:
    """Through each of them, as far as there are ways."""
    problem = problem_of(tmp_path, SMALL)
    lines = searched(problem, "h", ["p", "r"]).plain.split("\n")
    assert [line.strip() for line in lines] == [
        "loss <- z <- y <- p (cut) <- h",
        "loss <- z <- y <- s <- q <- r (cut) <- h",
    ]


def capture(folder: Path, missing: object, chain: Path, teller: Callable[..., Path]) -> dict[str, object]:
    """capture.json of a route that gives these reasons."""
    problem = problem_of(folder, chain.read_text(), name="chain")
    task = running.Task(problem.folder, folder / "capture", problem.digest)
    running.capture(adapters.find(str(teller(missing))), [task], job_folder=folder / "jobs")
    return json.loads((folder / "capture/capture.json").read_text(encoding="utf-8"))


@pytest.mark.process
def test_the_worker_takes_a_place_apart(tmp_path: Path, chain: Path, teller: Callable[..., Path]) -> None:
    """Word and place beside one another; a place that is no node or leaf is a fault of the route."""
    missing = {"grad/x": ("graph_cut", "b", "k"), "grad/a": "not_retained"}
    document = capture(tmp_path / "good", missing, chain, teller)
    assert document["missing"] == {"grad/x": "graph_cut", "grad/a": "not_retained"}
    assert document["cuts"] == {"grad/x": ["b", "k"]}
    remedies = {"grad/x": "mend b = square(a); k = relu(a)", "grad/a": "keep a of m", "grad/fixed": "ask fixed"}
    assert document["remedies"] == remedies
    shutil.rmtree(tmp_path / "fakes")
    document = capture(tmp_path / "bad", {"grad/x": ("graph_cut", "nobody")}, chain, teller)
    assert document["status"] == "crashed"
    assert "cut at what is no node or leaf of this problem: grad/x" in str(document["reason"])


def test_the_judge_says_where(tmp_path: Path) -> None:
    """The place is in the reason and its nodes are the culprit; without one the readers are."""
    problem = problem_of(tmp_path, SMALL)
    tensors = {name: array for name, array in computed(problem).items() if name not in ("grad/h", "grad/x")}
    missing = {"grad/h": "graph_cut", "grad/x": "graph_cut"}
    found = blamed(rows_of(problem, tmp_path / "c", tensors, missing=missing, cuts={"grad/x": ["x", "h"]}))
    assert found["grad/x"] == ("missing", "graph_cut at h (x requires no gradient)", "h")
    assert found["grad/h"] == ("missing", "graph_cut", "r p s")
    found = blamed(rows_of(problem, tmp_path / "d", tensors, missing=missing, cuts={"grad/h": ["r"]}))
    assert found["grad/h"] == ("missing", "graph_cut at r", "r")


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ({"grad/x": ["nobody"]}, "cuts has 'nobody' for grad/x; expected nodes"),
        ({"grad/r": ["h"]}, "cuts has grad/r, which is not missing"),
        ({"grad/x": "h"}, "cuts.grad/x"),
    ],
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, cuts: object, said: str) -> None:
    """A capture from elsewhere is read with its mistakes named."""
    problem = problem_of(tmp_path, SMALL)
    tensors = {name: array for name, array in computed(problem).items() if name != "grad/x"}
    folder = write_capture(problem, tmp_path / "c", tensors, missing={"grad/x": "graph_cut"}, cuts=cuts)
    with pytest.raises(ContractError, match=r"capture\.json") as caught:
        read_capture(folder, problem)
    assert said in str(caught.value)
