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
from gradconform.dtypes import Dtype
from gradconform.graph import Graph, Leaf, Node, Output

# What a graph is told apart by: prose and the place of a file are not part of it.
_PROSE = ("about", "source", "digest", "claims")


@dataclass(frozen=True)
class Problem:
    """A problem folder, opened.

    folder: where it is.
    document: what `problem.json` says, checked.
    graph: its leaves, nodes and output.
    """

    folder: Path
    document: Mapping[str, Any]
    graph: Graph

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the graph, in an order in which each reads only what comes before."""
        return self.graph.nodes

    @property
    def spec(self) -> str:
        """The name of the spec."""
        return str(self.document["spec"])

    @property
    def dtype(self) -> str:
        """The name of the dtype under test."""
        return str(self.document["dtype"])

    @property
    def digest(self) -> str:
        """The digest of the problem's tensors, which every capture of it repeats."""
        return str(self.document["digest"])

    @property
    def exact(self) -> bool:
        """Whether this is an exact problem, in which every tensor must agree to the bit."""
        return bool(self.document["values"] == "exact")

    @property
    def output(self) -> str:
        """The name of the node that the cotangent is handed to."""
        return self.graph.output

    @cached_property
    def tensors(self) -> Tensors:
        """The numbers on disk: `value/<leaf>` and `cotangent/<output>`."""
        return Tensors(self.folder / "problem.safetensors")

    def value(self, name: str) -> Array:
        """The numbers of an input, a parameter or a buffer, of its dtype and shape. Raises KeyError, ContractError."""
        return self.tensors[f"value/{name}"]

    @property
    def cotangent(self) -> Array:
        """The gradient that is handed to the output, of the output's shape."""
        return self.tensors[f"cotangent/{self.output}"]

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """The printed results that are to be held against what is captured."""
        return tuple(map(Claim.model_validate, self.document.get("claims", ())))

    @property
    def script(self) -> tuple[Mapping[str, Any], ...]:
        """The steps of a behaviour; empty for a plain network."""
        return tuple(self.document.get("script", ()))

    @property
    def asks(self) -> tuple[str, ...]:
        """What a behaviour asks for when its script is done; empty for a plain network."""
        return tuple(self.document.get("asks", ()))

    @property
    def on_path(self) -> frozenset[str]:
        """Every tensor from which a path leads to the output."""
        return self.graph.on_path

    @property
    def differentiable(self) -> frozenset[str]:
        """Every tensor that a gradient is asked of, or that depends on one."""
        return self.graph.differentiable


def fingerprint(document: Mapping[str, Any]) -> str:
    """A digest of a problem's graph.

    It is kept in problem.safetensors too, so that the digest of that file speaks of the graph as well.
    """
    graph = {key: value for key, value in document.items() if key not in _PROSE}
    return hashlib.sha256(json.dumps(graph, sort_keys=True).encode()).hexdigest()


def write_problem(folder: Path, document: Mapping[str, Any], graph: Graph, tensors: Mapping[str, Array]) -> Problem:
    """Write a problem folder and open it; `problem.json` comes last, so that a folder with it is whole.

    document: without the digest. tensors: `value/<leaf>` and `cotangent/<output>`. Raises ContractError, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial, whole = folder / "problem.safetensors.partial", folder / "problem.safetensors"
    contiguous = {name: np.asarray(a, order="C") for name, a in tensors.items()}
    try:
        save_file(contiguous, str(partial), metadata={"graph": fingerprint(document)})
    except SafetensorError as error:
        partial.unlink(missing_ok=True)
        raise ContractError(f"{whole}: cannot be written ({error})") from error
    os.replace(partial, whole)
    complete = {**document, "digest": digest(whole)}
    write_whole(folder / "problem.json", json.dumps(complete, indent=1))
    return Problem(folder, complete, graph)


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
    problem = Problem(folder, document, _graph(form))
    mistake = next(_graph_mistakes(form, problem.nodes), None) or next(_number_mistakes(problem), None)
    if mistake is not None:
        raise ContractError(f"{path}: {mistake}")
    if verify:
        _verify(problem)
    return problem


def with_document(problem: Problem, document: Mapping[str, Any]) -> Problem:
    """A problem of the same numbers whose graph is another document's, which has the form of `problem.json`."""
    return Problem(problem.folder, document, _graph(ProblemForm.model_validate(document)))


def _graph(form: ProblemForm) -> Graph:
    roles = (("input", form.inputs), ("parameter", form.parameters), ("buffer", form.buffers))
    leaves = {t.name: Leaf(t.name, role, t.shape, t.dtype, t.grad) for role, tensors in roles for t in tensors}
    nodes = tuple(
        Node(
            node.name,
            node.op,
            {slot: tuple(reads) if isinstance(reads, list) else reads for slot, reads in node.tensors},
            node.attributes,
            tuple(Output(o.name, o.shape, place == 0 or o.result) for place, o in enumerate(node.outputs)),
        )
        for node in form.nodes
    )
    return Graph(leaves, nodes, form.output)


def _graph_mistakes(form: ProblemForm, nodes: tuple[Node, ...]) -> Iterator[str]:
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
        for name, _, result in node.outputs:
            # An updated running statistic is called like the buffer that it updates.
            if name in known and (result or name not in buffers):
                yield f"node {node.name}: {name!r} is defined twice"
            known.add(name)
        if node.outputs[0].name != node.name:
            yield f"node {node.name}: its first output is called {node.outputs[0].name!r}; expected the node's name"
        readable.update(output.name for output in node.results)
    if form.output not in {node.name for node in nodes}:
        yield f"output is {form.output!r}; expected the name of a node"


def _number_mistakes(problem: Problem) -> Iterator[str]:
    leaves = problem.graph.leaves.values()
    expected = {f"value/{leaf.name}": (Dtype.of(leaf.dtype).stored, leaf.shape) for leaf in leaves}
    expected[f"cotangent/{problem.output}"] = (Dtype.of(problem.dtype).stored, problem.graph.shape(problem.output))
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
