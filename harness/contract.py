"""Problems and captures on disk: the whole interface between the harness and a framework (docs/contract.md)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Array = NDArray[Any]
FORMAT = 1


class ContractError(ValueError):
    """A problem or capture on disk cannot be used; the message says which file, what came and what was expected."""


class Tensors(Mapping[str, Array]):
    """The tensors of a safetensors file, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = safe_open(str(path), framework="numpy")  # type: ignore[no-untyped-call]
        except (OSError, SafetensorError) as error:
            raise ContractError(f"{path}: {error}; expected a safetensors file") from error
        self._names = frozenset(self._file.keys())

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        return np.asarray(self._file.get_tensor(name))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True)
class ProblemNode:
    """A node as `problem.json` has it; `tensors` maps slots to a name, a list of names, or None."""

    name: str
    op: str
    tensors: Mapping[str, Any]
    attributes: Mapping[str, Any]
    outputs: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the tensors it reads, one entry for each time."""
        reads: list[str] = []
        for name in self.tensors.values():
            reads.extend(name if isinstance(name, list) else [] if name is None else [name])
        return tuple(reads)


@dataclass(frozen=True)
class Problem:
    """A problem folder, opened. `given` maps inputs, parameters and buffers to (role, shape, dtype, grad)."""

    folder: Path
    document: Mapping[str, Any]
    given: Mapping[str, tuple[str, tuple[int, ...], str, bool]]
    nodes: tuple[ProblemNode, ...]

    @property
    def spec(self) -> str:
        """The name of the spec."""
        return str(self.document["spec"])

    @property
    def dtype(self) -> str:
        """The dtype under test."""
        return str(self.document["dtype"])

    @property
    def exact(self) -> bool:
        """Whether every tensor must agree to the bit."""
        return bool(self.document["values"] == "exact")

    @property
    def output(self) -> str:
        """The node that the cotangent is handed to."""
        return str(self.document["output"])

    @cached_property
    def tensors(self) -> Tensors:
        """The numbers."""
        return Tensors(self.folder / "problem.safetensors")

    def value(self, name: str) -> Array:
        """An input, parameter or buffer."""
        return self.tensors[f"value/{name}"]

    @property
    def cotangent(self) -> Array:
        """The gradient handed to the output."""
        return self.tensors[f"cotangent/{self.output}"]

    @cached_property
    def on_path(self) -> frozenset[str]:
        """Every tensor from which a path leads to the output."""
        reached = {self.output}
        for node in reversed(self.nodes):
            if node.name in reached:
                reached.update(node.reads)
        return frozenset(reached)

    @cached_property
    def differentiable(self) -> frozenset[str]:
        """Every tensor that a gradient is asked of, or that depends on one."""
        wanted = {name for name, (_, _, _, grad) in self.given.items() if grad}
        for node in self.nodes:
            if wanted.intersection(node.reads):
                wanted.add(node.name)
        return frozenset(wanted)


@dataclass(frozen=True)
class Capture:
    """A capture folder, opened: what one route of one framework gave for one problem."""

    folder: Path
    document: Mapping[str, Any]
    tensors: Mapping[str, Array] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.document[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def missing(self) -> Mapping[str, str]:
        """Tensor -> reason."""
        return dict(self.document.get("missing") or {})


def digest(path: Path) -> str:
    """`sha256:` and the hexadecimal digest of a file."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file under another name and rename it when it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(partial, path)


def write_problem(folder: Path, document: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
    """Write a problem folder; `problem.json` last, so that a folder with it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    partial, whole = folder / "problem.safetensors.partial", folder / "problem.safetensors"
    save_file({name: np.asarray(a, order="C") for name, a in tensors.items()}, str(partial))
    os.replace(partial, whole)
    write_whole(folder / "problem.json", json.dumps({**document, "digest": digest(whole)}, indent=1))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{path}: no such file; expected a whole problem or capture folder") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ContractError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ContractError(f"{path}: format is not {FORMAT}; it was written by another version of the contract")
    return document


def read_problem(folder: Path) -> Problem:
    """Open a problem folder. Raises ContractError."""
    document = _read_json(folder / "problem.json")
    try:
        given = {
            t["name"]: (role, tuple(t["shape"]), t["dtype"], bool(t["grad"]))
            for role, key in (("input", "inputs"), ("parameter", "parameters"), ("buffer", "buffers"))
            for t in document[key]
        }
        nodes = tuple(
            ProblemNode(
                n["name"], n["op"], {slot: name for slot, name in n["tensors"]}, n["attributes"],
                tuple((o["name"], tuple(o["shape"])) for o in n["outputs"]),
            )
            for n in document["nodes"]
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{folder / 'problem.json'}: malformed ({error!r})") from error
    return Problem(folder, document, given, nodes)


def read_capture(folder: Path, problem: Problem, *, verify: bool = True) -> Capture:
    """Open a capture folder and check that it is whole and answers this problem. Raises ContractError."""
    document = _read_json(folder / "capture.json")
    status = document.get("status")
    if status not in ("ok", "unsupported", "crashed"):
        raise ContractError(f"{folder / 'capture.json'}: status is {status!r}; expected ok, unsupported or crashed")
    if document.get("problem") not in (None, problem.document["digest"]):
        raise ContractError(f"{folder}: answers another problem (its digest differs); capture this one again")
    if status != "ok":
        return Capture(folder, document)
    path = folder / "capture.safetensors"
    if verify and (not path.exists() or digest(path) != document.get("digest")):
        raise ContractError(f"{path}: damaged or not whole (its digest differs from capture.json's)")
    return Capture(folder, document, Tensors(path))
