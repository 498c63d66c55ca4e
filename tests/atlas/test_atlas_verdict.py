"""What differs, and what that is held against: each way of being wrong is noticed, and nothing else."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from gradconform.atlas import conditions
from gradconform.atlas.differences import Difference, Kind
from gradconform.atlas.measured import ALL, Measured, differs, held, least
from gradconform.atlas.programs import Printed
from gradconform.atlas.verdict import outcome
from gradconform.dtypes import Dtype

CONDITIONS = {each.name: each for each in conditions.load()}
SINGLE = Dtype.of("float32")


def measured(name: str, tensor: str) -> Measured:
    """Something that differs."""
    numbers = np.array([1.0])
    return Measured(CONDITIONS[name], "torch", "2.13.0", tensor, numbers, numbers + 1.0, np.array([True]))


def difference(**of: tuple[str, ...]) -> Difference:
    """What is said of conditions, `relu_nan` for `relu.nan`."""
    named = {name.replace("_", ".", 1): tensors for name, tensors in of.items()}
    return Difference("torch", "torch-1", Kind.FAULT, "A sentence that is long enough.", "", named)


def test_what_is_known_and_shows_is_clean() -> None:
    """Nothing new, nothing vanished."""
    each = measured("relu.nan", "grad/x")
    known = difference(relu_nan=("grad/x",))
    found = outcome({"torch": {"relu.nan": [each]}}, [known])
    assert found.clean
    assert found.shown == ((each, known),)


def test_what_nobody_has_classified_is_new() -> None:
    """Another tensor of the same condition is not spoken of."""
    each = measured("relu.nan", "output")
    found = outcome({"torch": {"relu.nan": [measured("relu.nan", "grad/x"), each]}}, [difference(relu_nan=("grad/x",))])
    assert found.new == (each,)
    assert found.vanished == ()
    assert not found.clean


def test_what_no_longer_shows_has_vanished() -> None:
    """Where it was looked at: of a condition or a framework that was not, nothing is said."""
    known = difference(relu_nan=("grad/x",), relu_zero=("output",))
    found = outcome({"torch": {"relu.nan": []}, "nnabla": {"relu.zero": []}}, [known])
    assert found.vanished == (("torch", "relu.nan", "grad/x"),)
    assert not found.clean
    assert outcome({"nnabla": {"relu.nan": []}}, [known]).clean


@pytest.mark.parametrize(
    ("got", "right", "signed", "wrong"),
    [
        (1.0, 1.0, False, False),
        (1.0 + 1e-6, 1.0, False, False),
        (1.0 + 1e-4, 1.0, False, True),
        (nan, nan, False, False),
        (nan, 1.0, False, True),
        (1.0, nan, False, True),
        (inf, inf, False, False),
        (-inf, inf, False, True),
        (inf, 3.4e38, False, True),
        (inf, 3.5e38, False, False),
        (0.0, -0.0, False, False),
        (0.0, -0.0, True, True),
        (0.0, 1e-30, False, True),
        (0.0, 1e-46, False, False),
    ],
)
def test_an_element_differs(got: float, right: float, signed: bool, wrong: bool) -> None:
    """NaN and infinity must be where they are expected, and numbers within a bound of 1e-6 of themselves."""
    expected = np.array([right])
    bound = np.abs(np.nan_to_num(expected, posinf=0.0)) * 1e-6
    assert differs(np.array([got]), expected, bound, SINGLE, signed=signed).item() is wrong


def test_a_bound_that_allows_anything_leaves_three_digits() -> None:
    """Of each element alone, or of the largest of those that are computed together."""
    wide, expected = np.array([1.0, 1.0]), np.array([1e-9, 2.0])
    apart = differs(np.array([2e-9, 2.0]), expected, least(wide, expected, SINGLE, apart=True), SINGLE, signed=False)
    together = differs(
        np.array([2e-9, 2.0]), expected, least(wide, expected, SINGLE, apart=False), SINGLE, signed=False
    )
    assert apart.tolist() == [True, False]
    assert together.tolist() == [False, False]


def test_a_program_that_raises_differs_in_all() -> None:
    """Unless an error is what is right; then numbers are what differs."""
    plain, refused = CONDITIONS["relu.nan"], CONDITIONS["index_select.beyond"]
    [raised] = held(plain, "torch", "1", Printed({}, "RuntimeError: no"))
    assert (raised.tensor, raised.got, raised.error) == (ALL, None, "RuntimeError: no")
    assert list(held(refused, "torch", "1", Printed({}, "IndexError: no"))) == []
    [gave] = held(refused, "torch", "1", Printed({"output": np.array([1.0, 2.0])}, ""))
    assert (gave.tensor, gave.expected) == (ALL, None)


def test_a_gradient_that_is_not_there_and_another_shape_differ() -> None:
    """The output is right in both."""
    condition = CONDITIONS["softplus.default_beta"]
    right = {"output": np.array([0.31326169, 25.0])}
    [none] = held(
        condition, "torch", "1", Printed(right, "AttributeError: 'NoneType' object has no attribute 'tolist'")
    )
    assert (none.tensor, none.got, none.error) == ("grad/x", None, "none")
    [shape] = held(condition, "torch", "1", Printed({**right, "grad/x": np.array([[0.26894142, 1.0]])}, ""))
    assert (shape.tensor, shape.wrong) == ("grad/x", None)
