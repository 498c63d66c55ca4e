"""The dtypes, each a value that knows all that the harness asks of one: no table of dtypes stands anywhere else.

What is measured in a dtype (how fine a gradient is told in it, say) is no property of it and stands where it is used.
NumPy is imported when an array's dtype is first asked for: the plugin reads this at every start of pytest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Dtype:
    """A binary floating-point format, or a format of integers.

    name: what specs, problems and rows call it.
    stored: what safetensors calls it.
    significand: how many bits the significand has, with the leading one that is not stored; 0 for integers.
    exponent: that of the largest numbers, so that these are just below 2^(exponent + 1).
    accumulator: the name of the dtype in which good frameworks sum numbers of this one; empty where it is this one.
    gradual: whether what is below the smallest normal number keeps the bits that it can keep, wherever it is computed.
    """

    name: str
    stored: str
    significand: int
    exponent: int
    accumulator: str = ""
    gradual: bool = False

    @classmethod
    def of(cls, name: str) -> Self:
        """The dtype that is called `name`, such as `float32`. Raises ValueError where there is none."""
        for dtype in ALL:
            if dtype.name == name:
                assert isinstance(dtype, cls)
                return dtype
        raise ValueError(f"there is no dtype {name!r}; expected {', '.join(dtype.name for dtype in ALL)}")

    @property
    def is_float(self) -> bool:
        """Whether the dtype holds floating-point numbers, and so has a roundoff."""
        return self.significand > 0

    @property
    def roundoff(self) -> float:
        """The unit roundoff u: half the distance from 1 to the next larger number; 0 for integers."""
        return 2.0**-self.significand if self.is_float else 0.0

    @property
    def tiny(self) -> float:
        """The smallest positive normal number, below which results may flush to zero; 1 for integers."""
        return 2.0 ** (1 - self.exponent) if self.is_float else 1.0

    @property
    def smallest(self) -> float:
        """The smallest positive number, a subnormal one; 1 for integers."""
        return math.ldexp(1.0, 2 - self.exponent - self.significand) if self.is_float else 1.0

    @property
    def underflow(self) -> float:
        """What underflow takes from a result at most, in one operation; 1 for integers.

        Processors and frameworks may flush subnormal numbers of single and double precision to zero. Those of float16
        they never do: conversion to it, in which each of its operations ends, rounds gradually whatever the mode.
        """
        return self.smallest if self.gradual else self.tiny

    @property
    def largest(self) -> float:
        """The largest finite number; for integers the nearest float of it."""
        return math.ldexp(2.0 - 2.0 * self.roundoff, self.exponent) if self.is_float else 2.0 ** (self.exponent + 1)

    @property
    def digits(self) -> int:
        """How many significant decimal digits a number needs to be read back as itself: 1 + ceil(p log10 2)."""
        bits = self.significand if self.is_float else self.exponent + 1
        return 1 + math.ceil(bits * math.log10(2.0))

    @property
    def accumulates_in(self) -> Dtype:
        """The dtype of partial sums in good frameworks, which sum half precision in single.

        What a framework really does its adapter declares, and that is what it is held to (`Capture.accumulates_in`).
        """
        return Dtype.of(self.accumulator) if self.accumulator else self

    @property
    def numpy(self) -> np.dtype[Any]:
        """NumPy's dtype of the same format; bfloat16 is from ml_dtypes, which is imported when it is asked for."""
        import numpy as np

        return np.dtype(import_module("ml_dtypes").bfloat16 if self == BFLOAT16 else self.name)

    def text(self, value: float) -> str:
        """A number with every digit that the dtype can tell apart, so that it reads back; for float64 the fewest."""
        return repr(value) if self.digits >= FLOAT64.digits else f"{value:.{self.digits}g}"


FLOAT16 = Dtype("float16", "F16", 11, 15, "float32", gradual=True)
BFLOAT16 = Dtype("bfloat16", "BF16", 8, 127, "float32")
FLOAT32 = Dtype("float32", "F32", 24, 127)
FLOAT64 = Dtype("float64", "F64", 53, 1023)
INT64 = Dtype("int64", "I64", 0, 62)
ALL = (FLOAT16, BFLOAT16, FLOAT32, FLOAT64, INT64)

HALF = (FLOAT16, BFLOAT16)
"""Half precision: 16 bits, of which the exponent takes 5 or 8."""
USUAL = (FLOAT32, FLOAT64)
"""What specs are run in that do not say."""
UNDER_TEST = (*HALF, *USUAL)
"""What specs may ask for and adapters are run in."""
NAMES = tuple(dtype.name for dtype in UNDER_TEST)
"""The names of the dtypes under test."""

if TYPE_CHECKING:
    UnderTest: TypeAlias = str
    Held: TypeAlias = str
else:
    # As pydantic wants them; a type checker takes no computed Literal.
    UnderTest = Literal[NAMES]
    Held = Literal[(*NAMES, INT64.name)]


def narrowest(names: Any) -> Dtype:
    """The dtype, of those with these names, that has the smallest largest number: what fits into it fits into all."""
    return min(map(Dtype.of, names), key=lambda dtype: dtype.largest)


def known(name: str) -> Dtype | None:
    """The dtype under test of this name; None for any other text. A row that crashed early has an empty one."""
    return next((dtype for dtype in UNDER_TEST if dtype.name == name), None)


def is_float(array: Any) -> bool:
    """Whether an array holds floating-point numbers; NumPy says of bfloat16 only that it is a dtype of others."""
    dtype = array.dtype
    return bool(dtype.kind == "f" or dtype.name == BFLOAT16.name)


def wide(array: Any) -> Any:
    """An array of floating-point numbers in float64; any other array as it is."""
    return array.astype(float) if is_float(array) else array


def held(numbers: Any, dtype: Dtype) -> Any:
    """An array of the dtype with the nearest numbers that it holds, finite where they are; nested lists may come too.

    So 1e6 is 65504 in float16. NaN and infinity stay what they are.
    """
    import numpy as np

    given = np.asarray(numbers)
    if given.dtype == object:  # Whole numbers beyond those of int64, of which ml_dtypes makes no floats.
        given = given.astype(float)
    with np.errstate(over="ignore"):
        array: Any = given.astype(dtype.numpy)
    if is_float(array) and not np.isfinite(array.astype(float)).all():
        given = given.astype(float)
        largest = np.copysign(dtype.largest, given).astype(dtype.numpy)
        array = np.where(np.isfinite(given) & ~np.isfinite(array.astype(float)), largest, array)
    return array
