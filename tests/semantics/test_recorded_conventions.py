"""Recorded conventions: what is listed is known, and what changed makes the run fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from behaviour_runs import behaviour
from gradconform.command.exits import status_of
from gradconform.judge import conventions
from gradconform.judge.conventions import FOLDER
from gradconform.judge.known import KnownError
from gradconform.rows import Row, Verdict, blank
from gradconform.spec.files import networks

REASON = "Because its documentation says so, in so many words."
ADDS = blank(
    spec="test.one",
    node="y",
    op="mul",
    tensor="grad/x",
    check="semantics",
    framework="toy",
    version="2.1.0+cpu",
    verdict=Verdict.CONFORMS,
    reason="adds",
)
OVERWRITES = replace(ADDS, verdict=Verdict.DIVERGES, reason="overwrites: [1]; adds [2] is right", culprit="y")
RAISES = replace(OVERWRITES, reason="raises: in step 3, backward: RuntimeError: graph freed; adds [2] is right")
UNSUPPORTED = replace(OVERWRITES, verdict=Verdict.UNSUPPORTED, reason="has no such step")
OTHER = replace(OVERWRITES, reason="other [1, 0]: adds [2, 0] is right")


def entry(does: str = "overwrites", versions: str = "[2.1.0]", more: str = "", ask: str = "grad/x") -> str:
    """One entry as it is written."""
    return f"- {{behaviour: test.one, ask: {ask}, does: {does}, versions: {versions}, reason: '{REASON}'{more}}}\n"


def load(folder, *entries: str, file: str = "toy.yaml"):
    """What is recorded in a folder that holds these entries beside one behaviour."""
    (folder / FOLDER).mkdir(exist_ok=True)
    script = "[forward, {backward: {keep_graph: true}}, backward]"
    (folder / "test.yaml").write_text(behaviour(script, "[grad/x]"), encoding="utf-8")
    (folder / FOLDER / file).write_text("".join(entries), encoding="utf-8")
    return conventions.load(folder)


def marked(row: Row, recorded) -> Row:
    """The row after what is recorded was looked at."""
    (found,) = conventions.apply([row], recorded)
    return found


def test_what_is_recorded_is_known(tmp_path):
    """With its reason, and no culprit: nobody is to be blamed. The run passes."""
    row = marked(OVERWRITES, load(tmp_path, entry()))
    assert (row.verdict, row.culprit) == (Verdict.KNOWN, "")
    assert row.reason == f"overwrites: [1]; adds [2] is right. {REASON}"
    assert status_of([row], absent=False) == 0


def test_what_is_not_recorded_fails(tmp_path):
    """The twin: the same row of another framework or tensor is left to diverge."""
    recorded = load(tmp_path, entry())
    for other in (replace(OVERWRITES, framework="toys"), replace(OVERWRITES, tensor="grad/w")):
        assert marked(other, recorded) == other
        assert status_of([marked(other, recorded)], absent=False) == 1


@pytest.mark.parametrize("row", [ADDS, OTHER, RAISES, UNSUPPORTED], ids=["right", "other", "raises", "unsupported"])
def test_a_convention_that_changed_fails(tmp_path, row):
    """Even where the framework now does what is right: somebody must look."""
    found = marked(row, load(tmp_path, entry()))
    assert found.verdict == Verdict.DIVERGES
    assert "convention changed: toy 2.1.0 did `overwrites`, 2.1.0+cpu does `" in found.reason
    assert found.reason.endswith("look, then update specs/semantics/conventions/toy.yaml")
    assert found.culprit == "y"


def test_a_version_that_was_never_seen_is_held_to_the_newest(tmp_path):
    """2.10 is newer than 2.9, and both than 1."""
    middle = entry("raises", "['2.9']", ", error: graph freed")
    recorded = load(tmp_path, entry("overwrites", "['2.10', '1.0']"), middle)
    new = replace(OVERWRITES, version="3.0")
    assert marked(new, recorded).verdict == Verdict.KNOWN
    assert marked(replace(RAISES, version="3.0"), recorded).verdict == Verdict.DIVERGES
    assert marked(replace(RAISES, version="2.9"), recorded).verdict == Verdict.KNOWN
    assert marked(replace(new, version="2.9"), recorded).verdict == Verdict.DIVERGES


def test_a_version_that_does_what_is_right_may_be_listed(tmp_path):
    """It conforms there, and the others are held to what they do."""
    recorded = load(tmp_path, entry(versions="['3.0']"), entry("adds", "[2.1.0]"))
    assert marked(ADDS, recorded) == ADDS
    assert marked(replace(ADDS, version="3.0"), recorded).verdict == Verdict.DIVERGES


def test_another_exception_is_not_the_recorded_one(tmp_path):
    """A fault of the adapter raises too, and must not pass for the framework's convention."""
    recorded = load(tmp_path, entry("raises", more=", error: graph freed"))
    assert marked(RAISES, recorded).verdict == Verdict.KNOWN
    broken = replace(RAISES, reason="raises: in step 3, backward: AttributeError: no such thing; adds [2] is right")
    assert marked(broken, recorded).verdict == Verdict.DIVERGES


def test_other_numbers_are_not_the_recorded_ones(tmp_path):
    """`other` holds with the numbers behind it alone."""
    assert marked(OTHER, load(tmp_path, entry('"other [1, 0]"'))).verdict == Verdict.KNOWN
    assert marked(OTHER, load(tmp_path, entry('"other [1, 1]"'))).verdict == Verdict.DIVERGES


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (entry("overwrite"), "'overwrite'; expected one of gives, adds"),
        (entry("other"), "does: "),
        (entry('"adds [1]"'), "'adds [1]'"),
        (entry(versions="[]"), "versions"),
        (entry(versions="[1.32]"), "versions"),
        (entry().replace("test.one", "test.on"), "there is no behaviour 'test.on'; did you mean 'test.one'?"),
        (entry(ask="grad/h"), "test.one does not ask for 'grad/h'; did you mean 'grad/x'?"),
        (entry("raises"), "raises, so `error` must say what the exception says"),
        (entry(more=", error: graph freed"), "does not raise, so there is no `error`"),
        (entry(more=", link: none"), "link: "),
        (entry() + entry("adds"), "2.1.0 is in two entries"),
        (entry().replace(REASON, "Why not."), "reason"),
        ("{}", "holds a dict; expected a list of conventions"),
        ("- [", "toy.yaml"),
    ],
)
def test_an_entry_that_says_nothing_is_refused(tmp_path, written, message):
    """With file and entry."""
    with pytest.raises(KnownError) as error:
        load(tmp_path, written)
    assert message in str(error.value)
    assert "toy.yaml" in str(error.value)


def test_conventions_are_no_specs(tmp_path):
    """A folder of behaviours is loaded without what lies in `conventions`, whose entries are checked with it."""
    load(tmp_path, entry())
    assert [network.name for network in networks([tmp_path])] == ["test.one"]
    (key,) = conventions.beside(networks([tmp_path]))
    assert key == ("toy", "test.one", "grad/x")


@pytest.mark.parametrize("beside", ["nodes: [", "services: {web: {image: nginx}}", "- a\n- list\n", ""])
def test_a_file_that_is_no_spec_does_not_stop_the_one_beside_it(tmp_path, beside):
    """Whoever asks for one file of behaviours hears nothing of another that is broken or of another tool."""
    load(tmp_path, entry())
    (tmp_path / "other.yaml").write_text(beside, encoding="utf-8")
    (key,) = conventions.beside(networks([tmp_path / "test.yaml"]))
    assert key == ("toy", "test.one", "grad/x")


def test_what_is_recorded_of_a_broken_file_is_taken_as_it_stands(tmp_path):
    """Its behaviours are not known, so an entry of one is not refused; one of a file that is there still is."""
    load(tmp_path, entry())
    (tmp_path / "other.yaml").write_text("behaviours: [", encoding="utf-8")
    written = entry().replace("test.one", "other.two")
    assert ("toy", "other.two", "grad/x") in load(tmp_path, written)
    with pytest.raises(KnownError, match=r"there is no behaviour 'test\.two'"):
        load(tmp_path, entry().replace("test.one", "test.two"))
