"""The files of the atlas: they are read whole, and what is wrong in one is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradconform.atlas import conditions, differences
from gradconform.atlas.differences import Kind
from gradconform.spec import SpecError

CONDITIONS = conditions.load()
NAMES = [each.name for each in CONDITIONS]

FILE = """\
about: "An edge."
operators:
  relu:
    zero: {at: "x is 0", x: [0.0, -1.0]}
"""
DIFFERENCES = """\
about: "What it does."
framework: torch
differences:
  - kind: convention
    says: "A sentence that is long enough."
    of:
      relu.zero: [grad/x]
"""


def mistakes_of_conditions(folder: Path, text: str) -> str:
    """What is said of a file of conditions."""
    (folder / "unary.yaml").write_text(text)
    with pytest.raises(SpecError) as found:
        conditions.load(folder)
    return str(found.value)


def test_every_family_has_conditions() -> None:
    """No two are called the same, and each says in words what it is."""
    assert len(CONDITIONS) >= 500
    assert len(set(NAMES)) == len(NAMES)
    assert len({each.family for each in CONDITIONS}) >= 15
    assert all(each.at for each in CONDITIONS)


def test_a_condition_is_one_node_with_literal_numbers(tmp_path: Path) -> None:
    """As written: the numbers of the file, a cotangent of ones, and the dtype float32."""
    (tmp_path / "unary.yaml").write_text(FILE)
    [condition] = conditions.load(tmp_path)
    assert (condition.name, condition.operator, condition.dtype) == ("relu.zero", "relu", "float32")
    assert len(condition.network.nodes) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  relu:", "  relo:", "unary.yaml:3: there is no operator 'relo'"),
        ("x: [0.0, -1.0]", "y: [0.0, -1.0]", "unary.yaml:4"),
        ("x: [0.0, -1.0]", "x: [0.0, -1.0], refused: perhaps", "unary.yaml:4: refused"),
        ('at: "x is 0", ', "", "unary.yaml:4: at"),
        ("x: [0.0, -1.0]", "x: [0.0, -1.0], slope: 0.1", "unary.yaml:4"),
        ('about: "An edge."', "", "unary.yaml"),
    ],
)
def test_a_mistake_in_a_condition_is_named_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The twin: one file, spoiled in one way."""
    assert old in FILE
    assert said in mistakes_of_conditions(tmp_path, FILE.replace(old, new))


def test_every_framework_differs_in_every_kind() -> None:
    """And no condition is left that nothing speaks of the name of."""
    known = differences.load(NAMES)
    assert {each.framework for each in known} == {"torch", "chainer", "nnabla"}
    for framework in ("torch", "chainer", "nnabla"):
        assert {each.kind for each in known if each.framework == framework} == set(Kind)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("relu.zero", "relu.zeros", "torch.yaml:7: there is no condition 'relu.zeros'"),
        ("[grad/x]", "[grad/x, grad/x]", "torch.yaml:7: grad/x of relu.zero stands in two places"),
        ("kind: convention", "kind: taste", "torch.yaml"),
        ("A sentence that is long enough.", "Short.", "torch.yaml"),
        ("    of:", "    link: ftp://example.org\n    of:", "torch.yaml"),
        ("[grad/x]", "[]", "torch.yaml"),
    ],
)
def test_a_mistake_in_a_difference_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    """The twin: one file, spoiled in one way, the good one before it."""
    (tmp_path / "torch.yaml").write_text(DIFFERENCES)
    assert len(differences.load(["relu.zero"], tmp_path)) == 1
    assert old in DIFFERENCES
    (tmp_path / "torch.yaml").write_text(DIFFERENCES.replace(old, new))
    with pytest.raises(SpecError) as found:
        differences.load(["relu.zero"], tmp_path)
    assert said in str(found.value)
