"""What a report knows of a run besides its rows: `run.json`, written by this version and read from any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gradconform.contract.files import explained

MANIFEST, ROWS = "run.json", "diff.parquet"
# What another version wrote and this one does not know of is let pass; what it did not write yet is empty.
_ANY_VERSION = ConfigDict(extra="ignore")


@dataclass(frozen=True, config=_ANY_VERSION)
class FrameworkInfo:
    """One framework that took part in a run, as its own interpreter described it.

    name, version: the framework's.
    python, numpy: the versions in its interpreter.
    threads: how many it used; 0 where the framework cannot tell.
    interpreter: the Python that ran it.
    adapter: its environment, such as `chainer-6.3`, which tells versions of one run apart.
    cpu, platform: of the machine that captured.
    """

    name: str
    version: str = ""
    python: str = ""
    numpy: str = ""
    threads: int = 0
    interpreter: str = ""
    adapter: str = ""
    cpu: str = ""
    platform: str = ""


@dataclass(frozen=True, config=_ANY_VERSION)
class NetworkInfo:
    """One network that was run.

    name, about, path: what it is called, what it is there for, and its file.
    nodes: pairs of name and operator, in the order of computation.
    seed: of its draws.
    edges: pairs of what is read, an input or a node, and the node that reads it.
    """

    name: str
    about: str = ""
    path: str = ""
    nodes: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    edges: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, config=_ANY_VERSION)
class RunInfo:
    """The manifest of a run, `run.json`. Whatever is not known is empty.

    command: how to run it again.
    started: when it began, ISO 8601, UTC.
    seconds: wall time.
    seed: the one that was asked for; None for each network's own.
    harness_version, platform, python, cores: of the process that judged.
    networks, frameworks: what was run, and in what.
    revision: of the harness in git.
    known: digest of the listed divergences.
    problems: pairs of `<spec>.<dtype>.<values>` and digest.
    absent: pairs of adapter and why it could not run.
    files: name -> digest of what was written beside the manifest.
    """

    command: str = ""
    started: str = field(kw_only=True)
    seconds: float = 0.0
    seed: int | None = None
    harness_version: str = ""
    platform: str = ""
    python: str = ""
    cores: int = 0
    networks: tuple[NetworkInfo, ...] = ()
    frameworks: tuple[FrameworkInfo, ...] = ()
    revision: str = ""
    known: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, compare=False)

    def to_json(self) -> str:
        """The manifest as the text of `run.json`."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunInfo:
        """The manifest that a text is, as any version wrote it. Raises ValueError where it is none."""
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            raise ValueError(f"{MANIFEST}: {explained(error)}; expected the manifest of a run") from error


UNKNOWN = RunInfo(started="")
"""Of rows of which nothing else is known."""
