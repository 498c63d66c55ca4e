"""What a report knows of a run besides its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FrameworkInfo:
    """One framework that took part, as its own interpreter described it."""

    name: str
    version: str
    python: str
    numpy: str
    threads: int
    interpreter: str


@dataclass(frozen=True)
class NetworkInfo:
    """One network that was run. nodes: pairs of name and operator, in the order of computation; seed: of its draws."""

    name: str
    about: str
    path: str
    nodes: Sequence[tuple[str, str]]
    seed: int = 0


@dataclass(frozen=True)
class RunInfo:
    """The manifest of a run.

    command: how to run it again; started: ISO 8601; seconds: wall time; seed: the one asked for,
    None for each network's own.
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
            NetworkInfo(**(network | {"nodes": tuple((name, op) for name, op in network["nodes"])}))
            for network in given["networks"]
        )
        frameworks = tuple(FrameworkInfo(**framework) for framework in given["frameworks"])
        return cls(**(dict(given) | {"networks": networks, "frameworks": frameworks}))
