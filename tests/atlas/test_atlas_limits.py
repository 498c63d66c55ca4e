"""What the atlas takes for right where the reference's formula is 0 times infinity, held against mpmath near there."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import mpmath
import numpy as np
import pytest
from gradconform.atlas import conditions

RIGHT = {each.name: each.right for each in conditions.load() if each.right}
H = mpmath.mpf("1e-40")
"""So near to the place."""
LARGE = mpmath.mpf("1e40")
"""And so near to infinity."""


def cofactors(x: list[list[float]]) -> list[list[float]]:
    """The derivative of the determinant: each minor with its sign."""
    array = np.array(x)

    def minor(i: int, j: int) -> float:
        return float(mpmath.det(mpmath.matrix(np.delete(np.delete(array, i, 0), j, 1).tolist())))

    return [[(-1) ** (i + j) * minor(i, j) for j in range(len(x))] for i in range(len(x))]


def slope(f: Callable[[mpmath.mpf], mpmath.mpf], at: mpmath.mpf) -> mpmath.mpf:
    """The derivative beside a place."""
    return mpmath.diff(f, at, h=abs(at) * mpmath.mpf("1e-20") if at else H)


def cross_entropy(x: mpmath.mpf, target: int) -> mpmath.mpf:
    """Of a probability and a label that is 0 or 1, whose other term is none."""
    return -mpmath.log(x) if target else -mpmath.log1p(-x)


def log_sum(*x: mpmath.mpf) -> mpmath.mpf:
    """log(sum(exp(x)))."""
    return max(x) + mpmath.log(sum(mpmath.exp(each - max(x)) for each in x))


with mpmath.workdps(120):
    SUM_SLOPES = [slope(lambda x: log_sum(x, 1), LARGE), mpmath.exp(1 - LARGE)]
    NEAR = {
        ("det.singular", "grad/x"): cofactors([[1.0, 2.0], [2.0, 4.0]]),
        ("det.zero", "grad/x"): cofactors([[0.0, 0.0], [0.0, 0.0]]),
        ("det.rank_one", "grad/x"): cofactors([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 2.0, 3.0]]),
        ("pow.zero_zero", "grad/x"): [slope(lambda x: x ** mpmath.mpf(0), H)],
        ("pow.zero_negative", "grad/exponent"): [slope(lambda y: H**y, mpmath.mpf(-1))],
        ("erfinv.zero", "output"): [mpmath.erfinv(H), mpmath.erfinv(-H)],
        ("binary_cross_entropy.ends", "output"): [cross_entropy(H, 0), cross_entropy(1 - H, 1)],
        ("binary_cross_entropy.ends", "grad/x"): [
            slope(lambda x: cross_entropy(x, 0), H),
            slope(lambda x: cross_entropy(x, 1), 1 - H),
        ],
        ("kl_div.zero", "output"): [H * (mpmath.log(H) + 1), mpmath.mpf(2)],
        ("logsumexp.minus_infinite", "output"): log_sum(-LARGE, -LARGE),
        ("logsumexp.infinite", "output"): log_sum(LARGE, mpmath.mpf(1)),
        ("logsumexp.infinite", "grad/x"): SUM_SLOPES,
        ("logsumexp.both_infinite", "output"): log_sum(LARGE, -LARGE),
        ("logsumexp.both_infinite", "grad/x"): SUM_SLOPES,
    }


def test_each_limit_is_held_against_something() -> None:
    """And no other."""
    assert {(name, tensor) for name, right in RIGHT.items() for tensor in right} == set(NEAR)


def near(right: float, found: float) -> bool:
    """Whether a number is the limit of what is found beside the place; 1e30 is on its way to infinity."""
    return abs(found) > 1e30 and found * right > 0 if abs(right) == inf else bool(abs(found - right) < 1e-15)


@pytest.mark.parametrize(("name", "tensor"), NEAR)
def test_what_is_taken_for_right_is_the_limit(name: str, tensor: str) -> None:
    """Element by element; the twin is off by a thousandth."""
    with mpmath.workdps(120):
        found = np.ravel(np.array(NEAR[name, tensor], object))
        right = np.ravel(np.array(RIGHT[name][tensor], float))
        assert all(near(a, b) for a, b in zip(right, found, strict=True))
        assert not near(right[0] + 1e-3 if np.isfinite(right[0]) else -right[0], found[0])
