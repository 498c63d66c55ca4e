"""The folder of a run: `problems/<variant>/` and `captures/<adapter>/<variant>/`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gradconform.contract.files import ContractError, read_document
from gradconform.contract.names import CaptureName
from gradconform.contract.problem import read_problem


@dataclass
class Folder:
    """The folder of a run, with `problems/<variant>/` and `captures/<adapter>/<variant>/` in it.

    root: where it is.
    digests: variant -> digest of its problem, of those that were drawn into this folder.
    """

    root: Path
    digests: dict[str, str] = field(default_factory=dict)

    def problem(self, variant: str) -> Path:
        """The folder of the problem of a variant."""
        return self.root / "problems" / variant

    def capture(self, adapter: str, variant: str) -> Path:
        """The folder of the capture that an adapter makes of a variant."""
        return self.root / "captures" / adapter / variant

    def found(self) -> Iterator[tuple[Path, dict[str, Path]]]:
        """Every problem that is in the folder of a run: (problem, adapter -> capture), each as its folder.

        An adapter that has captured any of them is expected to have captured them all: a capture that is not there is
        somebody's loss, and the judge says so; so is a problem without its `problem.json`, or a capture without its
        problem. Raises ContractError where there are no problems or no captures.
        """
        adapters, here = _folders(self.root / "captures"), _folders(self.root / "problems")
        for what, found in (("problems", here), ("captures", adapters)):
            if not found:
                raise ContractError(f"{self.root}: holds no {what}; expected a folder that `gradconform capture` wrote")
        for name in here:
            yield self.problem(name), {adapter: self.capture(adapter, name) for adapter in adapters}
        known, alone = set(here), dict[str, dict[str, Path]]()
        for adapter in adapters:
            for name in _folders(self.root / "captures" / adapter):
                if name not in known:
                    alone.setdefault(name, {})[adapter] = self.capture(adapter, name)
        for name, captures in alone.items():
            yield self.problem(name), captures


def _folders(place: Path) -> list[str]:
    """The names of the folders in a folder, in their order; none where it is not there. A hundred thousand fit well."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())
    return []


def problem_beside(capture: Path) -> Path:
    """Where the problem of a capture lies in the same folder of a run, whether or not it is there."""
    return Folder(capture.parent.parent.parent).problem(capture.name)


def capture_documents(folder: Folder) -> Iterator[tuple[Path, dict[str, object]]]:
    """(file, document) of every capture that can be read, in the folder of a run; the judge speaks of the others."""
    for path in sorted((folder.root / "captures").glob("*/*/capture.json")):
        with suppress(ContractError):
            yield path, read_document(path)


def framework_documents(folder: Folder) -> dict[str, dict[str, object]]:
    """For each adapter of a run, what its first usable capture says of the framework and its interpreter."""
    documents: dict[str, dict[str, object]] = {}
    for path, document in capture_documents(folder):
        name = path.parent.parent.name
        if name not in documents or (document.get("version") and not documents[name].get("version")):
            documents[name] = document
    return documents


def numbers_in(problem: Path) -> int:
    """How many numbers the folder of a problem holds, roughly, without opening it; 0 where it cannot be read."""
    try:
        return (problem / "problem.safetensors").stat().st_size // 4
    except OSError:
        return 0


def joined(folders: Sequence[Folder]) -> list[tuple[Path, dict[str, Path]]]:
    """The problems of several folders of runs, with all their captures.

    A problem captured in two places, told by its digest, is judged once, from a copy that is not damaged; a second
    capture of torch is `torch#2`. A problem that cannot be read is a job of its own, which will be refused.
    """
    problems: dict[str, tuple[list[Path], dict[str, Path]]] = {}
    for root in {folder.root.resolve(): folder.root for folder in folders}.values():
        for problem, captures in Folder(root).found():
            try:
                key = read_problem(problem).digest
            except ContractError:
                key = str(problem)
            copies, place = problems.setdefault(key, ([], {}))
            copies.append(problem)
            for name, capture_folder in captures.items():
                called = CaptureName.read(name)
                alike = sum(CaptureName.read(other).numbered(1) == called for other in place)
                place[str(called.numbered(alike + 1))] = capture_folder
    return [(_whole_copy(copies), place) for copies, place in problems.values()]


def _whole_copy(copies: Sequence[Path]) -> Path:
    for copy in copies[:-1]:
        with suppress(ContractError):
            return read_problem(copy, verify=True).folder
    return copies[-1]
