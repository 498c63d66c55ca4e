"""One captured tensor against what was expected of it: a value, never a message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.dtypes import Dtype
from gradconform.judge.digits import digits_left
from gradconform.reasons import Code
from gradconform.rows import LIMIT, NAN

Array = NDArray[Any]

# Elements compared at a time: a tensor of 10**8 elements needs no further copies of itself, and the work stays in
# the cache.
CHUNK = 1 << 16


@dataclass(frozen=True)
class Comparison:
    """What was found where one tensor was held against another.

    ratio: largest |error| / bound; NaN where there is no bound.
    max_abs_err, max_rel_err: the largest |error|, and the same relative to the largest expected magnitude.
    worst: the row-major index of the worst element; got, expected: its values.
    n_bad: how many elements are beyond their bound.
    n_nonfinite: how many elements that came are NaN or infinity, rightly or wrongly; 0 where the shape is another.
    digits: how many decimal digits are right where the fewest are, of the elements beyond their bound; NaN for none.
    reason: None where the tensor agrees, or where the difference is only measured.
    """

    ratio: float = NAN
    max_abs_err: float = NAN
    max_rel_err: float = NAN
    worst: int | None = None
    got: float = NAN
    expected: float = NAN
    n_bad: int = 0
    n_nonfinite: int = 0
    digits: float = NAN
    reason: Code | None = None


def compare(
    got: Array,
    expected: Array,
    bound: Array | float | None,
    unit: Dtype,
    shape: tuple[int, ...],
    beyond: Array | None = None,
) -> Comparison:
    """Compare a captured tensor with the expected one, element by element.

    got: as captured.
    expected: float64, of `shape`.
    bound: largest honest |error|, broadcastable to `shape`; 0.0 to demand equality (-0 and 0 are equal); infinite where
    rounding decides what comes, so that nothing but what is expected to the bit can be judged; None to measure only.
    beyond: where given, a boolean array of `shape`, in which the elements that are counted in `n_bad` are set.
    The order is shape, dtype, where NaN and infinity sit, then the numbers. Raises ValueError where `expected` has
    another shape: that is a fault of the reference.
    """
    if np.shape(expected) != shape:
        raise ValueError(f"the reference gave {np.shape(expected)}; expected {shape}")
    if got.shape != shape:
        return Comparison(reason=Code.SHAPE)
    if got.dtype.name != unit.name:
        return Comparison(reason=Code.DTYPE)
    extremes = _Extremes(unit, measuring=bound is None, beyond=None if beyond is None else beyond.reshape(-1))
    flat_got, flat_expected = got.reshape(-1), np.asarray(expected).reshape(-1)
    whole = None if bound is None or np.ndim(bound) == 0 else np.broadcast_to(bound, shape).reshape(-1)
    for start in range(0, flat_got.size, CHUNK):
        part = slice(start, start + CHUNK)
        limit = whole[part] if whole is not None else np.float64(0.0 if bound is None else bound)
        extremes.add(start, flat_got[part], flat_expected[part], limit)
    found = extremes.result()
    if found.reason is not Code.VALUE or bound is None:
        return found
    limits = bound if whole is None else whole
    return replace(found, digits=digits_left(flat_got, flat_expected, limits, unit, extremes.scale, CHUNK))


class _Extremes:
    """The worst that was found over the chunks of a tensor seen so far."""

    def __init__(self, unit: Dtype, *, measuring: bool, beyond: Array | None = None) -> None:
        self.unit = unit
        self.beyond = beyond
        self.measuring = measuring
        self.largest = unit.largest
        self.worst_ratio, self.worst_error, self.scale, self.n_bad = -1.0, 0.0, 0.0, 0
        self.n_nonfinite = 0
        self.at: tuple[int, float, float] | None = None
        self.reason: Code | None = None
        self.informative = False
        self.undecided: tuple[int, float, float] | None = None

    def add(self, start: int, got: Array, expected: Array, bound: Any) -> None:
        """Take in one chunk of the tensor. start: the row-major index of its first element."""
        wide = got.astype(float)
        with np.errstate(all="ignore"):
            error = wide - expected
        np.abs(error, out=error)
        magnitude = np.abs(expected)
        undecided = not self.measuring and bool(np.isposinf(bound).any())
        if undecided or not np.isfinite(np.max(error)):
            self.n_nonfinite += int(np.count_nonzero(~np.isfinite(wide)))
        if undecided:
            error, bound, magnitude = self._open(start, wide, expected, bound, error)
        error_max, scale = float(np.max(error)), float(np.max(magnitude))
        if not np.isfinite(error_max) or not np.isfinite(scale):
            error, bound = self._nonfinite(start, wide, expected, bound, error)
            error_max = float(np.max(error))
            scale = float(np.max(magnitude, initial=0.0, where=np.isfinite(magnitude)))
        self.scale = max(self.scale, scale)
        if self.measuring:
            if self.at is None or error_max > self.worst_error:
                self._note(int(np.argmax(error)), start, wide, expected)
        else:
            self._judge(start, wide, expected, error, magnitude, bound)
        self.worst_error = max(self.worst_error, error_max)

    def _open(self, start: int, got: Array, expected: Array, bound: Any, error: Array) -> tuple[Array, Array, Array]:
        """Lay aside the elements of which rounding decides: an honest result may be anything there.

        Gives errors, bounds and magnitudes with those places at zero. What is as expected to the bit needs no bound.
        """
        open_ = np.isposinf(np.broadcast_to(bound, got.shape))
        overflown = np.isinf(got) & (np.abs(expected) >= self.largest) & (np.sign(got) == np.sign(expected))
        missed = open_ & ~((got == expected) | (np.isnan(got) & np.isnan(expected)) | overflown)
        if self.undecided is None and missed.any():
            first = int(np.argmax(missed))
            self.undecided = (start + first, float(got[first]), float(expected[first]))
        got[open_] = expected[open_]
        error, bound = np.where(open_, 0.0, error), np.where(open_, 0.0, bound)
        return error, bound, np.where(open_, 0.0, np.abs(expected))

    def _judge(self, start: int, got: Array, expected: Array, error: Array, magnitude: Array, bound: Any) -> None:
        """Hold the errors of one chunk against their bounds."""
        with np.errstate(all="ignore"):
            ratio = error / bound
        ratio[error == 0] = 0.0
        sound = np.isfinite(bound) & (np.asarray(bound) >= 0)
        if not np.all(sound):
            # A bound that is no number, or below zero, would let everything pass.
            ratio[~np.broadcast_to(sound, ratio.shape)] = np.inf
            self.reason = self.reason or Code.BOUND
        worst = int(np.argmax(ratio))
        self.informative = self.informative or bool(np.any(magnitude > LIMIT * bound))
        if ratio[worst] > LIMIT:
            self._count(start, ratio > LIMIT)
        if ratio[worst] > self.worst_ratio:
            self.worst_ratio = float(ratio[worst])
            self._note(worst, start, got, expected)

    def _count(self, start: int, wrong: Array) -> None:
        self.n_bad += int(np.count_nonzero(wrong))
        if self.beyond is not None:
            self.beyond[start : start + wrong.size] |= wrong

    def _note(self, index: int, start: int, got: Array, expected: Array) -> None:
        self.at = (start + index, float(got[index]), float(expected[index]))

    def _nonfinite(self, start: int, got: Array, expected: Array, bound: Any, error: Array) -> tuple[Array, Array]:
        """NaN and infinity are values: they must agree in place and sign.

        Gives errors and bounds with those places at zero: nothing is left to judge there, and no bound has a meaning.
        """
        with np.errstate(all="ignore"):
            rounded = expected.astype(self.unit.numpy).astype(float)
            # Where the bound reaches past the dtype's largest number, an honest result may be on either side of it.
            near = np.isfinite(bound) & (np.abs(expected) + LIMIT * np.asarray(bound) > self.largest)
        special = ~np.isfinite(got) | ~np.isfinite(expected)
        overflow = np.isinf(got) & near & (np.sign(got) == np.sign(expected))
        same = (np.isnan(got) & np.isnan(rounded)) | (got == rounded) | overflow
        bad = special & ~same
        error, bound = np.where(special, 0.0, error), np.where(special, 0.0, bound)
        if bad.any():
            if self.reason is not Code.NONFINITE:
                self.reason, self.worst_ratio = Code.NONFINITE, np.inf
                self._note(int(np.argmax(bad)), start, got, expected)
            self._count(start, bad)
            self.worst_error = np.inf
        return error, bound

    def result(self) -> Comparison:
        """The comparison of the whole tensor, from all of its chunks."""
        relative = self.worst_error / self.scale if self.scale > 0 else (0.0 if self.worst_error == 0 else np.inf)
        reason, ratio, n_bad, at = self.reason, max(self.worst_ratio, 0.0), self.n_bad, self.at
        if self.measuring:
            ratio, n_bad = NAN, 0
        elif reason is None and self.worst_ratio > LIMIT:
            reason = Code.VALUE
        elif reason is None and self.undecided is not None:
            reason, ratio, n_bad, at = Code.UNDECIDED, NAN, 0, self.undecided
        elif reason is None and not self.informative:
            reason = Code.NONFINITE_EXPECTED if self.n_nonfinite else Code.UNINFORMATIVE
        worst, got, expected = at if at is not None else (None, NAN, NAN)
        return Comparison(
            ratio=ratio,
            max_abs_err=self.worst_error,
            max_rel_err=relative,
            worst=worst,
            got=got,
            expected=expected,
            n_bad=n_bad,
            n_nonfinite=self.n_nonfinite,
            reason=reason,
        )
