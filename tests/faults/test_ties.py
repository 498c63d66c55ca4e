"""A network full of ties and kinks: each framework chooses as it likes, and all of them are right."""

from __future__ import annotations

from pathlib import Path

import faults
import pytest
from gradconform.capture import adapters, together
from gradconform.capture.together import Capturing
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.judge import judge
from gradconform.rows import Row, Verdict
from gradconform.spec import load
from twins import HERE

pytestmark = pytest.mark.process

# Where a framework does not choose as the reference does, which takes torch's choices.
PAIR = {"grad/relu1", "grad/relu2"}
OTHERWISE = {"torch": set(), "chainer": PAIR, "nnabla": {*PAIR, "grad/size", "grad/bounded"}}


def rows_of(framework: str, dtype: str, root: Path) -> list[Row]:
    """The rows that judge the network in one framework and dtype."""
    (network,) = load(HERE / "ties.yaml")
    variant, folder = Variant(network, dtype, "drawn"), Folder(root)
    problem = draw_problem(network, folder.problem(variant.name), dtype=dtype, values="drawn")
    folder.digests[variant.name] = str(problem.document["digest"])
    adapter = adapters.find(framework)
    together.capture(folder, [variant], [adapter], Capturing(), lambda stage, done, total: None)
    rows = judge(folder.problem(variant.name), {adapter.name: folder.capture(adapter.name, variant.name)})
    return [row for row in rows if row.verdict != Verdict.MEASURED]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("framework", faults.FRAMEWORKS)
def test_every_choice_at_a_kink_conforms(framework: str, dtype: str, tmp_path: Path) -> None:
    """And a row says so where it is another one than the reference's."""
    rows = rows_of(framework, dtype, tmp_path)
    if {row.verdict for row in rows} == {Verdict.UNSUPPORTED}:
        pytest.skip(f"{framework} has no {dtype}")
    assert {row.verdict for row in rows} == {Verdict.CONFORMS}
    assert {row.tensor for row in rows if row.reason == "subgradient"} == OTHERWISE[framework]
