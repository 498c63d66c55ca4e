"""What the specs of one pytest session share: which files they are, adapters, problems and captures, the report.

This file, `plugin.py` and `items.py` are imported at every start of pytest, so all else is imported when a spec was
found.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradconform.capture.choice import Choice
    from gradconform.draw.variants import Variant
    from gradconform.judge.conventions import Conventions
    from gradconform.judge.known import Known
    from gradconform.rows import Row
    from gradconform.spec import Network
    from gradconform.testing.captures import Batches

SUFFIXES = (".yaml", ".yml")
# A spec is told from other people's YAML by two of these keys, and `about` or a node's `op`.
LANGUAGE = {b"about", b"inputs", b"nodes", b"operator", b"cases", b"behaviours"}
_KEY = re.compile(rb"""(?m)^["']?([a-z]+)["']?[ \t]*:""")
_NODE = re.compile(rb"""[\s{,]["']?(?:op|block)["']?[ \t]*:""")
MOST_BYTES = 2**20
WORK = "gradconform_work"
"""Under this name xdist's workers are told the folder that they share."""


def looks_like_a_spec(path: Path) -> bool:
    """Whether a file has the keys of a spec, with `about` or an `op` in a node, which other tools' YAML has not."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES)
    except OSError:
        return False
    keys = LANGUAGE.intersection(_KEY.findall(text))
    return len(keys) > 1 and (b"about" in keys or (b"nodes" in keys and _NODE.search(text) is not None))


class Run:
    """What the specs of one pytest session share."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        # What xdist told this process, if it is one of its workers.
        from_xdist: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.named: list[str] = config.getoption("gradconform_adapter") or config.getini("gradconform_adapters")
        out = config.getoption("gradconform_out")
        self.out = Path(config.invocation_params.dir, out) if out else None
        self.shared = from_xdist is not None and WORK in from_xdist
        beside = self.out.parent if self.out else Path(tempfile.gettempdir())
        own = beside.resolve() / f".gradconform-{os.urandom(16).hex()}"
        self.place = Path(from_xdist[WORK]) if from_xdist and self.shared else own
        self.rows: dict[str, list[Row]] = {}
        self.clock: Any = None
        self._files: dict[str, Path] = {}
        self._recorded: dict[Path, Conventions] = {}
        self._globbed: set[Path] | None = None
        self._choices: list[Choice] | None = None
        self._known: list[Known] | None = None
        self._batches: Batches | None = None
        self.writes = self.out is not None and from_xdist is None

    def begin(self) -> None:
        """Note the time, and find out before hours of work whether a report can be written. Raises UsageError."""
        from gradconform.run.manifest import Clock

        self.clock = Clock()
        try:
            self.work()
            if self.out is not None and self.out.exists():
                tempfile.TemporaryFile(dir=self.out).close()
        except OSError as error:
            raise pytest.UsageError(f"--gradconform-out {self.out}: {error.strerror or error}") from error

    def is_spec(self, path: Path, parent: pytest.Collector, *, taken: bool) -> bool:
        """Whether a file is a spec.

        One that was named is, unless another plugin took it; others by the globs that are set, or else by their keys.
        """
        if parent.session.isinitpath(path):
            return not taken or looks_like_a_spec(path)
        globs = self.config.getini("gradconform_specs")
        if not globs:
            return looks_like_a_spec(path)
        if self._globbed is None:
            self._globbed = {found for glob in globs for found in self.config.rootpath.glob(glob)}
        return path in self._globbed

    def take_name(self, network: Network) -> None:
        """A network's name stands for it in reports and lists, so no other file may use it. Raises ContractError."""
        from gradconform.contract import ContractError

        first = self._files.setdefault(network.name, network.path)
        if first != network.path:
            raise ContractError(
                f"{network.path}: is called {network.name!r} like {first}; give one of them another `name`"
            )

    def choices(self) -> list[Choice]:
        """The adapters of this session, chosen once. Raises AdapterError."""
        if self._choices is None:
            from gradconform.capture.choice import choices

            self._choices = choices(self.named)
        return self._choices

    def marked(self, rows: list[Row], network: Network) -> list[Row]:
        """The rows of a network, those of recorded conventions marked. Raises KnownError."""
        from gradconform.judge import conventions

        folder = network.path.parent
        if network.script and folder not in self._recorded:
            self._recorded[folder] = conventions.load(folder)
        return list(conventions.apply(rows, self._recorded.get(folder, {})))

    def known(self) -> list[Known]:
        """The listed divergences: those that come along, and those of the configuration. Raises KnownError."""
        from gradconform.judge.lists import load, shipped

        if self._known is None:
            own = self.config.getini("gradconform_known")
            self._known = [*shipped(), *(entry for folder in own for entry in load(folder))]
        return self._known

    def work(self) -> Path:
        """The folder of problems and captures, made at its first use; xdist's workers share it. Raises OSError."""
        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.place

    def batches(self, selected: Iterable[tuple[Choice, Variant]]) -> Batches:
        """Problems and captures of every selected test."""
        if self._batches is None:
            from gradconform.testing.captures import Batches

            wanted: dict[Any, list[Variant]] = {}
            for choice, variant in selected:
                if choice.adapter is not None:
                    wanted.setdefault(choice.adapter, []).append(variant)
            self._batches = Batches(self.work(), wanted)
        return self._batches

    def close(self) -> None:
        """End what the session runs in the background."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def remove(self) -> None:
        """Remove the folder that this process made."""
        if not self.shared:
            shutil.rmtree(self.place, ignore_errors=True)

    def report(self) -> str:
        """Write the report of what ran, and say where it is. Raises OSError."""
        from dataclasses import replace

        from gradconform.capture.adapters import AdapterError
        from gradconform.contract import ContractError
        from gradconform.contract.folder import Folder
        from gradconform.report.summary import Summary
        from gradconform.report.write import write
        from gradconform.run.manifest import manifest

        try:
            absent = [(choice.name, choice.absent) for choice in self.choices() if choice.adapter is None]
            info = manifest([Folder(self.work())], self.clock, None, absent)
        except (ContractError, AdapterError):
            return f"no report in {self.out}: no spec was run"
        command = shlex.join(["pytest", *map(str, self.config.invocation_params.args)])
        assert self.out is not None
        rows = [row for of_test in self.rows.values() for row in of_test]
        write(Summary.of(rows, replace(info, command=command)), self.out)
        return f"report: {self.out / 'index.html'}"


RUN: pytest.StashKey[Run] = pytest.StashKey()
