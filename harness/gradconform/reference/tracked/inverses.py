"""The rounding error of inverses and determinants of square matrices [..., N, N].

All frameworks factor the matrix with partial pivoting, P A = L U, and what they compute is exact for a matrix A + D
with |D| <= c u |L| |U| (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., theorem 9.3). The error of
A's own elements is one more such D. So what is bounded here is what the worst D of that size makes of the result, to
all orders; c, which is N in the worst case, is sqrt(N), as for sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.arrays import Tracked, implements
from gradconform.reference.tracked.exactness import InexactError
from gradconform.reference.tracked.rounding import Rounded

Array = NDArray[Any]


@implements(np.linalg.inv)
def _inverse(a: Tracked) -> Tracked:
    """|(A + D)^-1 - X| <= (I - M)^-1 M |X| with X = A^-1 and M = |X| |D|, where M's rows all sum to less than 1.

    Since (A + D)^-1 = (I + X D)^-1 X. Where they do not, A + D may have no inverse, and nothing is known.
    """
    value, moved = _moved(a, "inv")
    sure = _sums(moved) < 1.0
    safe = np.where(sure[..., None, None], moved, 0.0)
    propagated = np.linalg.solve(np.eye(value.shape[-1]) - safe, safe @ np.abs(value))
    return _rounded(a, value, np.where(sure[..., None, None], propagated, np.inf))


@implements(np.linalg.det)
def _determinant(a: Tracked) -> Tracked:
    """|det(A + D) - det A| <= |det A| (t + exp(s) - 1 - s), of M = |X| |D| with trace t and sum s of all elements.

    Since det(A + D) = det A det(I + X D), and what is not of first order there is at most a sum of principal minors of
    M, those of k rows summing to s^k / k! or less. The N products of the diagonal are rounded, too.
    """
    _, moved = _moved(a, "det")
    value = np.asarray(np.linalg.det(a.value))
    total = moved.sum(axis=(-2, -1))
    relative = np.trace(moved, axis1=-2, axis2=-1) + np.expm1(total) - total
    return _rounded(a, value, np.abs(value) * relative, units=float(a.shape[-1]))


def _moved(a: Tracked, name: str) -> tuple[Array, Array]:
    """X = A^-1 and M = |X| |D|; both without bounds where A has no inverse.

    Raises InexactError for arrays that are to be proved exact.
    """
    if not isinstance(a, Rounded):
        raise InexactError(f"{name} is not exact in floating point")
    size = a.shape[-1]
    stacked = a.value.reshape(-1, size, size)
    factors = np.array([_magnitude(each) for each in stacked]).reshape(a.shape)
    with np.errstate(all="ignore"):
        value = np.array([_inverse_or_nan(each) for each in stacked]).reshape(a.shape)
        moved = np.abs(value) @ (np.sqrt(size) * a.unit.roundoff * factors + a.bound())
    return value, np.where(np.isnan(moved), np.inf, moved)


def _inverse_or_nan(a: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(a))
    except np.linalg.LinAlgError:
        return np.full(a.shape, np.nan)


def _sums(moved: Array) -> Array:
    return np.asarray(moved.sum(axis=-1).max(axis=-1))


def _rounded(a: Tracked, value: Array, propagated: Array, units: float = 1.0) -> Tracked:
    assert isinstance(a, Rounded)
    return a.rounded(value, propagated, units)


def _magnitude(a: Array) -> Array:
    """|L| |U| of a matrix [N, N], its rows in the order of the matrix's."""
    upper, lower, order = a.copy(), np.eye(len(a)), np.arange(len(a))
    for k in range(len(a)):
        pivot = k + int(np.argmax(np.abs(upper[k:, k])))
        for rows in (upper, order, lower[:, :k]):
            rows[[k, pivot]] = rows[[pivot, k]]
        if upper[k, k] != 0:
            lower[k + 1 :, k] = upper[k + 1 :, k] / upper[k, k]
            upper[k + 1 :] -= np.outer(lower[k + 1 :, k], upper[k])
    found = np.empty_like(a)
    found[order] = np.abs(lower) @ np.abs(upper)
    return found
