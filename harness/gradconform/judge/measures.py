"""Conditions on what a node saw: a small closed vocabulary of measures, and which elements of a tensor they reach.

A measure is a number for each element of an operand, or one for each of its channels, rows, or for all of it. What a
node computes from a channel or a row is spoilt with it, so the numbers are laid out over the tensor that is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = NDArray[Any]
Each = Literal["element", "channel", "row", "tensor"]
Measured = Literal["value", "magnitude", "mean_over_deviation", "deviation", "largest", "size"]
State = Literal["infinite", "nan", "zero"]

EVERYWHERE = np.float64(np.inf)
NOWHERE = np.float64(-np.inf)
STATES: Mapping[str, Callable[[Array], Array]] = {
    "infinite": np.isinf,
    "nan": np.isnan,
    "zero": lambda numbers: numbers == 0,
}
_OF_ELEMENTS = ("value", "magnitude")


class When(BaseModel):
    """One condition on an operand that a node read, or on the gradient that it was handed.

    of: the operand's slot, or `dy` for the gradient that the node was handed.
    each: what is measured: elements, channels (axis 1), rows (the last axis), or the tensor.
    measure: `value` and `magnitude` of elements; of the others `mean_over_deviation`, which is |mean| / sqrt(variance +
    eps) with the node's own eps where it has one, `deviation`, `largest` magnitude, and `size`, how many elements.
    above, below, between, is: when it holds; exactly one of them. `between` includes both ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str
    each: Each = "element"
    measure: Measured = "value"
    above: float | None = None
    below: float | None = None
    between: tuple[float, float] | None = None
    state: State | None = Field(default=None, alias="is")

    @model_validator(mode="after")
    def _one_comparison(self) -> When:
        given = [c for c in (self.above, self.below, self.between, self.state) if c is not None]
        if len(given) != 1:
            raise ValueError(f"{len(given)} of above, below, between and is; expected exactly one")
        if (self.each == "element") != (self.measure in _OF_ELEMENTS):
            expected = "value or magnitude" if self.each == "element" else "mean_over_deviation, deviation, ..."
            raise ValueError(f"each {self.each} has no measure {self.measure!r}; expected {expected}")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(f"between {list(self.between)}; expected the smaller end first")
        return self

    def measured(self, seen: Array, eps: float) -> Array:
        """The measure of each element, channel or row of what was seen, in float64; of a tensor a single number."""
        wide = seen.astype(float)
        if self.each == "element":
            return np.abs(wide) if self.measure == "magnitude" else wide
        axes = _axes(self.each, wide.ndim)
        if self.measure == "size":
            return np.full(_shape_without(axes, wide.shape), float(np.prod([wide.shape[axis] for axis in axes])))
        if self.measure == "largest":
            return np.asarray(np.max(np.abs(wide), axis=axes, initial=0.0))
        if self.measure == "deviation":
            return np.asarray(np.std(wide, axis=axes))
        return np.asarray(np.abs(np.mean(wide, axis=axes)) / np.sqrt(np.var(wide, axis=axes) + eps))

    def holds(self, measured: Array) -> Array:
        """Where the condition holds, for numbers that `measured` gave."""
        if self.above is not None:
            return measured > self.above
        if self.below is not None:
            return measured < self.below
        if self.between is not None:
            return (self.between[0] <= measured) & (measured <= self.between[1])
        assert self.state is not None
        return STATES[self.state](measured)


def laid_out(numbers: Array, each: Each, seen: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """Numbers of elements, channels or rows of an operand, over the elements of a tensor that they reach.

    numbers: as `When.measured` shapes them. seen: the operand's shape. shape: the tensor's. An element that comes from
    several has the largest of theirs; where the shapes do not tell from which, the largest of all. Broadcasts to
    `shape`.
    """
    whole = np.asarray(np.max(numbers, initial=NOWHERE))
    if each == "element":
        return _over_elements(numbers, shape, whole)
    if each == "channel" and len(seen) > 1:
        if len(shape) > 1 and shape[1] == seen[1]:
            return numbers.reshape(1, numbers.size, *([1] * (len(shape) - 2)))
        return numbers if shape == (seen[1],) else whole
    if each == "row" and len(shape) == len(seen) and shape[:-1] == seen[:-1]:
        return numbers[..., None]
    return whole


def _over_elements(numbers: Array, shape: tuple[int, ...], whole: Array) -> Array:
    try:
        common = np.broadcast_shapes(numbers.shape, shape)
    except ValueError:
        return whole
    if common == shape:
        return np.broadcast_to(numbers, shape)
    if common != numbers.shape:
        return whole
    # Broadcasting read an element several times, and its gradient is their sum.
    ahead = len(common) - len(shape)
    summed = tuple(range(ahead))
    kept = np.max(numbers, axis=summed, initial=NOWHERE) if summed else numbers
    repeated = tuple(axis for axis, extent in enumerate(shape) if extent != kept.shape[axis])
    return np.asarray(np.max(kept, axis=repeated, keepdims=True, initial=NOWHERE))


def scale_of(expected: Array, each: Each, seen: tuple[int, ...]) -> Array:
    """The largest finite magnitude of what was expected: of each channel or row, where the tensor has them, or of all.

    Broadcasts to the shape of `expected`.
    """
    magnitudes = np.abs(np.where(np.isfinite(expected), expected, 0.0))
    shape = expected.shape
    if each == "channel" and len(seen) > 1 and len(shape) > 1 and shape[1] == seen[1]:
        return np.asarray(np.max(magnitudes, axis=_axes(each, len(shape)), keepdims=True, initial=0.0))
    if each == "row" and len(shape) == len(seen) and shape[:-1] == seen[:-1]:
        return np.asarray(np.max(magnitudes, axis=-1, keepdims=True, initial=0.0))
    return np.asarray(np.max(magnitudes, initial=0.0))


def _axes(each: Each, ndim: int) -> tuple[int, ...]:
    """The axes over which one channel, row or tensor extends."""
    if each == "channel" and ndim > 1:
        return (0, *range(2, ndim))
    return (ndim - 1,) if each == "row" and ndim else tuple(range(ndim))


def _shape_without(axes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
