"""Second captures: where several readers of a tensor are blamed, the problem once more with an identity before each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from gradconform.capture import worker
from gradconform.capture.adapters import Adapter
from gradconform.capture.together import Capturing, Progress
from gradconform.contract import ContractError, read_document, read_problem, write_whole
from gradconform.contract.apart import FOLDER, separated
from gradconform.contract.folder import Folder
from gradconform.judge.apart import wanted
from gradconform.rows import Blame, Row


def joint(rows: Sequence[Row]) -> list[Row]:
    """The rows in which several readers are blamed together: without any there is nothing to capture again.

    What a list knows needs nobody told apart.
    """
    return [row for row in rows if row.blame == Blame.JOINT and row.verdict.wrong]


def task(problem: Path, capture: Path, rows: Sequence[Row], at: Path | None = None) -> worker.Task | None:
    """What a worker is to do so that the readers can be told apart; None where nobody is blamed with another.

    problem, capture: folders of a problem and of its primary capture in one framework. rows: what the judge says of
    the problem. at: where the second capture is made; by default in its place, below the first. Its problem.json is
    written there. None, too, where it was made before.
    """
    if not joint(rows) or (capture / FOLDER / "capture.json").exists():
        return None
    head: Mapping[str, object] = {}
    with suppress(ContractError):
        head = read_document(capture / "capture.json")
    made_by = tuple(head.get(key) for key in ("framework", "version", "route"))
    read = read_problem(problem)
    names = wanted([row for row in rows if (row.framework, row.version, row.route) == made_by], read)
    if not names:
        return None
    folder = at or capture / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "problem.json", json.dumps(separated(read, names).document, indent=1))
    return worker.Task(problem, folder, read.digest, apart=folder)


def capture(
    folder: Folder,
    judged: Mapping[str, Sequence[Row]],
    adapters: Sequence[Adapter],
    how: Capturing,
    progress: Progress,
) -> list[str]:
    """Make the second captures of some problems, and say of which.

    judged: variant -> what the judge says of its first captures.
    """
    made = dict[str, None]()
    doubtful = {name: rows for name, rows in judged.items() if joint(rows)}
    for adapter in adapters if doubtful else ():
        asked = {
            found: name
            for name, rows in doubtful.items()
            if (found := task(folder.problem(name), folder.capture(adapter.name, name), rows))
        }
        if asked:
            stage = f"{adapter.name} apart"
            worker.capture(
                adapter,
                list(asked),
                job_folder=folder.root / "jobs" / stage.replace(" ", "-"),
                threads=how.threads,
                limits=how.limits,
                also=(),
            )
            progress(stage, len(asked), len(asked))
            made.update(dict.fromkeys(asked.values()))
    return list(made)
