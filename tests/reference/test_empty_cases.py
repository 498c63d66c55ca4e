"""The cases of tensors without elements, in which there is nothing to be differenced and nothing to be off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import Case, drawn, empty_networks
from gradconform.dtypes import Dtype
from gradconform.reference.second import jvp, second_vjp
from gradconform.reference.tracked.exactness import Exact
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")
every_empty_case = pytest.mark.parametrize(
    "case", [pytest.param(lambda n=n: drawn(n), id=n.name) for n in empty_networks()], indirect=True
)


@every_empty_case
def test_results_have_their_shapes(case: Case) -> None:
    """Outputs that of the spec, gradients that of their tensors; a gradient that has elements is zero."""
    shapes = [output.shape for output in case.network.nodes[0].outputs]
    assert [y.shape for y in case.outputs()] == shapes
    for place, gradient in case.gradients():
        assert gradient.shape == case.tensor(place).shape, case.name(place)
        assert not np.any(gradient), case.name(place)


@every_empty_case
@pytest.mark.parametrize("wrap", [lambda a: Rounded(a, unit=SINGLE), lambda a: a.astype(np.float32)])
def test_bounds_and_single_precision_take_it(case: Case, wrap: Callable[[object], object]) -> None:
    """The same text over every type of array: shapes are those of float64."""
    wrapped = case.map(wrap)
    for wide, other in zip(case.outputs(), wrapped.outputs(), strict=True):
        assert other.shape == wide.shape
    for (place, wide), (_, other) in zip(case.gradients(), wrapped.gradients(), strict=True):
        assert other.shape == wide.shape, case.name(place)


@every_empty_case
@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: Rounded(a, unit=SINGLE)])
def test_second_order_takes_it(case: Case, wrap: Callable[[object], object]) -> None:
    """Tangents have the shapes of outputs, second derivatives those of their tensors, where there are any."""
    wrapped = case.map(wrap)
    along: list[Any] = [None] * len(wrapped.tensors)
    for slot, _ in wrapped.places():
        along[slot] = wrapped.tensors[slot]
    dy = wrapped.arriving(wrapped.dy)
    tangents = jvp(wrapped.op, wrapped.tensors, along, wrapped.attributes)
    for tangent, shape in zip(tangents, wrapped.shapes, strict=False):
        assert tangent is None or tangent.shape == shape
    second = second_vjp(wrapped.op, dy, dy, wrapped.tensors, along, wrapped.attributes)
    for slot, place in wrapped.places():
        gradient = second[slot] if place is None else second[slot][place]
        assert gradient is None or gradient.shape == wrapped.tensor((slot, place)).shape


def test_an_operator_that_rounds_nothing_is_proved_exact_of_nothing() -> None:
    """The sum of nothing is zero, to the bit."""
    (case,) = [drawn(network) for network in empty_networks() if network.name == "sum.empty-middle"]
    (y,) = case.map(lambda a: Exact(a, unit=SINGLE)).outputs()
    assert y.shape == case.network.nodes[0].outputs[0].shape


def test_there_are_such_cases_in_every_family_that_takes_them() -> None:
    """Batches of nothing at the least."""
    families = {network.path.parent.name for network in empty_networks()}
    assert families >= {"binary", "convolution", "linear", "loss", "normalization", "pooling", "reduction", "unary"}
