"""What a report says of the run besides its rows: which networks, which frameworks, when, and how to run it again."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness import __version__
from harness.contract import Problem, read_problem
from harness.judge import ROUTE
from harness.pipeline import Folder, cores, framework_documents

if TYPE_CHECKING:
    from harness.report import FrameworkInfo, NetworkInfo, RunInfo


class Clock:
    """When a run began; made at its start."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time since then."""
        return round(time.monotonic() - self._begin, 1)


def manifest(folders: Sequence[Folder], clock: Clock, seed: int | None) -> RunInfo:
    """The manifest of a run whose problems and captures lie in these folders.

    seed: what the user asked for, or None for each spec's own.
    """
    from harness.report import RunInfo

    return RunInfo(
        command=shlex.join(["gradconform", *sys.argv[1:]]), started=clock.started, seconds=clock.seconds, seed=seed,
        harness_version=__version__, platform=platform.platform(), python=platform.python_version(), cores=cores(),
        networks=tuple(_networks(folders)), frameworks=tuple(_frameworks(folders)),
    )  # fmt: skip


def _networks(folders: Sequence[Folder]) -> list[NetworkInfo]:
    from harness.report import NetworkInfo

    longest: dict[str, Problem] = {}
    for folder in folders:
        for path, _ in folder.found():
            problem = read_problem(path)
            # The exact variant of a network may leave off its last nodes.
            if problem.spec not in longest or len(problem.nodes) > len(longest[problem.spec].nodes):
                longest[problem.spec] = problem
    return [
        NetworkInfo(
            name, str(p.document["about"]), str(p.document.get("source", name)), tuple((n.name, n.op) for n in p.nodes),
            int(p.document["seed"]),
        )
        for name, p in longest.items()
    ]  # fmt: skip


def _frameworks(folders: Sequence[Folder]) -> list[FrameworkInfo]:
    from harness.report import FrameworkInfo

    infos: dict[str, FrameworkInfo] = {}
    for folder in folders:
        for name, document in framework_documents(folder).items():
            if ROUTE in name:
                continue  # the same framework, asked in another way
            told = {key: str(document.get(key) or "?") for key in ("version", "python", "numpy", "interpreter")}
            threads = document.get("threads")
            infos[name] = FrameworkInfo(
                name=str(document.get("framework") or name), threads=threads if isinstance(threads, int) else 0, **told
            )
    return list(infos.values())
