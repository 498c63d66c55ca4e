"""Files of known divergences: all of a folder are read, and what is malformed is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradconform.judge.known import KnownError
from gradconform.judge.lists import load
from gradconform.judge.versions import checked, within

NET = "about: One node.\ninputs: {x: {shape: [2]}}\nnodes: {y: {op: softplus}}\n"
CASES = "operator: softplus\nabout: Two.\ncases: {a: {x: {shape: [2]}}, b: {x: {shape: [3]}}}\n"
GOOD = (
    "{framework: c, operator: softplus, tensor: output, at_most: anything, shows: {in: net.yaml}, link: abc, "
    "reason: this is a long enough reason}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for lists, with networks below it."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.yaml").write_text(NET)
    (tmp_path / "nets" / "cases.yaml").write_text(CASES)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    """A list in the folder."""
    path = folder / "nnabla.yaml"
    path.write_text(text.replace("net.yaml", "nets/net.yaml"))
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "holds a dict; expected a list"),
        ("", "holds a NoneType; expected a list"),
        ("- [", ""),
        ("- &a {<<: *a}", ""),
        ("- 2024-99-99", ""),
        ("- !!python/object:os.system {}", ""),
        ("- abs", "1: entry 1: "),
        (f"- {GOOD}\n# more\n- {{spec: a, tensor: b}}", "3: entry 2: "),
        (f"- {GOOD}".replace("link: abc, ", ""), "1: entry 1: link: "),
        (f"- {GOOD}".replace("this is a long enough reason", "short"), "entry 1: reason: "),
        (f"- {GOOD}".replace("at_most: anything, ", ""), "entry 1: at_most"),
        (f"- {GOOD}".replace("link", "tolerance: 3, link"), "entry 1: tolerance: "),
        (f"- {GOOD}".replace("link", "versions: [7.0], link"), "entry 1: versions"),
        (f"- {GOOD}".replace("link", "versions: newer than 7, link"), "is no range of versions; expected '1.39.0'"),
        (f"- {GOOD}".replace("softplus", "softplux"), "no operator 'softplux'; did you mean 'softplus'?"),
        (f"- {GOOD}".replace("tensor: output", "tensor: grad/w"), "softplus has no tensor 'grad/w'; expected one of"),
        (f"- {GOOD}".replace("link", "attributes: {dim: 1}, link"), "softplus has no attribute 'dim'"),
        (f"- {GOOD}".replace("link", "when: {of: w, above: 1}, link"), "softplus has no operand 'w'; expected"),
        (f"- {GOOD}".replace("link", "when: {of: x}, link"), "0 of above, below, between and is; expected exactly one"),
        (f"- {GOOD}".replace("link", "when: {of: x, each: row, above: 1}, link"), "each row has no measure 'value'"),
        (f"- {GOOD}".replace("link", "when: {of: x, between: [2, 1]}, link"), "expected the smaller end first"),
        (f"- {GOOD}".replace("link", "when: {of: dy, above: 2}, link"), "an output does not depend on dy"),
        (f"- {GOOD}".replace("anything", "{relative: 1, ratio: 2}"), "2 of relative, roundoffs, ratio and in_place_of"),
        (f"- {GOOD}".replace("anything", "{in_place_of: zero}"), "entry 1: at_most"),
        (f"- {GOOD}".replace("anything", "{in_place_of: nan, times: window}"), "in_place_of has no size"),
        (f"- {GOOD}".replace("anything, ", "{in_place_of: nan}, check: numeric, "), "check numeric has rows"),
        (
            f"- {GOOD}".replace("anything", "{relative: 1, times: window}"),
            "grows with the window, and softplus has none",
        ),
        (f"- {GOOD}".replace("anything", "{relative: 1, times: measure}"), "there is no `when` that measures"),
        (f"- {GOOD}".replace("net.yaml", "gone.yaml"), "1: entry 1: shows: "),
        (f"- {GOOD}".replace("in: net.yaml", "in: net.yaml, as: nut"), "has no network 'nut'; did you mean 'net'?"),
        (f"- {GOOD}".replace("net.yaml", "nets/cases.yaml"), "cases.yaml has 2 networks; say which with `as`"),
    ],
)
def test_a_malformed_file_is_named_with_its_fault(folder: Path, text: str, said: str) -> None:
    """One error with the file and the line in it, whatever the file holds."""
    path = written(folder, text)
    with pytest.raises(KnownError) as caught:
        load(folder)
    assert str(caught.value).startswith(f"{path}:")
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


def test_all_files_of_a_folder_are_read(folder: Path) -> None:
    """In the order of their names; other files are not theirs. A network is found from the folder of the list."""
    for name in ("b", "a"):
        line = GOOD.replace("framework: c", f"framework: {name}").replace("net.yaml", "nets/net.yaml")
        (folder / f"{name}.yaml").write_text(f"- {line}")
    (folder / "README.md").write_text("not YAML: [")
    entries = load(folder)
    assert [entry.framework for entry in entries] == ["a", "b"]
    assert entries[0].shows.file == folder / "nets" / "net.yaml"


@pytest.mark.parametrize(
    ("version", "inside", "outside"),
    [
        ("1.39.0", ["1.39.0", "1.39", "1.32 to 1.39", "from 1.9", "up to 1.39"], ["1.38", "from 1.40", "up to 1.9"]),
        ("2.13.0+cpu", ["2.13.0", "2.12 to 3"], ["2.13.1", "0.1 to 2.12"]),
        ("7.0.0.post1", ["7.0.0.post1", "7.0.0", "6.3 to 7.0"], ["7.0.0.post2", "7.1 to 7.8"]),
    ],
)
def test_ranges_of_versions(version: str, inside: list[str], outside: list[str]) -> None:
    """Both ends belong to a range, and an end of two numbers has every third one."""
    assert all(within(version, checked(text)) for text in inside)
    assert not any(within(version, checked(text)) for text in outside)
