"""What a report knows of a run besides its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FrameworkInfo:
    """One framework that took part, as its own interpreter described it.

    adapter: its environment, such as `chainer-6.3`; cpu, platform: of the machine that captured.
    """

    name: str
    version: str
    python: str
    numpy: str
    threads: int
    interpreter: str
    adapter: str = ""
    cpu: str = ""
    platform: str = ""


@dataclass(frozen=True)
class NetworkInfo:
    """One network that was run. nodes: pairs of name and operator, in the order of computation; seed: of its draws.

    edges: pairs of what is read, an input or a node, and the node that reads it.
    """

    name: str
    about: str
    path: str
    nodes: Sequence[tuple[str, str]]
    seed: int = 0
    edges: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class RunInfo:
    """The manifest of a run.

    command: how to run it again; started: ISO 8601; seconds: wall time; seed: the one asked for,
    None for each network's own. revision: of the harness in git; known: digest of the listed divergences; problems:
    pairs of `<spec>.<dtype>.<values>` and digest; absent: pairs of adapter and why it could not run.
    """

    command: str
    started: str
    seconds: float
    seed: int | None
    harness_version: str
    platform: str
    python: str
    cores: int
    networks: Sequence[NetworkInfo]
    frameworks: Sequence[FrameworkInfo]
    revision: str = ""
    known: str = ""
    problems: Sequence[tuple[str, str]] = ()
    absent: Sequence[tuple[str, str]] = ()

    def to_json(self) -> str:
        """The text of `run.json`."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunInfo:
        """The manifest that `to_json` wrote. Raises ValueError where the text is not one."""
        try:
            return cls._from_fields(json.loads(text))
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"run.json: {error}; expected the manifest that this version writes; run it again"
            ) from error

    @classmethod
    def _from_fields(cls, given: Mapping[str, Any]) -> RunInfo:
        networks = tuple(
            NetworkInfo(**(network | {key: tuple(map(tuple, network.get(key, ()))) for key in ("nodes", "edges")}))
            for network in given["networks"]
        )
        frameworks = tuple(FrameworkInfo(**framework) for framework in given["frameworks"])
        pairs = {key: tuple(map(tuple, given.get(key, ()))) for key in ("problems", "absent")}
        given = {key: value for key, value in given.items() if key != "files"}
        return cls(**(given | {"networks": networks, "frameworks": frameworks} | pairs))
