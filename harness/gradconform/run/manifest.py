"""What a report says of the run besides its rows: which networks, which frameworks, when, and how to run it again."""

from __future__ import annotations

import hashlib
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from gradconform.capture.machine import cpu_of
from gradconform.contract import ContractError, Problem, read_problem
from gradconform.contract.folder import Folder, framework_documents
from gradconform.contract.names import CaptureName
from gradconform.contract.run import FrameworkInfo, NetworkInfo, RunInfo
from gradconform.paths import checkout_root, specs_folder
from gradconform.run.processes import cores
from gradconform.version import __version__


class Clock:
    """When a run began; made at its start."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        """The wall time since the run began, in seconds."""
        return round(time.monotonic() - self._begin, 1)


def manifest(
    folders: Sequence[Folder], clock: Clock, seed: int | None, absent: Sequence[tuple[str, str]] = ()
) -> RunInfo:
    """The manifest of a run whose problems and captures lie in these folders.

    seed: what the user asked for, or None for each spec's own.
    absent: pairs of adapter and why it could not run.
    """
    digests, networks = _described(folders)
    return RunInfo(
        command=shlex.join(["gradconform", *sys.argv[1:]]),
        started=clock.started,
        seconds=clock.seconds,
        seed=seed,
        harness_version=__version__,
        platform=platform.platform(),
        python=platform.python_version(),
        cores=cores(),
        networks=networks,
        frameworks=tuple(_frameworks(folders)),
        revision=revision(),
        known=_known(),
        problems=tuple(sorted(digests.items())),
        absent=tuple(absent),
    )


def revision() -> str:
    """The git revision of the checkout, with `-dirty` where files differ from it; empty outside of one."""
    root = checkout_root()
    if root is None or not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _known() -> str:
    """A digest of what decides between `known` and `diverges`: specs/known and the recorded conventions."""
    folders = (specs_folder() / "known", specs_folder() / "semantics" / "conventions")
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def _problems(folders: Sequence[Folder]) -> Iterator[Problem]:
    """All problems of the folders that can be read; the judge speaks of the others."""
    for folder in folders:
        for path, _ in folder.found():
            with suppress(ContractError):
                yield read_problem(path)


def _described(folders: Sequence[Folder]) -> tuple[dict[str, str], tuple[NetworkInfo, ...]]:
    """The digest of each problem, and what each network is; every problem is read once and let go."""
    digests: dict[str, str] = {}
    networks: dict[str, NetworkInfo] = {}
    for problem in _problems(folders):
        digests[f"{problem.spec}.{problem.dtype}.{problem.document['values']}"] = problem.digest
        # The exact variant of a network may leave off its last nodes.
        known = networks.get(problem.spec)
        if known is None or len(problem.nodes) > len(known.nodes):
            networks[problem.spec] = _network(problem)
    return digests, tuple(networks.values())


def _network(problem: Problem) -> NetworkInfo:
    return NetworkInfo(
        problem.spec,
        str(problem.document["about"]),
        str(problem.document.get("source", problem.spec)),
        tuple((n.name, n.op) for n in problem.nodes),
        int(problem.document["seed"]),
        tuple(_edges(problem)),
    )


def _edges(problem: Problem) -> Iterator[tuple[str, str]]:
    """The edges of a problem's graph: what is read, an input or a node, and who reads it.

    Parameters belong to their node.
    """
    inputs = {leaf.name for leaf in problem.graph.leaves.values() if leaf.role == "input"}
    drawn = {node.name for node in problem.nodes} | inputs
    for node in problem.nodes:
        yield from ((name, node.name) for name in dict.fromkeys(node.reads) if name in drawn)


def _frameworks(folders: Sequence[Folder]) -> list[FrameworkInfo]:
    infos: dict[str, FrameworkInfo] = {}
    for folder in folders:
        for name, document in framework_documents(folder).items():
            if CaptureName.read(name).route:
                continue  # the same framework, asked in another way
            # Where several machines captured, each framework's folder says on which.
            cpu = cpu_of(folder.root / "captures" / name) or cpu_of(folder.root)
            described = {key: str(document.get(key) or "?") for key in ("version", "python", "numpy", "interpreter")}
            threads = document.get("threads")
            infos[name] = FrameworkInfo(
                name=str(document.get("framework") or name),
                threads=threads if isinstance(threads, int) else 0,
                adapter=name,
                cpu=cpu,
                platform=str(document.get("platform") or "?"),
                **described,
            )
    return list(infos.values())
