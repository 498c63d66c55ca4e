"""Problems and captures on disk: the whole interface between the harness and a framework (docs/contract.md)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Array = NDArray[Any]
FORMAT = 1
REASONS = Literal[
    "not_requested", "not_on_path", "graph_cut", "not_retained", "buffer_reused", "not_differentiable", "uninitialised",
    "unexplained",
]  # fmt: skip
# What a graph is told apart by: prose and the place of a file are not part of it.
_PROSE = ("about", "source", "digest", "claims")
_NUMPY_HAS = {"BOOL", "F16", "F32", "F64", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64"}
_STORED = {"float32": "F32", "float64": "F64", "int64": "I64"}


class ContractError(ValueError):
    """A problem or capture on disk cannot be used; the message says which file, what came and what was expected."""


class Tensors(Mapping[str, Array]):
    """The tensors of a safetensors file, each read when it is asked for.

    The file is mapped for one reading only: pages once touched would otherwise count as this process's memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(str(path), framework="numpy") as file:
                self.metadata: Mapping[str, str] = file.metadata() or {}
                self._forms = {name: _form(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (OSError, SafetensorError) as error:
            raise ContractError(f"{path}: {error}; expected a safetensors file") from error

    def __getitem__(self, name: str) -> Array:
        # NumPy itself has no bfloat16 and no floats of 8 bits.
        if (stored := self._forms[name][0]) not in _NUMPY_HAS:
            raise ContractError(f"{self.path}: {name} cannot be read ({stored} is no dtype of NumPy's)")
        try:
            with safe_open(str(self.path), framework="numpy") as file:
                return np.asarray(file.get_tensor(name))
        except (OSError, SafetensorError) as error:
            raise ContractError(f"{self.path}: {name} cannot be read ({error})") from error

    def form(self, name: str) -> tuple[str, tuple[int, ...]]:
        """The dtype, in the format's own words, and the shape, from the header alone. Raises KeyError."""
        return self._forms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._forms))

    def __len__(self) -> int:
        return len(self._forms)


def _form(part: Any) -> tuple[str, tuple[int, ...]]:
    return str(part.get_dtype()), tuple(part.get_shape())


def _claimable(value: Any) -> Any:
    try:
        # NumPy would take null for NaN.
        if value in ("none", "raises") or None in np.asarray(value, object).flat:
            return {"none": "none", "raises": "raises"}[value]
        return np.asarray(value, float)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("expected numbers, none or raises") from error


class Claim(BaseModel):
    """What somebody printed: says and source in words, the tensor `of`, and its value: an array, `none` or `raises`.

    framework: the adapter that it speaks of, or None for every one; digits: the significant digits that were printed,
    None where the dtype's own rounding is all that may stand between.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    says: str
    source: str
    framework: str | None = None
    of: str
    value: Annotated[Any, AfterValidator(_claimable)]
    digits: Annotated[StrictInt, Field(ge=1, le=17)] | None = None


class Asked(BaseModel):
    """What became of an ask of a script.

    step: index of the step that raised, None where reading did; error: type and first line of the exception; reason:
    why a buffer was not read or no gradient came there; nodes: where the framework's graph is cut, as in `cuts`.
    """

    model_config = ConfigDict(frozen=True)

    ask: str
    outcome: Literal["value", "none", "raises"]
    step: StrictInt | None = None
    error: str | None = None
    reason: REASONS | None = None
    nodes: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Capture:
    """A capture folder, opened: what one route of one framework gave for one problem.

    version: empty where the framework never came up. cuts: missing tensor -> where its way to the output is cut: nodes,
    and before them leaves that require no gradient. remedies: tensor -> the line of code that would give its gradient.
    lines: `leaf`, `between` -> the line by which this route gets one, with {name} and {output} in it.
    """

    folder: Path
    status: str
    reason: str
    framework: str
    version: str
    route: str
    missing: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, Array] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    cuts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remedies: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)


_Extent = Annotated[StrictInt, Field(ge=0, lt=2**48)]


class _Form(BaseModel):
    """A part of a document; what this version does not know of is let pass."""

    model_config = ConfigDict(frozen=True)


class _TensorForm(_Form):
    name: str
    shape: tuple[_Extent, ...]
    dtype: Literal["float32", "float64", "int64"]
    grad: StrictBool


class _OutputForm(_Form):
    name: str
    shape: tuple[_Extent, ...]


class _NodeForm(_Form):
    name: str
    op: str
    tensors: tuple[tuple[str, str | list[str] | None], ...]
    attributes: dict[str, Any]
    outputs: Annotated[tuple[_OutputForm, ...], Field(min_length=1)]


class _StepForm(_Form):
    do: Literal["forward", "backward", "grad", "keep", "clear", "fill", "set", "change"]


class _ProblemForm(_Form):
    spec: str
    about: str
    seed: StrictInt
    dtype: Literal["float32", "float64"]
    values: Literal["drawn", "exact"]
    inputs: tuple[_TensorForm, ...]
    parameters: tuple[_TensorForm, ...]
    buffers: tuple[_TensorForm, ...]
    nodes: tuple[_NodeForm, ...]
    output: str
    digest: str
    claims: tuple[Claim, ...] = ()
    script: tuple[_StepForm, ...] = ()
    asks: tuple[str, ...] = ()


class _CaptureForm(_Form):
    status: Literal["ok", "unsupported", "crashed"]
    reason: str | None = None
    framework: str
    version: str | None = None
    route: str
    problem: str | None = None
    digest: str | None = None
    missing: dict[str, REASONS] = {}
    asked: tuple[Asked, ...] = ()
    cuts: dict[str, tuple[str, ...]] = {}
    remedies: dict[str, str] = {}
    lines: dict[Literal["leaf", "between"], str] = {}


def explained(error: ValidationError) -> str:
    """Where in a document the first mistake is, and what it is."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def digest(path: Path) -> str:
    """`sha256:` and the hexadecimal digest of a file."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file under another name and rename it when it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(partial, path)


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


def read_document(path: Path) -> dict[str, Any]:
    """A document of this version of the contract. Raises ContractError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{path}: no such file; expected a whole problem or capture folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path}: cannot be read as JSON ({error})") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT or isinstance(found, bool):
        raise ContractError(f"{path}: format is {found!r}; expected {FORMAT}, of this version of the contract")
    assert isinstance(document, dict)
    return document


def read_problem(folder: Path, *, verify: bool = False) -> Problem:
    """Open a problem folder. Raises ContractError.

    verify: read all of it once, to see that it is what was drawn.
    """
    path = folder / "problem.json"
    document = read_document(path)
    try:
        form = _ProblemForm.model_validate(document)
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


def _graph_mistakes(form: _ProblemForm, nodes: tuple[ProblemNode, ...]) -> Iterator[str]:
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
    if _digest(path) != problem.digest:
        raise ContractError(f"{path}: damaged (its digest differs from problem.json's); draw the problem again")
    if problem.tensors.metadata.get("graph") != fingerprint(problem.document):
        place = problem.folder / "problem.json"
        raise ContractError(f"{place}: the graph is not the one that was drawn; draw it again")


def _digest(path: Path) -> str:
    try:
        return digest(path)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from error


def read_capture(folder: Path, problem: Problem) -> Capture:
    """Open a capture folder and check that it is whole and answers this problem. Raises ContractError."""
    place = folder / "capture.json"
    try:
        form = _CaptureForm.model_validate(read_document(place))
    except ValidationError as error:
        raise ContractError(f"{place}: {explained(error)}") from error
    told = (form.status, form.reason or "", form.framework, form.version or "", form.route)
    # What ended before it had read its problem cannot repeat the digest.
    answers = (problem.digest,) if form.status == "ok" else (problem.digest, None)
    if form.problem not in answers:
        raise ContractError(f"{folder}: answers another problem (its digest differs); capture this one again")
    if form.status != "ok":
        return Capture(folder, *told)
    path = folder / "capture.safetensors"
    if _digest(path) != form.digest:
        raise ContractError(f"{path}: damaged or not whole (its digest differs from capture.json's)")
    tensors = Tensors(path)
    for mistake in _asked_mistakes(problem, form.asked, tensors):
        raise ContractError(f"{place}: {mistake}")
    for mistake in _cut_mistakes(problem, form):
        raise ContractError(f"{place}: {mistake}")
    lines = {str(kind): line for kind, line in form.lines.items()}
    return Capture(folder, *told, dict(form.missing), tensors, form.asked, form.cuts, form.remedies, lines)


def _cut_mistakes(problem: Problem, form: _CaptureForm) -> Iterator[str]:
    """Places that cannot be: of a tensor that is not missing, or at what is no node or leaf of the problem."""
    known = {node.name for node in problem.nodes} | set(problem.given)
    for tensor, places in form.cuts.items():
        if tensor not in form.missing:
            yield f"cuts has {tensor}, which is not missing"
        for name in sorted(set(places) - known):
            yield f"cuts has {name!r} for {tensor}; expected nodes, or leaves that require no gradient"


def _asked_mistakes(problem: Problem, asked: tuple[Asked, ...], tensors: Tensors) -> Iterator[str]:
    """What a capture of a script lacks: an answer for each ask, in their order, each value with its array."""
    if tuple(answer.ask for answer in asked) != problem.asks:
        came, expected = (", ".join(names) or "nothing" for names in ([a.ask for a in asked], problem.asks))
        yield f"asked is about {came}; expected {expected}"
    for i, answer in enumerate(asked):
        if (f"ask/{i}" in tensors) != (answer.outcome == "value"):
            expected = f"expected ask/{i} in the tensors for a value, and only then"
            yield f"{answer.ask} has outcome {answer.outcome}; {expected}"
    known = {node.name for node in problem.nodes} | set(problem.given)
    for answer in asked:
        for name in sorted(set(answer.nodes) - known):
            yield f"asked has {name!r} as a place for {answer.ask}; expected nodes, or leaves that require no gradient"
