"""The shipped behaviours in the frameworks: as recorded, as their page says, and loud where an adapter is wrong."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from behaviour_runs import FRAMEWORKS, SEMANTICS, Shipped, behaviour, twin
from click.testing import CliRunner
from fake_adapter import fake
from gradconform.command.main import main
from gradconform.contract.run import UNKNOWN, FrameworkInfo, NetworkInfo, RunInfo
from gradconform.judge import conventions
from gradconform.report.behaviours import BEGIN, END, filled, markdown, table_of
from gradconform.report.files import read
from gradconform.report.page import page
from gradconform.report.summary import Summary
from gradconform.report.write import write
from gradconform.rows import Verdict

pytestmark = pytest.mark.process

PAGE = Path(__file__).parents[2] / "docs" / "behaviours.md"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Every shipped behaviour, drawn."""
    return Shipped.drawn(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def rows(shipped, tmp_path_factory):
    """What the three frameworks do, each in one process, with conventions marked."""
    found = shipped.rows(tmp_path_factory.mktemp("captured") / "all", *FRAMEWORKS)
    return list(conventions.apply(found))


def manifest(shipped):
    """What a run over these behaviours would say of itself."""
    networks = tuple(NetworkInfo(n.name, n.about, n.path.name, ()) for n in shipped.networks)
    frameworks = tuple(FrameworkInfo(name, "", "", "", 1, "") for name in FRAMEWORKS)
    return RunInfo(started="2026-01-01T00:00:00+00:00", networks=networks, frameworks=frameworks)


def test_every_framework_does_what_is_right_or_recorded(rows, shipped):
    """And each answers each ask of 25 behaviours or more, once."""
    wrong = {(r.framework, r.spec, r.tensor): r.reason for r in rows if r.verdict in ("diverges", "crashed", "missing")}
    assert wrong == {}
    assert len(shipped.networks) >= 25
    asked = {(name, n.name, ask) for name in FRAMEWORKS for n in shipped.networks for ask in n.asks}
    assert sorted((r.framework, r.spec, r.tensor) for r in rows) == sorted(asked)


def test_every_convention_is_needed(rows):
    """An entry that no framework here does, in a version that it lists, is not believed."""
    known = {(r.framework, r.spec, r.tensor) for r in rows if r.verdict == Verdict.KNOWN}
    version = {row.framework: row.version.partition("+")[0] for row in rows}
    here = {key for key, entries in conventions.recorded().items() for e in entries if version[key[0]] in e.versions}
    assert here == known


def test_the_table_of_the_page_is_what_a_run_gives(rows, shipped):
    """`gradconform run specs/semantics`, then `gradconform table reports/latest --into docs/behaviours.md` mends it."""
    text = PAGE.read_text(encoding="utf-8")
    table = markdown(Summary.of(rows, manifest(shipped)).behaviours)
    assert filled(text, table) == text
    assert table.count("\n| ") > 25


def test_one_other_answer_is_another_table(rows, shipped):
    """The twin of the test above: a table that one row of a run contradicts does not pass."""
    first = next(i for i, row in enumerate(rows) if row.verdict == Verdict.CONFORMS)
    other = replace(rows[first], verdict=Verdict.KNOWN, reason="zeros: gives [1] is right")
    changed = [*rows[:first], other, *rows[first + 1 :]]
    text = PAGE.read_text(encoding="utf-8")
    assert filled(text, markdown(Summary.of(changed, manifest(shipped)).behaviours)) != text


def test_the_page_has_words_and_reasons(rows, shipped):
    """Words, not colours alone; a difference carries its reason; nothing of it is markup."""
    reason = "other [1]: <img src=x onerror=alert(1)>; adds is right"
    hostile = replace(rows[0], verdict=Verdict.DIVERGES, reason=reason)
    html = page(Summary.of([*rows[1:], hostile], manifest(shipped)))
    section = html[html.index('<section id="semantics">') :].partition("</section>")[0]
    assert "<summary>≠ raises</summary>raises: in step 3" in section
    assert "<summary>✗ other [1]</summary>other [1]: &lt;img" in section
    assert "<dt>stale</dt>" in section
    assert "<img src=x" not in html


def test_the_terminal_has_a_line(rows):
    """With how many answers differ as recorded, and not."""
    known = sum(row.verdict == Verdict.KNOWN for row in rows)
    line = table_of(rows, UNKNOWN).in_a_line
    assert line.endswith(f" answers; {known} otherwise than the sum rule, as recorded.")
    assert table_of([], UNKNOWN).in_a_line == ""


def test_the_command_prints_the_table_or_puts_it_into_a_file(rows, shipped, tmp_path):
    """From the folder of a run; a folder or a file that is not fit for it is named."""
    write(Summary.of(rows, manifest(shipped)), tmp_path / "run")
    write(Summary.of([], manifest(shipped)), tmp_path / "empty")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    printed = CliRunner().invoke(main, ["table", str(tmp_path / "run")])
    assert printed.exit_code == 0
    assert CliRunner().invoke(main, ["table", str(tmp_path / "run"), "--into", str(page)]).exit_code == 0
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n{printed.output}{END}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    for command, message in (
        ([str(tmp_path / "empty")], "a run without behaviours"),
        ([str(tmp_path / "run"), "--into", str(page)], "page.md: no <!-- behaviours -->"),
        ([str(tmp_path / "nothing")], "nothing"),
    ):
        failed = CliRunner().invoke(main, ["table", *command])
        assert failed.exit_code == 2
        assert message in failed.output


def test_an_adapter_without_a_script_is_unsupported(tmp_path, monkeypatch):
    """Not skipped: each ask has a row that says what is missing."""
    adapter = fake(tmp_path, monkeypatch, op="return np.maximum(x, 0)")
    network = "    inputs: {x: {shape: [2], value: [3, -1], grad: true}}\n    nodes: {y: {op: relu, x: x}}\n"
    text = behaviour("[forward, backward]", "[grad/x, output/y]", network + "    cotangent: {value: [1, 5]}\n")
    (tmp_path / "test.yaml").write_text(text, encoding="utf-8")
    command = ["run", str(tmp_path / "test.yaml"), "--adapter", str(adapter), "--out", str(tmp_path / "report")]
    CliRunner().invoke(main, command)
    frame = read(tmp_path / "report")
    assert list(frame["tensor"]) == ["grad/x", "output/y"]
    assert set(frame["verdict"]) == {"unsupported"}
    assert frame["reason"].str.contains("this adapter has no script.py").all()


def test_a_text_without_markers_is_left_alone():
    """The table has a place or is not written."""
    for text in ("", BEGIN, END, f"{END} {BEGIN}"):
        with pytest.raises(ValueError, match="expected both"):
            filled(text, "table")


CLEARS_FIRST = """

_honest = Script.backward


def _clears_first(self, **arguments):
    for leaf in self.leaves.values():
        leaf.grad = None
    return _honest(self, **arguments)


Script.backward = _clears_first
"""
IGNORES_FILL = "\n\nScript.fill = lambda self, tensor, value: None\n"
CLEARS_NOTHING = "\n\nScript.clear = lambda self, tensors, to: None\n"
FALLS_OVER = """

def _falls_over(self, **arguments):
    raise RuntimeError("seeded")


Script.set = _falls_over
"""
WIDE = """

_read = Script.read
Script.read = lambda self, ask: None if _read(self, ask) is None else _read(self, ask).astype("float64")
"""


def on_leaves(rows, framework, words):
    """The gradients of leaves that a framework answers with one of these words."""
    mine = [row for row in rows if row.framework == framework and row.tensor.startswith("grad/")]
    return {(r.spec, r.tensor) for r in mine if r.reason.partition(":")[0] in words and r.kind != "grad_output"}


def reported(shipped, where, framework, text):
    """What is reported of a twin: (behaviour, ask) -> reason."""
    rows = conventions.apply(shipped.rows(where / "captured", twin(framework, where, text)))
    return {(row.spec, row.tensor): row.reason for row in rows if row.verdict == Verdict.DIVERGES}


def test_a_backward_that_clears_first_is_found_where_something_was_there(shipped, rows, tmp_path):
    """In torch: every leaf whose gradient is a sum with what was there, and nothing else."""
    found = reported(shipped, tmp_path, "torch", CLEARS_FIRST)
    assert {key for key, reason in found.items() if reason.startswith("overwrites: ")} == found.keys() != set()
    assert found.keys() == on_leaves(rows, "torch", ("adds", "nan"))


def test_a_fill_that_is_ignored_is_found_where_a_fill_counts(shipped, rows, tmp_path):
    """In NNabla: the leaves that are filled, and nothing else; it overwrites intermediates anyway."""
    filled_first = {n.name for n in shipped.networks if any(step["do"] == "fill" for step in n.script)}
    expected = {key for key in on_leaves(rows, "nnabla", ("adds", "nan", "uncleared")) if key[0] in filled_first}
    assert expected
    assert reported(shipped, tmp_path, "nnabla", IGNORES_FILL).keys() == expected


def test_a_clear_that_does_nothing_is_found_where_something_is_cleared(shipped, rows, tmp_path):
    """In Chainer: behaviours that clear, and no other."""
    cleared = {n.name for n in shipped.networks if any(step["do"] == "clear" for step in n.script)}
    found = reported(shipped, tmp_path, "chainer", CLEARS_NOTHING)
    assert {spec for spec, _ in found} <= cleared
    assert "uncleared" in {reason.partition(":")[0] for reason in found.values()}
    assert any("convention changed: chainer" in reason for reason in found.values())


def test_a_step_that_falls_over_is_named(shipped, tmp_path):
    """Every ask of every behaviour with that step, and no other, says in which step what was raised."""
    place = {
        n.name: [step["do"] for step in n.script].index("set") + 1
        for n in shipped.networks
        if any(step["do"] == "set" for step in n.script)
    }
    found = reported(shipped, tmp_path, "torch", FALLS_OVER)
    assert {spec for spec, _ in found} == place.keys() != set()
    for (spec, _), reason in found.items():
        assert f"in step {place[spec]}, set: RuntimeError: seeded" in reason


def test_numbers_in_another_dtype_are_no_answer(shipped, rows, tmp_path):
    """In Chainer: every ask that has numbers is reported, and none that has not."""
    found = reported(shipped, tmp_path, "chainer", WIDE)
    without = ("none", "raises", "reused")
    mine = [r for r in rows if r.framework == "chainer" and r.verdict in ("conforms", "known")]
    assert found.keys() == {(r.spec, r.tensor) for r in mine if r.reason.partition(":")[0] not in without}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("does: raises", "does: overwrites"),
        ("modified by an inplace", "seeded text"),
    ],
)
def test_an_altered_convention_makes_a_run_fail(tmp_path, old, new):
    """By the command: with what is recorded the run passes; with an entry altered it exits with 1 and says which."""
    folder = tmp_path / "semantics"
    shutil.copytree(SEMANTICS, folder)
    command = ["run", str(folder / "changed_values.yaml"), "--adapter", "torch", "--out", str(tmp_path / "report")]
    passed = CliRunner().invoke(main, command)
    assert passed.exit_code == 0, passed.output
    listed = folder / "conventions" / "torch.yaml"
    text = listed.read_text(encoding="utf-8")
    assert old in text
    altered = text.replace(old, new)
    if "raises" in old:
        # Only what raises says what the exception says.
        altered = "\n".join(line for line in altered.splitlines() if not line.strip().startswith("error:"))
    listed.write_text(altered, encoding="utf-8")
    failed = CliRunner().invoke(main, command)
    assert failed.exit_code == 1, failed.output
    frame = read(tmp_path / "report")
    wrong = frame[frame["verdict"] == "diverges"]
    assert len(wrong)
    assert wrong["reason"].str.contains("convention changed: torch 2.13.0 did ").all()
