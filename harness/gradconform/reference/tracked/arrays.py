"""Arrays that carry more than a value through NumPy code.

`Tracked` answers NumPy's array protocols for everything that only moves elements about: indexing, reshaping,
joining, choosing. What arithmetic does to the part that is carried is the subclasses' business
(`rounding.py`, `exactness.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Comparisons and rounding to integers look at the value alone.
PLAIN: set[Any] = {
    np.greater,
    np.less,
    np.greater_equal,
    np.less_equal,
    np.equal,
    np.not_equal,
    np.isnan,
    np.isfinite,
    np.sign,
}


class Tracked(np.lib.mixins.NDArrayOperatorsMixin):
    """A float64 array `value` with an array `error` of the same shape beside it (None: zero everywhere)."""

    __array_priority__ = 100
    # Whether it holds tracked arrays itself: beside such a one the others leave every operation to it.
    outer: ClassVar[bool] = False
    functions: ClassVar[dict[Any, Callable[..., Any]]] = {}

    value: Array
    error: Array | None

    def like(self, value: Array, error: Array | None) -> Self:
        """A new array of the same kind as this one."""
        raise NotImplementedError

    def split(self, operand: Any) -> tuple[Array, Array | None]:
        """Value and error of an operand: an array of this kind, a plain array (exact) or a Python number."""
        if isinstance(operand, Tracked):
            return operand.value, operand.error
        return np.asarray(operand), None

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents, as of a NumPy array."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """How many axes there are, as of a NumPy array."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """How many elements there are, as of a NumPy array."""
        return self.value.size

    @property
    def T(self) -> Self:
        """The array with its axes reversed, as of a NumPy array."""
        return self.move(lambda a: a.T)

    @property
    def real(self) -> Self:
        """The array itself, as of a real NumPy array: what is tracked is never complex."""
        return self

    def move(self, how: Callable[[Array], Array]) -> Self:
        """Apply a function that only moves elements, to the value and to the error."""
        return self.like(how(self.value), None if self.error is None else how(self.error))

    def __getitem__(self, index: Any) -> Self:
        return self.move(lambda a: a[index])

    def reshape(self, *shape: Any) -> Self:
        """The same elements in another shape, as of a NumPy array."""
        return self.move(lambda a: a.reshape(*shape))

    def transpose(self, *axes: Any) -> Self:
        """The array with its axes in another order, as of a NumPy array."""
        return self.move(lambda a: a.transpose(*axes))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over some axes, as of a NumPy array; the subclass's `total` does it."""
        return np.sum(self, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]

    def arithmetic(self, ufunc: Any, operands: Sequence[Any]) -> Any:
        """The result of a ufunc that computes; NotImplemented for one that is not known."""
        raise NotImplementedError

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        if method != "__call__" or options or any(getattr(o, "outer", False) for o in operands):
            return NotImplemented
        with np.errstate(all="ignore"):
            if ufunc in PLAIN:
                return ufunc(*(self.split(o)[0] for o in operands))
            return self.arithmetic(ufunc, operands)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        found = None if any(getattr(kind, "outer", False) for kind in types) else self.functions.get(function)
        return NotImplemented if found is None else found(*args, **kwargs)


def constant(array: Any) -> Any:
    """An array that a formula holds fixed, such as a maximum that is subtracted before exp: it has no derivative."""
    return array.value if getattr(array, "outer", False) else array


def real_numbers(array: Any) -> Any:
    """The values of an array of any type as a plain array: without bounds, tangents and imaginary parts."""
    while hasattr(array, "value"):
        array = array.value
    return np.real(array)


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the tracked version of some NumPy functions, for all kinds of tracked arrays."""

    def register(ours: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            Tracked.functions[function] = ours
        return ours

    return register


def first_tracked(operands: Sequence[Any]) -> Tracked:
    """The operand that knows how to make a new array of its kind."""
    return next(o for o in operands if isinstance(o, Tracked))


def peek(terms: Iterable[tuple[Any, ...]]) -> tuple[Tracked | None, Iterator[tuple[Any, ...]]]:
    """The first term's tracked operand, if it has one, and all the terms again (they may be a generator)."""
    remaining = iter(terms)
    first = next(remaining)
    return next((o for o in first[1:] if isinstance(o, Tracked)), None), chain([first], remaining)


def _moved(function: Any) -> None:
    @implements(function)
    def ours(a: Tracked, *args: Any, **kwargs: Any) -> Tracked:
        return a.move(lambda part: function(part, *args, **kwargs))


# What only moves elements, whatever they carry.
MOVES: tuple[Any, ...] = (
    np.reshape,
    np.transpose,
    np.moveaxis,
    np.swapaxes,
    np.expand_dims,
    np.squeeze,
    np.broadcast_to,
    np.copy,
    np.flip,
    np.take_along_axis,
    np.ravel,
    np.repeat,
)
for _function in MOVES:
    _moved(_function)


@implements(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int = 0) -> Tracked:
    like = first_tracked(arrays)
    parts = [like.split(a) for a in arrays]
    value = np.concatenate([v for v, _ in parts], axis=axis)
    if all(e is None for _, e in parts):
        return like.like(value, None)
    errors = [np.zeros(v.shape) if e is None else e for v, e in parts]
    return like.like(value, np.concatenate(errors, axis=axis))


@implements(np.where)
def _where(condition: Array, a: Any, b: Any) -> Tracked:
    like = first_tracked((a, b))
    (va, ea), (vb, eb) = like.split(a), like.split(b)
    value = np.where(condition, va, vb)
    if ea is None and eb is None:
        return like.like(value, None)
    error = np.where(condition, 0.0 if ea is None else ea, 0.0 if eb is None else eb)
    return like.like(value, np.broadcast_to(error, value.shape) if error.any() else None)


@implements(np.pad)
def _pad(a: Tracked, width: Any, mode: str = "constant", constant_values: float = 0.0) -> Tracked:
    assert mode == "constant"
    value = np.pad(a.value, width, constant_values=constant_values)
    _, written = a.split(constant_values)
    if a.error is None and written is None:
        return a.like(value, None)
    error = np.zeros(a.shape) if a.error is None else a.error
    return a.like(value, np.pad(error, width, constant_values=0.0 if written is None else float(written)))


@implements(np.argmax)
def _argmax(a: Tracked, axis: int | None = None) -> Any:
    return np.argmax(a.value, axis=axis)


@implements(np.max)
def _max(a: Tracked, axis: Any = None, keepdims: bool = False) -> Tracked:
    error = None if a.error is None else np.max(a.error, axis=axis, keepdims=keepdims)
    return a.like(np.max(a.value, axis=axis, keepdims=keepdims), error)


@implements(np.zeros_like)
def _zeros_like(a: Tracked) -> Tracked:
    return a.like(np.zeros(a.shape), None)


@implements(np.sum)
def _sum(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return a.total(axis, keepdims)
