"""The rounding error of inverses and determinants of square matrices [..., N, N].

All frameworks factor the matrix with partial pivoting, P A = L U, and what they compute is exact for a matrix
A + R + E: E is the error of A's own elements, and R that of the factorization, in which u_ij and l_ij come of sums of
the products l_ik u_kj (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., theorem 9.3). R is taken as
sums are, for what it is with errors that have nothing to do with each other: |R_ij| <= u sqrt(sum_k (l_ik u_kj)^2),
and to first order its effects add up as squares do. Those of E add up as they are, and so does all of higher order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.reference.tracked.arrays import Tracked, implements
from gradconform.reference.tracked.exactness import InexactError
from gradconform.reference.tracked.rounding import Rounded

Array = NDArray[Any]


# An inverse is a factorization and as much again: the solutions with it for all columns.
SOLVED = 2.0


@implements(np.linalg.inv)
def _inverse(a: Tracked) -> Tracked:
    """X R X and X E X to first order, and M^2 (I - M)^-1 |X| for the rest, with X = A^-1 and M = |X| (|R| + |E|).

    Since (A + D)^-1 = (I + X D)^-1 X. Where a row of M sums to 1 or more A + D may have no inverse: nothing is known.
    """
    value, rounding, moved = _parts(a, "inv", SOLVED)
    size = np.abs(value)
    sure = np.sum(moved, axis=-1).max(axis=-1, initial=0.0)[..., None, None] < 1.0
    safe = np.where(sure, moved, 0.0)
    with np.errstate(all="ignore"):
        first = np.sqrt(np.square(value) @ np.square(rounding) @ np.square(value)) + size @ _error(a) @ size
        rest = np.linalg.solve(np.eye(value.shape[-1]) - safe, safe @ safe @ size)
    return _rounded(a, value, np.where(sure, first + rest, np.inf))


@implements(np.linalg.det)
def _determinant(a: Tracked) -> Tracked:
    """|det A| (r + e + exp(s) - 1 - s): r^2 is the sum of (X_ji R_ij)^2, e that of |X_ji| E_ij, and s that of all of M.

    Since det(A + D) = det A det(I + X D), and what is not of first order there is at most a sum of principal minors of
    M = |X| (|R| + |E|), those of k rows summing to s^k / k! or less. The N products of the diagonal are rounded, too.
    """
    inverse, rounding, moved = _parts(a, "det")
    value = np.asarray(np.linalg.det(a.value))
    with np.errstate(all="ignore"):
        turned = np.swapaxes(inverse, -1, -2)
        first = np.sqrt(np.sum(np.square(turned * rounding), axis=(-2, -1)))
        first = first + np.sum(np.abs(turned) * _error(a), axis=(-2, -1))
        total = moved.sum(axis=(-2, -1))
        relative = first + np.expm1(total) - total
        propagated = np.abs(value) * np.where(np.isnan(relative), np.inf, relative)
    return _rounded(a, value, propagated, units=float(a.shape[-1]) ** 0.5)


def _parts(a: Tracked, name: str, times: float = 1.0) -> tuple[Array, Array, Array]:
    """X, R, as many `times` as it is, and M = |X| (R + E), which is infinite where A has no inverse.

    Raises InexactError for arrays that are to be proved exact.
    """
    if not isinstance(a, Rounded):
        raise InexactError(f"{name} is not exact in floating point")
    size = a.shape[-1]
    stacked = a.value.reshape(math.prod(a.shape[:-2]), size, size)
    rounding = times * a.unit.roundoff * np.array([_magnitude(each) for each in stacked]).reshape(a.shape)
    value = np.array([_inverse_or_nan(each) for each in stacked]).reshape(a.shape)
    with np.errstate(all="ignore"):
        moved = np.abs(value) @ (rounding + _error(a))
    return value, rounding, np.where(np.isnan(moved), np.inf, moved)


def _error(a: Tracked) -> Array:
    assert isinstance(a, Rounded)
    return a.bound()


def _inverse_or_nan(a: Array) -> Array:
    try:
        return np.asarray(np.linalg.inv(a))
    except np.linalg.LinAlgError:
        return np.full(a.shape, np.nan)


def _rounded(a: Tracked, value: Array, propagated: Array, units: float = 1.0) -> Tracked:
    assert isinstance(a, Rounded)
    return a.rounded(value, propagated, units)


def _magnitude(a: Array) -> Array:
    """The roots of the sums of (l_ik u_kj)^2 for a matrix [N, N], its rows in the order of the matrix's."""
    upper, lower, order = a.copy(), np.eye(len(a)), np.arange(len(a))
    for k in range(len(a)):
        pivot = k + int(np.argmax(np.abs(upper[k:, k])))
        for rows in (upper, order, lower[:, :k]):
            rows[[k, pivot]] = rows[[pivot, k]]
        if upper[k, k] != 0:
            lower[k + 1 :, k] = upper[k + 1 :, k] / upper[k, k]
            upper[k + 1 :] -= np.outer(lower[k + 1 :, k], upper[k])
    found = np.empty_like(a)
    found[order] = np.sqrt(np.square(lower) @ np.square(upper))
    return found
