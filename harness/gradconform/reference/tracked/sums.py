"""Sums that are gathered piece by piece but rounded as one: convolutions, pooling, and their gradients.

Running error analysis charges every addition for the partial sum it rounds, in the order in which the code
adds. A framework may add in any order, so a sum that the reference builds from pieces is handed over whole,
and its rule counts the terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from gradconform.reference.tracked import dual as dual_numbers
from gradconform.reference.tracked import exactness, rounding
from gradconform.reference.tracked.arrays import peek
from gradconform.reference.tracked.dual import Dual

_KINDS: dict[type, Any] = {rounding.Rounded: rounding, exactness.Exact: exactness}


def _holds_dual(terms: Iterable[tuple[Any, ...]]) -> tuple[bool, Iterator[tuple[Any, ...]]]:
    """Whether the first term has a dual number, and all the terms again (they may be a generator)."""
    remaining = iter(terms)
    first = next(remaining)
    return any(isinstance(part, Dual) for part in first[1:]), chain([first], remaining)


def sum_of_products(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any, Any]]) -> Any:
    """Zeros of `shape`, with `a @ b` added at `index` for each (index, a, b), rounded as one sum.

    All terms are of the kind of the first; a generator keeps only one of them in memory. The last axis of
    `a @ b` may stand for several of the place it goes to; `index` then picks among these.
    """
    dual, terms = _holds_dual(terms)
    if dual:
        return dual_numbers.sum_of_products(sum_of_products, shape, [*terms])
    like, terms = peek(terms)
    if like is not None:
        return _KINDS[type(like)].scattered_products(shape, terms)
    result: Any = None
    for index, a, b in terms:
        product = a @ b
        result = np.zeros(shape, dtype=product.dtype) if result is None else result
        result[index] += product.reshape(result[index].shape)
    return result


def scatter_sum(shape: tuple[int, ...], terms: Iterable[tuple[Any, Any]], *, apart: bool = False) -> Any:
    """Zeros of `shape`, with `part` added at `index` for each (index, part), rounded as one sum.

    apart: that each addition is a step of its own, whose result is stored, so that no wider accumulator is at work.
    """
    dual, terms = _holds_dual(terms)
    if dual:
        return dual_numbers.scatter_sum(partial(scatter_sum, apart=apart), shape, [*terms])
    like, terms = peek(terms)
    if like is not None:
        return _KINDS[type(like)].scattered(shape, terms, apart=apart)
    result: Any = None
    for index, part in terms:
        result = np.zeros(shape, dtype=part.dtype) if result is None else result
        result[index] += part
    return result
