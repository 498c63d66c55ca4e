"""`--numeric` and `gradconform numeric` as a user meets them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import click.testing
import pytest
from fake_adapter import fake, specs
from gradconform.command.main import main
from gradconform.report.files import read
from gradconform.run import processes

EVALUATE = """
def evaluate(network, problem, tensors):
    return network()[problem["output"]]
"""


@contextmanager
def in_this_process(workers):
    """In place of the pool of processes, which takes seconds to start."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No pool, and lines that are not broken."""
    monkeypatch.setattr(processes, "pool", in_this_process)
    monkeypatch.setenv("COLUMNS", "200")


def gradconform(*arguments):
    """Run the command in this process; nothing that a user does may end in a traceback."""
    result = click.testing.CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def spec(tmp_path):
    """A spec of one node, relu."""
    return specs(tmp_path / "specs", "a")[0]


@pytest.fixture
def good(tmp_path, monkeypatch):
    """An adapter that is right and can run its forward alone."""
    folder = fake(tmp_path, monkeypatch, name="good", op="return np.maximum(x, 0)")
    with (folder / "network.py").open("a") as file:
        file.write(EVALUATE)
    return folder


def numerical(report):
    """The numerical rows of a report."""
    rows = read(report)
    return rows[rows["check"] == "numeric"]


@pytest.mark.process
def test_run_adds_a_row_for_each_leaf(tmp_path, good, spec):
    """Without --numeric there is none; with it x has one, and it conforms."""
    assert gradconform("run", spec, "--adapter", good, "--out", tmp_path / "plain").exit_code == 0
    assert gradconform("run", spec, "--adapter", good, "--numeric", "--out", tmp_path / "report").exit_code == 0
    assert numerical(tmp_path / "plain").empty
    rows = numerical(tmp_path / "report")
    assert list(zip(rows["tensor"], rows["verdict"], strict=True)) == [("grad/x", "conforms")]


@pytest.mark.process
def test_a_wrong_gradient_makes_the_run_fail(tmp_path, good, spec):
    """The twin: a route that gives half of the gradient has a diverging numerical row."""
    routes = good / "routes.py"
    routes.write_text(routes.read_text().replace("dy * factor", "dy * factor / 2"))
    assert gradconform("run", spec, "--adapter", good, "--numeric", "--out", tmp_path / "report").exit_code == 1
    assert set(numerical(tmp_path / "report")["verdict"]) == {"diverges"}


@pytest.mark.process
def test_what_was_captured_is_judged_later(tmp_path, good, spec):
    """`capture --numeric` and then `judge` give the row that `run` gives."""
    gradconform("run", spec, "--adapter", good, "--numeric", "--out", tmp_path / "at_once")
    assert gradconform("capture", spec, "--adapter", good, "--numeric", "--out", tmp_path / "captures").exit_code == 0
    assert gradconform("judge", tmp_path / "captures", "--out", tmp_path / "later").exit_code == 0
    assert numerical(tmp_path / "later").equals(numerical(tmp_path / "at_once"))


@pytest.mark.process
def test_answers_to_other_probes_are_refused(tmp_path, good, spec):
    """Probes that were written anew after the forward ran give a row that says so."""
    gradconform("capture", spec, "--adapter", good, "--numeric", "--out", tmp_path / "captures")
    (probes,) = tmp_path.glob("captures/problems/*/numeric/probes.json")
    probes.write_text(probes.read_text() + "\n")
    gradconform("judge", tmp_path / "captures", "--out", tmp_path / "later")
    (row,) = numerical(tmp_path / "later").itertuples()
    assert row.verdict == "crashed"
    assert "answers other probes" in row.reason


@pytest.mark.process
def test_captures_of_two_machines_are_judged_by_their_own_probes(tmp_path, monkeypatch, good, spec):
    """The same problem differenced with other steps elsewhere: each is held against what it was asked."""
    other = fake(tmp_path, monkeypatch, name="other", op="return np.maximum(x, 0)")
    with (other / "network.py").open("a") as file:
        file.write(EVALUATE)
    gradconform("capture", spec, "--adapter", good, "--numeric", "--out", tmp_path / "here")
    plain = ("--eps", "1e-3", "--plain")
    gradconform("capture", spec, "--adapter", other, "--numeric", *plain, "--out", tmp_path / "there")
    gradconform("judge", tmp_path / "here", tmp_path / "there", "--out", tmp_path / "report")
    found = numerical(tmp_path / "report").set_index("framework")["verdict"].to_dict()
    assert set(found) == {"good", "other"}
    assert "crashed" not in found.values()


@pytest.mark.process
def test_an_adapter_without_the_forward_alone_is_unsupported(tmp_path, monkeypatch, spec):
    """Its row names what is missing, and its gradients are judged as ever."""
    folder = fake(tmp_path, monkeypatch, name="old", op="return np.maximum(x, 0)")
    assert gradconform("run", spec, "--adapter", folder, "--numeric", "--out", tmp_path / "report").exit_code == 0
    (row,) = numerical(tmp_path / "report").itertuples()
    assert row.verdict == "unsupported"
    assert "`evaluate`" in row.reason


WRONG = ("--eps 1e-5", "--plain", "--eps 1e-5 --plain", "--numeric --plain", "--numeric --eps 1")


@pytest.mark.parametrize("options", WRONG)
def test_options_that_need_each_other(tmp_path, good, spec, options):
    """Exit status 2, and which option lacks which."""
    result = gradconform("run", spec, "--adapter", good, *options.split(), "--out", tmp_path / "report")
    assert result.exit_code == 2
    assert "--eps EPS and --plain need each other, and --numeric" in result.output


@pytest.mark.process
def test_a_table_shows_each_element(good, spec):
    """Six elements, each with its numbers, its bar and its verdict."""
    result = gradconform("numeric", spec, "x", "--adapter", good)
    assert result.exit_code == 0
    assert "d y / d x, float32, good 1.0" in result.output
    assert result.output.count("conforms") == 7
    assert "[2, 1]" in result.output


@pytest.mark.process
def test_a_table_of_a_large_leaf_shows_its_directions(good, spec):
    """Ten thousand elements: one line along the gradient, one along random signs."""
    spec.write_text(spec.read_text().replace("[3, 2]", "[100, 100]"))
    result = gradconform("numeric", spec, "--adapter", good)
    assert result.exit_code == 0
    assert "along its own direction" in result.output
    assert "along random signs" in result.output


@pytest.mark.process
def test_a_table_of_plain_differences_owns_up(good, spec):
    """A step of 1e-5 in float32 tells nothing, and the table says so instead of blaming the gradient."""
    result = gradconform("numeric", spec, "grad/x", "--adapter", good, "--eps", "1e-5", "--plain")
    assert result.exit_code == 0
    assert "diverges" not in result.output
    assert "inconclusive: bar of " in result.output


def test_a_tensor_that_is_not_there(good, spec):
    """Exit status 2, with what there is."""
    result = gradconform("numeric", spec, "w", "--adapter", good)
    assert result.exit_code == 2
    assert "w: no input or parameter of a with a gradient" in result.output
