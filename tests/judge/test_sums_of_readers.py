"""The sum of what several readers send back may be begun with any of them, and term by term."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradconform.contract import Problem
from gradconform.dtypes import Dtype
from gradconform.judge.readers import plus
from gradconform.reference.tracked.rounding import Rounded
from honest import Array, blamed, computed, problem_of, rows_of

# A shortcut around a depthwise convolution whose kernel is small, as behind a layer scale.
SHORTCUT = """
about: A shortcut around a convolution.
inputs:
  x: {shape: [2, 5, 8, 9], grad: true}
parameters:
  conv.weight: {normal: [0, 1.0e-3]}
nodes:
  conv: {op: conv2d, x: x, out_channels: 5, kernel_size: 7, stride: 1, padding: 3, dilation: 1, groups: 5}
  sum:  {op: add, x: x, y: conv}
cotangent: {normal: [0.4, 0.8]}
"""


def begun_with_the_shortcut(problem: Problem, tensors: dict[str, Array]) -> Array:
    """The gradient of x as NNabla has it: the terms of the convolution are added one by one to that of the sum."""
    weight, dy = tensors_of(problem, tensors)
    gradient = np.array(dy)
    rows, columns = gradient.shape[2:]
    for i in range(7):
        for j in range(7):
            for row in range(max(0, i - 3), min(rows, rows + i - 3)):
                for column in range(max(0, j - 3), min(columns, columns + j - 3)):
                    gradient[:, :, row, column] += weight[:, 0, i, j] * dy[:, :, row - i + 3, column - j + 3]
    return gradient


def tensors_of(problem: Problem, tensors: dict[str, Array]) -> tuple[Array, Array]:
    """The kernel and the gradient that arrives at the convolution."""
    return problem.value("conv.weight"), tensors["grad/conv"]


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    """The network, drawn in float32."""
    return problem_of(tmp_path, SHORTCUT)


def test_a_sum_that_is_begun_with_the_other_part_conforms(problem, tmp_path):
    """In float32 that rounds the larger part 49 times; without the shortcut's share in the bound it would diverge."""
    tensors = computed(problem)
    gradient = begun_with_the_shortcut(problem, tensors)
    assert np.any(np.abs(gradient - tensors["grad/x"]) > 4 * 2**-24 * np.abs(gradient))
    assert blamed(rows_of(problem, tmp_path / "c", {**tensors, "grad/x": gradient})) == {}


def test_a_sum_that_is_wrong_diverges(problem, tmp_path):
    """The last term left off, which is a hundred times smaller than the shortcut."""
    tensors = computed(problem)
    weight, dy = tensors_of(problem, tensors)
    gradient = begun_with_the_shortcut(problem, tensors)
    gradient[:, :, 3, 3] -= weight[:, 0, 6, 6] * dy[:, :, 0, 0]
    wrong = blamed(rows_of(problem, tmp_path / "c", {**tensors, "grad/x": gradient}))
    assert set(wrong) == {"grad/x"}


def parts(terms: int, other: Array) -> tuple[Rounded, Rounded]:
    """A small part of so many terms, and what another reader sent."""
    unit = Dtype.of("float32")
    small = Rounded(np.full(other.shape, 1e-3), np.zeros(other.shape), unit=unit)
    small.terms = terms
    return small, Rounded(other, np.zeros(other.shape), unit=unit)


def test_each_term_rounds_the_other_part():
    """48 more roundings of a number near 1 than those of one addition, in either order, and none of one term."""
    small, other = parts(49, np.ones(3))
    once = (other + parts(1, np.ones(3))[0]).bound()
    more = np.sqrt(48) * 2.0**-24
    assert np.allclose(plus(small, other).bound() - once, more, rtol=1e-12)
    assert np.array_equal(plus(small, other).bound(), plus(other, small).bound())
    assert plus(small, other).terms == 50
    assert np.array_equal(plus(*parts(1, np.ones(3))).bound(), once)


def test_a_sum_that_is_infinite_has_the_bound_of_the_addition():
    """An infinity is exact, however many terms are added to it."""
    small, other = parts(49, np.array([np.inf, 1.0]))
    assert np.array_equal(np.isfinite(plus(small, other).bound()), np.isfinite((small + other).bound()))
