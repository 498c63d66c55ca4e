"""Twins of the real adapters: copies of their folders with one fault, captured and judged as any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture.together import Capturing
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.rows import Row
from gradconform.run import way
from gradconform.spec import load
from twin_adapter import append, copied

HERE = Path(__file__).parent
# The dtype that all three frameworks compute in, and the one with the wider bounds.
DTYPE, VALUES = "float32", "drawn"
PLAIN = Capturing()

# A route around the primary one: `run` calls it, `change` spoils what it read out.
ROUTE = """

import numpy as np

_honest = ROUTES[PRIMARY]


def _faulty(network, problem, tensors):
{run}
{change}
    return values, missing


ROUTES[PRIMARY] = _faulty
"""


@dataclass(frozen=True)
class Problems:
    """The drawn problems of the session, which every twin is given."""

    folder: Folder
    variants: dict[str, Variant]

    @classmethod
    def drawn(cls, root: Path, specs: Iterable[str], values: str = VALUES) -> Problems:
        """Draw one problem of each spec into `root`."""
        folder, found = Folder(root), {}
        for spec in specs:
            beside, shipped = HERE / f"{spec}.yaml", paths.specs_folder() / "networks" / f"{spec}.yaml"
            (network,) = load(beside if beside.exists() else shipped)
            found[spec] = variant = Variant(network, DTYPE, values)
            written = draw_problem(network, folder.problem(variant.name), dtype=DTYPE, values=values)
            folder.digests[variant.name] = str(written.document["digest"])
        return cls(folder, found)


def twin(framework: str, where: Path, changes: dict[str, str] | None = None) -> Path:
    """A copy of an adapter's folder below `where`, with a text appended to each file that `changes` names."""
    folder = copied(framework, where)
    for file, text in (changes or {}).items():
        append(folder, file, text)
    return folder


def rows_of(folder: Path, specs: Sequence[str], problems: Problems, where: Path, how: Capturing = PLAIN) -> list[Row]:
    """Capture problems with the adapter of a folder and judge them; once more where readers are blamed together."""
    where.mkdir()
    (where / "problems").symlink_to(problems.folder.root / "problems")
    captured = Folder(where, problems.folder.digests)
    wanted = [problems.variants[spec] for spec in specs]
    adapter = adapters.find(str(folder))
    with ThreadPoolExecutor(1) as here:
        return way.capture_and_judge(captured, wanted, [adapter], how, lambda stage, done, total: None, here)


def blame(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """Spec -> tensor -> culprit of every row that makes a run fail."""
    found: dict[str, dict[str, str]] = {}
    for row in (row for row in rows if row.verdict.wrong):
        found.setdefault(row.spec, {})[row.tensor] = row.culprit
    return found
