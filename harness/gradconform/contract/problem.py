"""A problem folder: written when it is drawn, opened and checked when it is judged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import save_file

from gradconform.contract.files import (
    Array,
    ContractError,
    Tensors,
    digest,
    explained,
    read_document,
    sound_digest,
    write_whole,
)
from gradconform.contract.forms import Claim, ProblemForm

# What a graph is told apart by: prose and the place of a file are not part of it.
_PROSE = ("about", "source", "digest", "claims")
_STORED = {"float32": "F32", "float64": "F64", "int64": "I64"}


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
    def digest(self) -> str:
        """The digest that a capture repeats."""
        return str(self.document["digest"])

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
    def claims(self) -> tuple[Claim, ...]:
        """The printed results to be held against what is captured."""
        return tuple(map(Claim.model_validate, self.document.get("claims", ())))

    @property
    def script(self) -> tuple[Mapping[str, Any], ...]:
        """The steps of a behaviour; empty for a plain network."""
        return tuple(self.document.get("script", ()))

    @property
    def asks(self) -> tuple[str, ...]:
        """What is asked for when the script is done."""
        return tuple(self.document.get("asks", ()))

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


def fingerprint(document: Mapping[str, Any]) -> str:
    """A digest of the graph, kept in problem.safetensors: the digest of that file then speaks of the graph too."""
    graph = {key: value for key, value in document.items() if key not in _PROSE}
    return hashlib.sha256(json.dumps(graph, sort_keys=True).encode()).hexdigest()


def write_problem(folder: Path, document: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
    """Write a problem folder; `problem.json` last, so that a folder with it is whole. Raises ContractError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    partial, whole = folder / "problem.safetensors.partial", folder / "problem.safetensors"
    contiguous = {name: np.asarray(a, order="C") for name, a in tensors.items()}
    try:
        save_file(contiguous, str(partial), metadata={"graph": fingerprint(document)})
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise ContractError(f"{whole}: cannot be written ({error})") from error
    os.replace(partial, whole)
    write_whole(folder / "problem.json", json.dumps({**document, "digest": digest(whole)}, indent=1))


def read_problem(folder: Path, *, verify: bool = False) -> Problem:
    """Open a problem folder. Raises ContractError.

    verify: read all of it once, to see that it is what was drawn.
    """
    path = folder / "problem.json"
    document = read_document(path)
    try:
        form = ProblemForm.model_validate(document)
    except ValidationError as error:
        raise ContractError(f"{path}: {explained(error)}") from error
    roles = (("input", form.inputs), ("parameter", form.parameters), ("buffer", form.buffers))
    given = {t.name: (role, t.shape, t.dtype, t.grad) for role, tensors in roles for t in tensors}
    nodes = tuple(
        ProblemNode(n.name, n.op, dict(n.tensors), n.attributes, tuple((o.name, o.shape) for o in n.outputs))
        for n in form.nodes
    )
    problem = Problem(folder, document, given, nodes)
    mistake = next(_graph_mistakes(form, nodes), None) or next(_number_mistakes(problem), None)
    if mistake is not None:
        raise ContractError(f"{path}: {mistake}")
    if verify:
        _verify(problem)
    return problem


def _graph_mistakes(form: ProblemForm, nodes: tuple[ProblemNode, ...]) -> Iterator[str]:
    known: set[str] = set()
    for name in [t.name for t in form.inputs + form.parameters + form.buffers]:
        if name in known:
            yield f"{name!r} is defined twice"
        known.add(name)
    readable = set(known)
    buffers = {t.name for t in form.buffers}
    for node in nodes:
        unknown = [name for name in node.reads if name not in readable]
        if unknown:
            yield f"node {node.name}: reads {unknown[0]!r}, which no input, parameter, buffer or earlier node gives"
        for place, (name, _) in enumerate(node.outputs):
            # An updated running statistic is called like the buffer that it updates.
            if name in known and (place == 0 or name not in buffers):
                yield f"node {node.name}: {name!r} is defined twice"
            known.add(name)
        if node.outputs[0][0] != node.name:
            yield f"node {node.name}: its first output is called {node.outputs[0][0]!r}; expected the node's name"
        readable.add(node.name)
    if form.output not in {node.name for node in nodes}:
        yield f"output is {form.output!r}; expected the name of a node"


def _number_mistakes(problem: Problem) -> Iterator[str]:
    expected = {f"value/{name}": (_STORED[dtype], shape) for name, (_, shape, dtype, _) in problem.given.items()}
    shape = next(n.outputs[0][1] for n in problem.nodes if n.name == problem.output)
    expected[f"cotangent/{problem.output}"] = (_STORED[problem.dtype], shape)
    for name, wanted in expected.items():
        if name not in problem.tensors:
            yield f"problem.safetensors has no {name}"
        elif problem.tensors.form(name) != wanted:
            yield f"problem.safetensors has {problem.tensors.form(name)} for {name}; expected {wanted}"


def _verify(problem: Problem) -> None:
    path = problem.folder / "problem.safetensors"
    if sound_digest(path) != problem.digest:
        raise ContractError(f"{path}: damaged (its digest differs from problem.json's); draw the problem again")
    if problem.tensors.metadata.get("graph") != fingerprint(problem.document):
        place = problem.folder / "problem.json"
        raise ContractError(f"{place}: the graph is not the one that was drawn; draw it again")
