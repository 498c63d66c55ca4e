"""Known divergences: what is listed becomes known, what is not stays, and what no longer happens fails the run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gradconform import paths
from gradconform.command.exits import status_of
from gradconform.judge.known import Known, KnownError, apply, load
from gradconform.rows import Row, Verdict, blank

ENTRY = {
    "spec": "abs.at_zero",
    "tensor": "grad/x",
    "framework": "nnabla",
    "reason": "the derivative of |x| at 0 is 1 there, and 0 elsewhere",
    "link": "https://example.org/issue/1",
}


def entry(**changes: object) -> Known:
    """The entry, changed."""
    return Known.model_validate({**ENTRY, **changes})


def row(**changes: object) -> Row:
    """The row that the entry speaks of, changed."""
    known: dict[str, object] = {
        "spec": "abs.at_zero",
        "node": "abs",
        "op": "abs",
        "tensor": "grad/x",
        "kind": "grad_input",
        "check": "local",
        "framework": "nnabla",
        "version": "1.39.0",
        "route": "visit_backward",
        "dtype": "float32",
        "culprit": "abs",
        "verdict": Verdict.DIVERGES,
        "reason": "value",
    }
    return blank(**(known | changes))


def test_a_listed_divergence_is_known() -> None:
    """It keeps its figures and says where it is told of; nothing else is touched."""
    other = row(tensor="output/abs")
    found = list(apply([row(), other], [entry()]))
    assert found[1] == other
    assert found[0] == replace(row(), verdict=Verdict.KNOWN, reason=found[0].reason)
    assert found[0].reason.startswith("value: ")
    assert ENTRY["link"] in found[0].reason
    assert status_of([found[0]], absent=False) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": "abs"},
        {"tensor": "output/abs"},
        {"framework": "torch"},
        {"check": "exact"},
        {"dtype": "float64"},
        {"versions": ["1.38.0"]},
    ],
)
def test_an_entry_speaks_of_what_it_names_alone(changes: dict[str, object]) -> None:
    """One field that differs, and the divergence stays one; an entry that was never looked at says nothing."""
    assert list(apply([row()], [entry(**changes)])) == [row()]
    assert status_of([row()], absent=False) == 1


@pytest.mark.parametrize("changes", [{"dtype": "float32"}, {"versions": ["1.0", "1.39.0"]}, {"check": "local"}])
def test_an_entry_may_say_more_precisely_what_it_names(changes: dict[str, object]) -> None:
    """The twin: the same fields, with the row's own values."""
    assert [r.verdict for r in apply([row()], [entry(**changes)])] == [Verdict.KNOWN]


def test_a_divergence_that_vanished_fails_the_run() -> None:
    """The list would go stale in silence; a row says which entry to take off."""
    conforming = row(verdict=Verdict.CONFORMS, reason="", culprit="")
    found = list(apply([conforming], [entry()]))
    assert found[0] == conforming
    assert found[1].verdict == Verdict.DIVERGES
    assert found[1].reason.startswith("listed divergence vanished: ")
    assert (found[1].tensor, found[1].node, found[1].version) == ("grad/x", "abs", "1.39.0")
    assert status_of(found, absent=False) == 1


def test_it_need_not_happen_in_every_row_that_the_entry_covers() -> None:
    """One dtype in which it happens is enough."""
    conforming = row(dtype="float64", verdict=Verdict.CONFORMS, reason="")
    assert [r.verdict for r in apply([conforming, row()], [entry()])] == [Verdict.CONFORMS, Verdict.KNOWN]


@pytest.mark.parametrize(("listed", "happens"), [("diverges", "missing"), ("missing", "diverges")])
def test_a_divergence_that_turns_into_another_is_news(listed: str, happens: str) -> None:
    """A tensor that is listed as wrong and is now missing fails the run, and the reverse."""
    assert [r.verdict for r in apply([row(verdict=listed)], [entry(verdict=listed)])] == [Verdict.KNOWN]
    found = list(apply([row(verdict=happens)], [entry(verdict=listed)]))
    assert found[0] == row(verdict=happens)
    assert status_of(found, absent=False) == 1


@pytest.mark.parametrize("verdict", ["crashed", "unsupported"])
def test_a_crash_is_never_known(verdict: str) -> None:
    """A framework that does not come up has no tensors, so no entry covers its row."""
    lost = row(tensor="", node="", kind="", verdict=verdict)
    assert list(apply([lost], [entry()])) == [lost]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "holds a dict; expected a list"),
        ("", "holds a NoneType; expected a list"),
        ("- [", ""),
        ("- &a {<<: *a}", ""),
        ("- 2024-99-99", ""),
        ("- !!python/object:os.system {}", ""),
        ("- abs", "entry 1: "),
        ("- {spec: a, tensor: b, framework: c, reason: this is a long enough reason}", "entry 1: link: "),
        ("- {spec: a, tensor: b, framework: c, link: abc, reason: short}", "entry 1: reason: "),
        (
            "- {spec: a, tensor: b, framework: c, link: abc, reason: this is a long enough reason, tolerance: 3}",
            "entry 1: tolerance: ",
        ),
        (
            "- {spec: a, tensor: b, framework: c, link: abc, reason: this is a long enough reason, versions: [7.0]}",
            "entry 1: versions.0: ",
        ),
    ],
)
def test_a_malformed_file_is_named_with_its_fault(tmp_path: Path, text: str, said: str) -> None:
    """One error with the file in it, whatever the file holds."""
    path = tmp_path / "nnabla.yaml"
    path.write_text(text)
    with pytest.raises(KnownError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a folder called like a file."""
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KnownError, match=r"a\.yaml"):
        load(tmp_path)
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "b.yaml").mkdir()
    with pytest.raises(KnownError, match=r"b\.yaml"):
        load(tmp_path)


def test_all_files_of_a_folder_are_read(tmp_path: Path) -> None:
    """In the order of their names; other files are not theirs."""
    line = "- {spec: %s, tensor: b, framework: c, link: abc, reason: this is a long enough reason}"
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(line % name)
    (tmp_path / "README.md").write_text("not YAML: [")
    assert [e.spec for e in load(tmp_path)] == ["a", "b"]


def test_the_lists_that_come_along_are_well_formed() -> None:
    """Every entry of specs/known has a reason and a link."""
    for listed in load(paths.specs_folder() / "known"):
        assert len(listed.reason) >= 20
