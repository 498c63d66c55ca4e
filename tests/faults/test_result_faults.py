"""A node with several outputs that is wrong about one of them, in each framework: node and output are named."""

from __future__ import annotations

from pathlib import Path

import faults
import pytest
from gradconform.capture.together import Capturing
from gradconform.rows import Row, Verdict
from twins import Problems, rows_of, twin

pytestmark = pytest.mark.process

frameworks = pytest.mark.parametrize("framework", faults.FRAMEWORKS)
SPEC = "results"

HONEST = {"torch": "torch.unbind(x, dim)", "chainer": "F.separate(x, dim)", "nnabla": "F.split(x, axis=dim)"}
SWAPPED = """
def op_unbind(x, dim):
    first, second, third = {honest}
    return second, first, third
"""
# The second part comes out right, and sends nothing back.
CUT = """
def op_unbind(x, dim):
    first, second, third = {honest}
    return first, {cut}, third
"""
CUTS = {
    "torch": "second.detach()",
    "chainer": "chainer.as_variable(second.array)",
    "nnabla": "second.get_unlinked_variable(need_grad=False)",
}
# The second part comes out right, and its gradient arrives twice over.
TWICE = """
def op_unbind(x, dim):
    first, second, third = {honest}
    return first, second + second - {cut}, third
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Problems:
    """The network, drawn once."""
    return Problems.drawn(tmp_path_factory.mktemp("results"), [SPEC])


def found(framework: str, text: str, drawn: Problems, where: Path, how: Capturing | None = None) -> list[Row]:
    """The rows of a copy of an adapter with its unbind written anew."""
    written = text.format(honest=HONEST[framework], cut=CUTS[framework])
    folder = twin(framework, where, {"operators": written} if text else {})
    return rows_of(folder, [SPEC], drawn, where / "run", *([how] if how else []))


def wrong(rows: list[Row]) -> dict[str, str]:
    """Tensor -> culprit of every row that fails."""
    return {row.tensor: row.culprit for row in rows if row.verdict.wrong}


@frameworks
def test_an_honest_node_conforms(framework: str, drawn: Problems, tmp_path: Path) -> None:
    """The control: each result has a row with a number; the gradient of the one that nobody reads is on no path."""
    rows = found(framework, "", drawn, tmp_path)
    assert wrong(rows) == {}
    own = {row.tensor: str(row.reason) for row in rows if row.node == "parts" and row.verdict == Verdict.CONFORMS}
    assert own == {
        **{f"output/{name}": "" for name in ("parts", "parts.1", "parts.2")},
        **{"grad/parts": "", "grad/parts.1": "", "grad/parts.2": "not_on_path"},
    }


@frameworks
def test_results_in_another_order_are_the_nodes_fault(framework: str, drawn: Problems, tmp_path: Path) -> None:
    """Each of the two is wrong, and what it was computed from gets the gradient of the other."""
    assert wrong(found(framework, SWAPPED, drawn, tmp_path)) == {
        **{"output/parts": "parts", "output/parts.1": "parts", "grad/heads": "parts"},
    }


@frameworks
def test_a_result_that_is_cut_off_is_named(framework: str, drawn: Problems, tmp_path: Path) -> None:
    """What is behind it is missing because of the node, whose own backward cannot be looked at without it."""
    rows = found(framework, CUT, drawn, tmp_path)
    assert wrong(rows) == {"grad/gate": "parts", "grad/parts.1": "parts", "grad/heads": ""}
    assert {row.tensor: str(row.reason) for row in rows if row.verdict.wrong} == {
        **dict.fromkeys(("grad/gate", "grad/parts.1"), "graph_cut at parts"),
        "grad/heads": "needs grad/parts.1, which is missing",
    }


@frameworks
def test_a_gradient_that_arrives_twice_names_the_node(framework: str, drawn: Problems, tmp_path: Path) -> None:
    """All outputs are right; what unbind sends back is wrong in the place of the second."""
    assert wrong(found(framework, TWICE, drawn, tmp_path)) == {"grad/heads": "parts"}
