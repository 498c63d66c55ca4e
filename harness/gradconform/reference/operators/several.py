"""Arithmetic of more than two tensors, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.sums import scatter_sum


@operator
def lerp(start: Any, end: Any, weight: Any) -> Any:
    """The point between start and end that is nearer to end the larger the weight: (1 - weight) start + weight end."""
    return (1.0 - weight) * start + weight * end


@lerp.vjp
def lerp_vjp(dy: Any, start: Any, end: Any, weight: Any) -> Any:
    """Some frameworks take dy (1 - weight) as dy - dy weight, so it is handed over as one sum."""
    to_end = dy * weight
    return scatter_sum(start.shape, [(..., dy), (..., -to_end)]), to_end, dy * (end - start)


@lerp.shape
def lerp_shape(start: Dims, end: Dims, weight: Dims) -> Dims:
    if not start == end == weight:
        raise ShapeError(f"start, end and weight have shapes {list(start)}, {list(end)}, {list(weight)}; expected one")
    return start


@operator(variadic="xs")
def add_n(xs: Sequence[Any]) -> Any:
    """The sum of tensors of one shape, in any order."""
    return scatter_sum(xs[0].shape, [(..., x) for x in xs])


@add_n.vjp
def add_n_vjp(dy: Any, xs: Sequence[Any]) -> Any:
    return ([dy for _ in xs],)


@add_n.shape
def add_n_shape(xs: Sequence[Dims]) -> Dims:
    for other in xs[1:]:
        if other != xs[0]:
            raise ShapeError(f"xs have shapes {list(xs[0])} and {list(other)}; expected the same")
    return xs[0]
