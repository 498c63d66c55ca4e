"""Discrete Fourier transforms of complex numbers, whose real and imaginary parts are a last axis of 2."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt

from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.tracked.computed import computed

Array = NDArray[Any]
# Norm -> the power of N by which a transform is divided; its inverse is divided by what is left of N.
POWER = {"backward": 0.0, "ortho": 0.5, "forward": 1.0}
Norm = Literal["backward", "ortho", "forward"]
SignalAxes = Annotated[StrictInt, Field(ge=1, le=3, description="over how many axes: 1, 2 or 3")]


@operator
def fft(x: Any, *, signal_ndim: SignalAxes, norm: Norm) -> Any:
    """The sum of x[n] exp(-2 pi i k n / N) over the last axes before that of the parts; x, y [..., *N, 2].

    Divided by nothing with the norm `backward`, by sqrt N with `ortho` and by N with `forward`, N being how many
    numbers a signal has.  The terms are summed as they are: a fast transform rounds no more (Higham, *Accuracy and
    Stability of Numerical Algorithms*, section 24.1).
    """
    return _transformed(x, signal_ndim, -1, POWER[norm])


@fft.vjp
def fft_vjp(dy: Any, x: Any, *, signal_ndim: int, norm: str) -> Any:
    return (_transformed(dy, signal_ndim, +1, POWER[norm]),)


@operator
def ifft(x: Any, *, signal_ndim: SignalAxes, norm: Norm) -> Any:
    """The sum of x[n] exp(2 pi i k n / N), which takes `fft` of the same norm back; x, y [..., *N, 2]."""
    return _transformed(x, signal_ndim, +1, 1.0 - POWER[norm])


@ifft.vjp
def ifft_vjp(dy: Any, x: Any, *, signal_ndim: int, norm: str) -> Any:
    return (_transformed(dy, signal_ndim, -1, 1.0 - POWER[norm]),)


@fft.shape
@ifft.shape
def signal_shape(x: Dims, *, signal_ndim: SignalAxes) -> Dims:
    if len(x) < signal_ndim + 1 or x[-1] != 2:
        raise ShapeError(f"x has shape {list(x)}; expected {signal_ndim + 1} axes or more, the last one of both parts")
    return x


def _transformed(x: Any, signal_ndim: int, sign: int, power: float) -> Any:
    """The sums with exp(sign 2 pi i k n / N) along the signal's axes, one after the other, over N to a power."""
    y = x
    for axis in range(x.ndim - 1 - signal_ndim, x.ndim - 1):
        n = x.shape[axis]
        rows = np.moveaxis(y, axis, -2)
        sums = np.matmul(rows.reshape(-1, 2 * n), _waves(n, sign, x))
        y = np.moveaxis(sums.reshape(rows.shape), -2, axis)
    count = math.prod(x.shape[x.ndim - 1 - signal_ndim : x.ndim - 1])
    return y if power == 0 else y / float(count**power)


def _waves(n: int, sign: int, like: Any) -> Any:
    """What the parts of each number of a signal add to those of each number of its transform, [2 n, 2 n].

    A quarter of a turn is exact; any other sine or cosine is off by a roundoff.
    """
    steps = np.outer(np.arange(n), np.arange(n)) % n
    quarters, exact = 4 * steps // n % 4, 4 * steps % n == 0
    angle = 2.0 * np.pi * steps / n
    cosine = np.where(exact, np.array([1.0, 0.0, -1.0, 0.0])[quarters], np.cos(angle))
    sine = sign * np.where(exact, np.array([0.0, 1.0, 0.0, -1.0])[quarters], np.sin(angle))
    waves = np.stack([np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)], axis=1)
    off = np.broadcast_to(np.where(exact, 0.0, 1.0)[:, None, :, None], waves.shape)
    return computed(waves.reshape(2 * n, 2 * n), off.reshape(2 * n, 2 * n), like)
