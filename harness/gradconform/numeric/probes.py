"""Directions, the points on them, and the folder in which they go to the worker and to the judge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.numpy import save_file

from gradconform.contract import (
    FORMAT,
    ContractError,
    Problem,
    Tensors,
    digest,
    explained,
    read_document,
    write_whole,
)

Array = NDArray[Any]
VALUES, ASKED = "numeric/f", "numeric/probes"

# Points in a row, so many spacings from the start, whose differences of high order are noise.
NOISE_AT = tuple(range(-4, 4))


class Direction(BaseModel):
    """A direction v in the space of some leaves, and the steps h at which x + h v is evaluated.

    kind: one element, along the gradient, random signs, or random signs for noise alone.
    scale: leaf -> what its stored vector is multiplied by, a power of two.
    element: v is this element of the one leaf; None where v is stored.
    vector: the stored vector of a leaf is called by this and the leaf's name.
    levels: the steps of the derivative, largest first, each taken on both sides.
    spacing: how far apart the points are that measure noise; None where none do.
    truncation: what the reference says the mean quotient is off by, where kinks leave nothing to extrapolate.
    kinked: whether kinks lie within every useful step, so that nothing can be extrapolated.
    kinks: node -> how many of its choices change within the steps.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["element", "aligned", "sign", "noise"]
    scale: dict[str, float]
    element: int | None = None
    vector: str = ""
    levels: tuple[float, ...] = ()
    spacing: float | None = None
    truncation: Annotated[float, Field(ge=0)] | None = None
    kinked: bool = False
    kinks: dict[str, int] = {}

    @property
    def steps(self) -> list[float]:
        """Every step at which the direction is evaluated, in the order of the worker's numbers."""
        noise = [] if self.spacing is None else [k * self.spacing for k in NOISE_AT]
        return [sign * h for h in self.levels for sign in (1.0, -1.0)] + noise


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True)

    problem: str
    vectors: str
    eps: float | None
    directions: tuple[Direction, ...]


@dataclass(frozen=True)
class Probes:
    """All directions of a problem.

    problem: the digest of the problem.
    directions: in the order in which the worker evaluates them.
    vectors: the stored vectors, by name.
    eps: the fixed step of a plain difference, or None.
    asked: the digest of probes.json, which the worker's answer repeats.
    """

    problem: str
    directions: tuple[Direction, ...]
    vectors: Mapping[str, Array] = field(default_factory=dict)
    eps: float | None = None
    asked: bytes = b""

    def values(self, numbers: Array) -> Iterator[tuple[Direction, Array]]:
        """Each direction with its share of the worker's numbers.

        Raises ContractError where there are too few or too many.
        """
        expected = sum(len(d.steps) for d in self.directions)
        if numbers.shape != (expected,):
            raise ContractError(f"{VALUES} has shape {numbers.shape}; expected {(expected,)}, of other probes")
        start = 0
        for direction in self.directions:
            end = start + len(direction.steps)
            yield direction, numbers[start:end]
            start = end

    def moved(self, direction: Direction, leaf: str, x: Array, step: float) -> Array:
        """x + step v as the worker computes it: rounded once, to the dtype of x."""
        moved = x.copy()
        h = x.dtype.type(direction.scale[leaf] * step)
        if direction.element is not None:
            moved.reshape(-1)[direction.element] += h
        else:
            np.multiply(self.vectors[direction.vector + leaf], h, out=moved, dtype=x.dtype)
            np.add(moved, x, out=moved)
        return moved

    def along(self, direction: Direction, leaf: str, shape: tuple[int, ...]) -> Array:
        """The direction v in one leaf, of the leaf's shape, in float64."""
        if direction.element is not None:
            v = np.zeros(shape)
            v.reshape(-1)[direction.element] = direction.scale[leaf]
            return v
        return self.vectors[direction.vector + leaf].astype(float) * direction.scale[leaf]


def write(folder: Path, probes: Probes) -> None:
    """Write probes.safetensors and, last, probes.json."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / "probes.safetensors"
    save_file({name: np.asarray(v, order="C") for name, v in probes.vectors.items()}, str(place))
    told = [{**d.model_dump(), "steps": d.steps} for d in probes.directions]
    document = {
        "format": FORMAT,
        "problem": probes.problem,
        "vectors": digest(place),
        "eps": probes.eps,
        "directions": told,
    }
    write_whole(folder / "probes.json", json.dumps(document))


def read(folder: Path, problem: Problem) -> Probes:
    """The probes in a folder, held against their problem. Raises ContractError."""
    path = folder / "probes.json"
    try:
        form = _Form.model_validate(read_document(path))
    except ValidationError as error:
        raise ContractError(f"{path}: {explained(error)}") from error
    if form.problem != problem.digest:
        raise ContractError(f"{path}: of another problem (its digest differs); capture this one again")
    vectors = Tensors(folder / "probes.safetensors")
    if digest(vectors.path) != form.vectors:
        raise ContractError(f"{vectors.path}: damaged (its digest differs from probes.json's); capture this one again")
    asked = hashlib.sha256(path.read_bytes()).digest()
    return Probes(form.problem, form.directions, vectors, form.eps, asked)


def answers(found: Mapping[str, Array], probes: Probes) -> Array:
    """The worker's numbers in a capture of probes.

    Raises ContractError where they are missing or answer other probes.
    """
    if VALUES not in found or ASKED not in found or found[ASKED].tobytes() != probes.asked:
        raise ContractError(f"{VALUES} is missing or answers other probes; capture this problem again")
    return found[VALUES]
