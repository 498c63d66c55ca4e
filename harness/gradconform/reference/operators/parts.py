"""Operators that take a tensor apart: each part is an output of its own, and nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradconform.reference.attributes import Axis, Sizes
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.arrangement import stack
from gradconform.reference.operators.shape import check_axis


@operator(moves=True)
def unbind(x: Any, *, dim: Axis) -> Any:
    """Every index of an axis as a tensor of its own, without that axis: as many as its extent."""
    return tuple(x[_at(dim, i)] for i in range(x.shape[dim]))


@unbind.vjp
def unbind_vjp(dy: Sequence[Any], x: Any, *, dim: int) -> Any:
    return (stack.forward(dy, dim=dim),)


@unbind.shape
def unbind_shape(x: Dims, *, dim: Axis) -> Dims:
    check_axis("dim", dim, x)
    return (*x[:dim], *x[dim + 1 :])


@unbind.results
def unbind_results(x: Dims, *, dim: Axis) -> dict[str, Dims]:
    """NODE.1, NODE.2, ...: one for each index"""
    return {str(i): unbind_shape(x, dim=dim) for i in range(1, x[dim])}


@operator(moves=True)
def split(x: Any, *, dim: Axis, sizes: Sizes) -> Any:
    """Consecutive parts of an axis: the first sizes[0] indices, the next sizes[1], and so on."""
    return tuple(x[_at(dim, slice(start, stop))] for start, stop in _ranges(sizes))


@split.vjp
def split_vjp(dy: Sequence[Any], x: Any, *, dim: int, sizes: Sequence[int]) -> Any:
    return (np.concatenate(dy, axis=dim),)


@split.shape
def split_shape(x: Dims, *, dim: Axis, sizes: Sizes) -> Dims:
    check_axis("dim", dim, x)
    if sum(sizes) != x[dim]:
        raise ShapeError(f"sizes are {list(sizes)}, {sum(sizes)} together; expected the {x[dim]} of axis {dim}")
    return _part(x, dim, sizes[0])


@split.results
def split_results(x: Dims, *, dim: Axis, sizes: Sizes) -> dict[str, Dims]:
    """NODE.1, NODE.2, ...: one for each of sizes"""
    return {str(i): _part(x, dim, size) for i, size in enumerate(sizes) if i}


def _at(dim: int, index: int | slice) -> tuple[int | slice, ...]:
    return (*[slice(None)] * dim, index)


def _ranges(sizes: Sequence[int]) -> list[tuple[int, int]]:
    ends = [int(end) for end in np.cumsum([0, *sizes])]
    return [*pairwise(ends)]


def _part(x: Dims, dim: int, size: int) -> Dims:
    return (*x[:dim], size, *x[dim + 1 :])
