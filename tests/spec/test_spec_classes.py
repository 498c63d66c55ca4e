"""Integers that choose a class or a row of a table must choose one that is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradconform.spec import SpecError, load

SPEC = """\
name: choices
about: Targets among five classes.
inputs:
  i: {{shape: [3], {rows}}}
  t: {{shape: [3], {target}}}
nodes:
  table: {{op: embedding, x: i, num_embeddings: 4, embedding_dim: 5}}
  loss: {{op: cross_entropy, target: t, reduction: mean}}
"""


def _text(folder: Path, *, rows: str = "integers: [0, 4]", target: str = "integers: [0, 5]") -> Path:
    path = folder / "choices.yaml"
    path.write_text(SPEC.format(rows=rows, target=target), encoding="utf-8")
    return path


def test_every_choice_that_is_there_loads(tmp_path: Path) -> None:
    """The whole range, and a literal at both of its ends."""
    assert load(_text(tmp_path))
    assert load(_text(tmp_path, target="value: [0, 4, 2], kind: int64"))


@pytest.mark.parametrize(
    ("given", "line", "message"),
    [
        ({"target": "integers: [0, 6]"}, 8, "node loss: t holds integers from 0 to 5; expected 0 to 4"),
        ({"target": "value: [0, -1, 2], kind: int64"}, 8, "t holds integers from -1 to 2; expected 0 to 4"),
        ({"rows": "integers: [1, 5]"}, 7, "node table: i holds integers from 1 to 4; expected 0 to 3"),
    ],
)
def test_a_choice_that_is_not_there_is_a_problem(
    tmp_path: Path, given: dict[str, str], line: int, message: str
) -> None:
    """The node, the range that came and the range that there is."""
    with pytest.raises(SpecError) as caught:
        load(_text(tmp_path, **given))
    (problem,) = caught.value.mistakes
    assert problem.where.line == line
    assert message in str(problem)
