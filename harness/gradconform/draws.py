"""How the numbers of a tensor are drawn: one stream per tensor, keyed by the seed and the tensor's name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import FLOAT32, HALF, Dtype, held

Array = NDArray[Any]


@dataclass(frozen=True)
class Draw:
    """How the numbers of one tensor are drawn.

    Scales are never one and shifts never zero, so that a forgotten factor or term shows in the gradients.

    shape: the extents of the tensor.
    kind: `normal`, `uniform`, `integers`, `dropout` or `literal`.
    mean, scale: of the normal distribution.
    low, high: the limits of `uniform` and `integers`; integers may be `low` and are never `high`.
    p: of `dropout`, the probability of 0; the other elements are 1 / (1 - p) (Srivastava et al., 2014, section 10).
    value: the numbers of a `literal`, as nested lists.
    fan_in: for a weight, over how many terms its products are summed; None for every other tensor.
    """

    shape: tuple[int, ...]
    kind: str = "normal"
    mean: float = 0.3
    scale: float = 0.7
    low: float = 0.0
    high: float = 1.0
    p: float = 0.0
    value: Any = None
    fan_in: int | None = None


def weight(shape: tuple[int, ...], fan_in: int) -> Draw:
    """How a weight is drawn: so that sums of `fan_in` of its products, if any, keep the size of one term."""
    fan_in = max(fan_in, 1)
    return Draw(shape, mean=0.1 / fan_in, scale=1.3 / fan_in**0.5, fan_in=fan_in)


def bias(shape: tuple[int, ...]) -> Draw:
    """How a bias is drawn: neither zero nor so small that it is lost beside the products it is added to."""
    return Draw(shape, mean=0.15, scale=0.4)


def gain(shape: tuple[int, ...]) -> Draw:
    """How the scale of a normalisation is drawn: near one, but not at it."""
    return Draw(shape, kind="uniform", low=0.6, high=1.7)


def positive(shape: tuple[int, ...]) -> Draw:
    """How a running variance is drawn: positive, between 0.4 and 2.3."""
    return Draw(shape, kind="uniform", low=0.4, high=2.3)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random generator of one tensor; adding a node to a spec changes no other tensor's numbers."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "big")
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, key])))


COTANGENT = "cotangent/"
"""The stream of the cotangent; no tensor can have this name."""


def draw(what: Draw, seed: int, name: str, dtype: str) -> Array:
    """The numbers of one tensor: an array of the draw's shape. dtype: the name of one under test, or `int64`.

    Half precision has the numbers of float32, each as the nearest number that it holds and that the draw may give.
    """
    unit = Dtype.of(dtype)
    if what.kind == "literal":
        return np.asarray(held(what.value, unit)).reshape(what.shape)
    rng = stream(seed, name)
    if what.kind == "integers":
        return rng.integers(int(what.low), int(what.high), size=what.shape).astype(dtype)
    if what.kind == "dropout":
        kept = rng.random(size=what.shape) >= what.p
        return np.asarray(held(kept * (1.0 / (1.0 - what.p)), unit))
    drawn = _floating(what, rng, (FLOAT32 if unit in HALF else unit).numpy)
    return _halved(drawn, what, unit) if unit in HALF else drawn


def _floating(what: Draw, rng: np.random.Generator, dtype: Any) -> Array:
    """Numbers of a uniform or a normal draw, computed in the dtype, which is single or double precision."""
    if what.kind == "uniform":
        drawn = np.asarray(rng.random(size=what.shape, dtype=dtype.type))
        drawn *= np.asarray(what.high - what.low, dtype)
        drawn += np.asarray(what.low, dtype)
    else:
        drawn = np.asarray(rng.standard_normal(size=what.shape, dtype=dtype.type))
        drawn *= np.asarray(what.scale, dtype)
        drawn += np.asarray(what.mean, dtype)
    return np.asarray(drawn)


def _halved(drawn: Array, what: Draw, unit: Dtype) -> Array:
    """Numbers in half precision; what was below the upper limit of a uniform draw is not rounded up to it."""
    halves = np.asarray(held(drawn, unit))
    if what.kind != "uniform" or what.low >= what.high:
        return halves
    limit = np.asarray(held(what.high, unit))
    below = np.nextafter(limit, np.asarray(held(what.low, unit)))
    return np.where(halves.astype(float) >= what.high, below, halves).astype(unit.numpy)
