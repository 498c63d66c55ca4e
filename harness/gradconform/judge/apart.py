"""Which of several readers it was: read from a second capture, in which each has an identity before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gradconform.contract import Capture, ContractError, Problem, read_capture
from gradconform.contract.apart import FOLDER, edge, read_separated, reader_of
from gradconform.judge.judgement import Judgement
from gradconform.rows import Blame, CheckKind, Row, Verdict

Seen = Callable[[], Mapping[str, Row]]
"""The rows of the second capture by their tensors; empty where there is none that can be used."""


def second(problem: Problem, capture: Capture) -> tuple[Problem, Capture] | None:
    """The second capture that lies in the folder of a first one, with its problem; None where there is none."""
    folder = capture.folder / FOLDER
    if not (folder / "capture.json").exists():
        return None
    try:
        rewritten = read_separated(problem, folder)
        captured = read_capture(folder, rewritten)
    except ContractError:
        # It only says more of what the first one has shown; without it several are named.
        return None
    return (rewritten, captured) if captured.status == "ok" else None


def settled(judgement: Judgement, readers: Sequence[str], seen: Seen) -> Judgement:
    """The judgement of a gradient whose readers are blamed together, with those alone that the second capture shows.

    readers: of the tensor, in the order of the graph.
    """
    rows = seen()
    name = judgement.tensor.partition("/")[2]
    if any(not _is_identity(rows.get(f"output/{edge(name, reader)}"), edge(name, reader)) for reader in readers):
        return judgement
    parts = [rows[f"grad/{edge(name, reader)}"] for reader in readers]
    guilty = dict.fromkeys(reader_of(node) for row in parts for node in row.culprit.split())
    if guilty:
        return replace(judgement, culprits=" ".join(guilty), blame=Blame.APART)
    if any(row.verdict != Verdict.CONFORMS for row in parts):
        return judgement
    right = rows[judgement.tensor].verdict == Verdict.CONFORMS
    return replace(judgement, blame=Blame.FIRST if right else Blame.SUM)


def _is_identity(row: Row | None, name: str) -> bool:
    """Whether a node between a tensor and a reader gave its very numbers, or somebody else spoilt them later."""
    return row is not None and (row.verdict == Verdict.CONFORMS or row.culprit not in ("", name))


def wanted(rows: Iterable[Row], problem: Problem) -> list[str]:
    """The tensors of which it is not known which of their readers is to blame, by the rows of a primary capture."""
    checks = (CheckKind.LOCAL, CheckKind.EXACT)
    joint = [r for r in rows if r.blame == Blame.JOINT and r.check.kind in checks and r.tensor.startswith("grad/")]
    names = dict.fromkeys(row.tensor.partition("/")[2] for row in joint)
    return [name for name in names if len(problem.graph.readers.get(name, ())) > 1]
