"""One tensor against its bound: each thing that may be wrong with it is named, and its honest twin is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradconform.dtypes import Dtype
from gradconform.judge import compare as module
from gradconform.judge.compare import Comparison, compare
from gradconform.reasons import Code
from gradconform.rows import LIMIT
from hypothesis import given, settings
from hypothesis import strategies as st

NAN, INF = float("nan"), float("inf")
UNIT = Dtype.of("float32")
LARGEST = float(np.finfo("float32").max)


def of(got: Any, expected: Any, bound: Any = 1e-3, dtype: str = "float32") -> Comparison:
    """Compare lists, the first as a tensor of the dtype."""
    wide = np.asarray(expected, dtype=float)
    return compare(np.asarray(got, dtype), wide, bound, Dtype.of(dtype), wide.shape)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 0, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_equal_agrees_in_every_shape(shape: tuple[int, ...], dtype: str) -> None:
    """No difference, no reason; an empty tensor agrees too, though it tells nothing."""
    value = np.full(shape, 0.75)
    found = compare(value.astype(dtype), value, 1e-3, Dtype.of(dtype), shape)
    assert found.reason == (Code.UNINFORMATIVE if value.size == 0 else None)
    assert (found.ratio, found.max_abs_err, found.max_rel_err, found.n_bad) == (0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize("shape", [(3, 2), (6,), (2, 3, 1), (1, 2, 3), (2, 4), ()])
def test_another_shape_is_named_even_where_it_would_broadcast(shape: tuple[int, ...]) -> None:
    """Shapes are compared first: not even the same numbers help."""
    assert compare(np.ones(shape, "float32"), np.ones((2, 3)), 1.0, UNIT, (2, 3)).reason is Code.SHAPE


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "int64", "bool"])
def test_another_dtype_is_named(dtype: str) -> None:
    """The same numbers in another dtype are not what was asked for."""
    assert compare(np.ones(3, dtype), np.ones(3), 1.0, UNIT, (3,)).reason is Code.DTYPE


def test_an_expected_value_that_would_broadcast_is_a_fault_of_the_reference() -> None:
    """A reference that gives the wrong shape is never let pass in silence."""
    with pytest.raises(ValueError, match="reference gave"):
        compare(np.ones((2, 3), "float32"), np.ones(3), 1.0, UNIT, (2, 3))


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([1, NAN], [1, NAN]),
        ([1, INF], [1, INF]),
        ([-INF, 1], [-INF, 1]),
        ([NAN, INF, -INF], [NAN, INF, -INF]),
    ],
)
@pytest.mark.parametrize("bound", [1e-3, 0.0, NAN])
def test_nan_and_infinity_agree_in_place_and_sign(got: Any, expected: Any, bound: float) -> None:
    """They are values like others, and need no bound: what bounds an infinity is infinite."""
    bounds = np.where(np.isfinite(expected), 1e-3, bound)
    found = of(got, expected, bounds)
    assert found.reason is None
    assert found.n_bad == 0


@pytest.mark.parametrize(
    ("got", "expected", "worst"),
    [
        ([1, NAN], [1, 2], 1),
        ([1, 2], [1, NAN], 1),
        ([INF, 1], [2, 1], 0),
        ([2, 1], [INF, 1], 0),
        ([-INF, 1], [INF, 1], 0),
        ([NAN, 1], [INF, 1], 0),
        ([INF, 1], [NAN, 1], 0),
        ([NAN, 1], [1, NAN], 0),
        ([LARGEST, 1], [INF, 1], 0),
    ],
)
@pytest.mark.parametrize("bound", [1e-3, 0.0, 1e30, NAN])
def test_nan_and_infinity_that_differ_are_named(got: Any, expected: Any, worst: int, bound: float) -> None:
    """Wherever they sit, and whatever the bound says."""
    found = of(got, expected, bound)
    assert found.reason is Code.NONFINITE
    assert (found.worst, found.ratio) == (worst, INF)
    assert found.n_bad >= 1


def test_a_wrong_number_beside_a_right_nan_is_named() -> None:
    """One NaN in a tensor does not switch the comparison of the others off."""
    found = of([NAN, 2.0, 1.0], [NAN, 1.0, 1.0])
    assert (found.reason, found.worst, found.n_bad) == (Code.VALUE, 1, 1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_overflow_at_the_largest_number_is_honest_within_the_bound(sign: float) -> None:
    """An honest error may carry a number over the dtype's end, or back; a larger one may not."""
    near = LARGEST * (1 - 1e-7)
    assert of([sign * INF, 1], [sign * near, 1], 1e32).reason is None
    assert of([sign * LARGEST, 1], [sign * LARGEST * (1 + 1e-7), 1], 1e32).reason is None
    assert of([sign * INF, 1], [sign * LARGEST * 2, 1]).reason is None
    assert of([-sign * INF, 1], [sign * near, 1], 1e32).reason is Code.NONFINITE
    assert of([sign * INF, 1], [sign * near, 1], 1e20).reason is Code.NONFINITE
    assert of([sign * LARGEST, 1], [sign * LARGEST * 2, 1], 1e32).reason is Code.VALUE
    assert of([sign * INF, 1], [sign * LARGEST, 1], 0.0).reason is Code.NONFINITE


@pytest.mark.parametrize("bound", [0.0, np.zeros(3)])
def test_a_zero_bound_is_equality(bound: Any) -> None:
    """One unit in the last place is caught; -0 equals 0; a difference is not divided away."""
    expected = np.array([0.0, 1.0, -3.0])
    assert of([-0.0, 1.0, -3.0], expected, bound).reason is None
    next_up = float(np.nextafter(np.float32(1), np.float32(2)))
    found = of([0.0, next_up, -3.0], expected, bound)
    assert (found.reason, found.worst, found.n_bad, found.ratio) == (Code.VALUE, 1, 1, INF)
    smallest = float(np.finfo("float32").smallest_subnormal)
    assert of([smallest, 1.0, -3.0], expected, bound).reason is Code.VALUE


@pytest.mark.parametrize("bound", [NAN, -INF, -1.0, np.array([1.0, NAN])])
def test_a_bound_that_is_no_number_never_passes(bound: Any) -> None:
    """Not even where nothing differs: nothing was checked there."""
    for got in ([1.0, 2.0], [1.0, 5.0]):
        found = of(got, [1.0, 2.0], bound)
        assert found.reason is Code.BOUND
        assert found.ratio == INF
        assert found.n_bad >= 1


@pytest.mark.parametrize("got", [5.0, -5.0, INF, NAN])
def test_where_rounding_decides_nothing_is_said(got: float) -> None:
    """An infinite bound lays its element aside; the others are judged, and the first one that missed is shown."""
    bound = np.array([1e-3, INF, INF])
    found = of([1.0, 2.0, got], [1.0, 2.0, 3.0], bound)
    assert (found.reason, found.worst, found.n_bad, found.expected) == (Code.UNDECIDED, 2, 0, 3.0)
    assert np.isnan(found.ratio)
    found = of([1.1, 2.0, got], [1.0, 2.0, 3.0], bound)
    assert (found.reason, found.worst, found.n_bad) == (Code.VALUE, 0, 1)


def test_what_is_expected_to_the_bit_needs_no_bound() -> None:
    """It was met, whatever else would have been honest; NaN too. Its twin is one bit away."""
    assert of([1.0, 0.5], [1.0, 0.5], np.array([1e-3, INF])).reason is None
    assert of([1.0, NAN], [1.0, NAN], np.array([1e-3, INF])).reason is None
    assert of([1.0, np.nextafter(np.float32(0.5), np.float32(1))], [1.0, 0.5], INF).reason is Code.UNDECIDED


@pytest.mark.parametrize(("factor", "reason"), [(1 - 1e-6, None), (1 + 1e-6, Code.VALUE)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_limit_is_where_it_says(factor: float, reason: Code | None, sign: int) -> None:
    """Just below the limit an error is honest, just above it is not; float64 keeps the difference exact enough."""
    bound = 2.0**-20
    found = of([1.0, 1.0 + sign * LIMIT * bound * factor], [1.0, 1.0], bound, "float64")
    assert found.reason is reason
    assert found.ratio == pytest.approx(LIMIT * factor, rel=1e-9)
    assert found.n_bad == (0 if reason is None else 1)


def test_the_limit_is_the_one_that_the_documents_name() -> None:
    """One constant for everything; whoever changes it changes this line and says why."""
    assert LIMIT == 4.0


def test_a_difference_is_measured_and_not_judged_without_a_bound() -> None:
    """End to end an error is a figure; nothing is bad."""
    found = of([1.0, 2.5, 0.0], [1.0, 2.0, 0.0], None)
    assert (found.reason, found.n_bad, found.worst) == (None, 0, 1)
    assert (found.max_abs_err, found.max_rel_err) == (0.5, 0.25)
    assert np.isnan(found.ratio)
    assert of([1.0, NAN], [1.0, 2.0], None).reason is Code.NONFINITE


def test_the_worst_element_and_the_number_of_bad_ones() -> None:
    """The worst is the one farthest beyond its own bound, not the one with the largest error."""
    bound = np.array([1e-6, 1.0, 1e-3, 1e-3])
    found = of([1.001, 12.0, 1.0, 1.1], [1.0, 10.0, 1.0, 1.0], bound)
    assert (found.worst, found.n_bad) == (0, 2)
    assert (found.got, found.expected) == (pytest.approx(1.001), 1.0)
    assert found.max_abs_err == pytest.approx(2.0)


def test_nan_and_infinity_that_came_are_counted() -> None:
    """Whether they are right or wrong, where the bound is a number, infinite, or there is none."""
    for bound in (0.1, [0.1, INF, INF], None):
        assert of([NAN, -INF, 2], [NAN, -INF, 2], bound).n_nonfinite == 2
        assert of([NAN, NAN, 2], [1, INF, 2], bound).n_nonfinite == 2
    assert of([1, 2, 3], [NAN, 2, 3]).n_nonfinite == 0
    many = np.full(2 * module.CHUNK, NAN, "float32")
    assert compare(many, many.astype(float), 0.1, UNIT, many.shape).n_nonfinite == 2 * module.CHUNK


def test_nan_as_expected_has_a_reason_of_its_own() -> None:
    """Where nothing else was tested; beside a number that tells something it conforms without a word."""
    assert of([NAN, NAN, 0], [NAN, NAN, 0]).reason is Code.NONFINITE_EXPECTED
    assert of([NAN, INF, 0], [NAN, INF, 0]).reason is None
    assert of([NAN, INF, 7], [NAN, INF, 7]).reason is None
    assert of([0, 0, 0], [0, 0, 0]).reason is Code.UNINFORMATIVE
    assert of([NAN, 0, 0], [0, NAN, 0]).reason is Code.NONFINITE


def test_a_tensor_that_is_nothing_beside_its_bound_is_uninformative() -> None:
    """Zeros agree with zeros, and tell nothing; one number that can be told from rounding is enough."""
    assert of([0, 0, 0], [0, 0, 0]).reason is Code.UNINFORMATIVE
    assert of([1e-4, 0, 0], [1e-4, 0, 0]).reason is Code.UNINFORMATIVE
    assert of([1e-2, 0, 0], [1e-2, 0, 0]).reason is None
    assert of([0, 0, 0], [0, 0, 0], 0.0).reason is Code.UNINFORMATIVE


@pytest.mark.parametrize("place", [0, 9, 10, 19, 20, 24])
@pytest.mark.parametrize(("wrong", "reason"), [(2.0, Code.VALUE), (NAN, Code.NONFINITE), (INF, Code.NONFINITE)])
def test_chunks_have_no_seams(monkeypatch: pytest.MonkeyPatch, place: int, wrong: float, reason: Code) -> None:
    """The bad element is found on either side of a boundary, in the first chunk and in the last, shorter one."""
    monkeypatch.setattr(module, "CHUNK", 10)
    expected = np.linspace(1, 1.5, 25).reshape(5, 5)
    got = expected.astype("float32")
    got.flat[place] = wrong
    found = compare(got, expected, np.full((5, 5), 1e-3), UNIT, (5, 5))
    assert (found.reason, found.worst, found.n_bad) == (reason, place, 1)


def test_a_bad_element_behind_the_first_chunk_of_a_real_size() -> None:
    """The boundary as it is: one element more than a chunk holds, and that one is wrong."""
    got = np.ones(module.CHUNK + 1, "float32")
    assert compare(got, np.ones(got.shape), 1e-6, UNIT, got.shape).reason is None
    got[-1] += 1e-3
    found = compare(got, np.ones(got.shape), 1e-6, UNIT, got.shape)
    assert (found.reason, found.worst, found.n_bad) == (Code.VALUE, module.CHUNK, 1)


def test_a_bound_may_be_one_number_or_broadcast() -> None:
    """A bound for each channel is as good as one for each element."""
    expected, got = np.ones((2, 3)), np.ones((2, 3), "float32")
    got[1, 2] += 0.01
    for bound in (np.full((2, 3), 1e-3), np.full(3, 1e-3), np.full((2, 1), 1e-3), 1e-3):
        assert compare(got, expected, bound, UNIT, (2, 3)).worst == 5
    assert compare(got, expected, np.array([1e-3, 1e-3, 1.0]), UNIT, (2, 3)).reason is None


shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)


@settings(max_examples=150, deadline=None)
@given(shape=shapes, data=st.data(), dtype=st.sampled_from(["float32", "float64"]))
def test_one_perturbed_element_is_always_found(shape: tuple[int, ...], data: st.DataObject, dtype: str) -> None:
    """Wherever it is, whatever its size: beyond the limit it is named with its index, and alone."""
    size = int(np.prod(shape))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    got = (rng.standard_normal(shape) * 10.0 ** data.draw(st.integers(-20, 20))).astype(dtype)
    expected = got.astype(float)
    bound = np.abs(expected) * 10.0 ** data.draw(st.integers(-5, 0)) + 1e-30
    assert compare(got, expected, bound, Dtype.of(dtype), shape).reason in (None, Code.UNINFORMATIVE)
    place = data.draw(st.integers(0, size - 1))
    got = np.array(got)
    got.flat[place] += np.asarray(data.draw(st.sampled_from([-1.1, 1.1, 50.0])) * LIMIT * bound.flat[place])
    found = compare(got, expected, bound, Dtype.of(dtype), shape)
    assert (found.reason, found.worst, found.n_bad) == (Code.VALUE, place, 1)


def test_the_elements_that_are_counted_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers beyond their bound and NaN out of place, over several chunks, and nothing where all conforms."""
    monkeypatch.setattr(module, "CHUNK", 4)
    expected = np.linspace(1.0, 2.0, 12).reshape(3, 4)
    got, beyond = expected.astype(np.float32), np.zeros((3, 4), bool)
    bound = np.full((3, 4), 1e-6)
    assert module.compare(got, expected, bound, UNIT, (3, 4), beyond=beyond).n_bad == 0
    assert not beyond.any()
    got[0, 1], got[2, 3], got[1, 1] = 1.5, np.nan, np.inf
    comparison = module.compare(got, expected, bound, UNIT, (3, 4), beyond=beyond)
    assert np.argwhere(beyond).tolist() == [[0, 1], [1, 1], [2, 3]]
    assert comparison.n_bad == 3
