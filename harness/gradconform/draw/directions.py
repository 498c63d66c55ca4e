"""The directions of second order: random numbers for each leaf that a gradient is asked of."""

from __future__ import annotations

from pathlib import Path

from gradconform.contract import read_problem, second
from gradconform.draws import Draw, draw


def prepare(folder: Path) -> None:
    """Write the directions of one problem beside it, where it can have any: a script or an exact problem has none.

    folder: that of the problem. Raises ContractError.
    """
    problem = read_problem(folder)
    if problem.exact or problem.script:
        return
    seed = int(problem.document["seed"])
    directions = {
        name: draw(Draw(problem.graph.shape(name)), seed, f"direction/{name}", problem.dtype)
        for name in problem.graph.wanted
    }
    second.write(folder / second.FOLDER, directions)
