"""The types an operator's attributes may have, as pydantic sees them.

Each type accepts what a person would write in a spec and normalises it to what goes into `problem.json`:
numbers, strings, booleans and lists of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt

__all__ = [
    "Axes",
    "Axis",
    "ChannelOrder",
    "EpsilonPlace",
    "Flag",
    "Label",
    "NonNegative",
    "Offset",
    "Offsets",
    "Padding",
    "Padding1d",
    "Padding2d",
    "Padding3d",
    "Pair",
    "PairOrZero",
    "Positive",
    "Probability",
    "Real",
    "Reduction",
    "Shape",
    "Single",
    "SingleOrZero",
    "Size",
    "Sizes",
    "StartLength",
    "Triple",
    "TripleOrZero",
]


def _each(value: Any, axes: int) -> Any:
    """The value of each axis; a single int stands for all of them."""
    return [value] * axes if isinstance(value, int) and not isinstance(value, bool) else value


def _times(axes: int) -> BeforeValidator:
    return BeforeValidator(lambda value: _each(value, axes))


def _sides(axes: int) -> BeforeValidator:
    """`1`, `[1, 2]` (height, width) and `[[0, 1], [2, 0]]` (top, bottom; left, right) all mean a padding."""

    def sides(value: Any) -> Any:
        value = _each(value, axes)
        return [_each(side, 2) for side in value] if isinstance(value, list | tuple) else value

    return BeforeValidator(sides)


def _plain_number(value: float) -> float:
    """Keep ints as they are written, so that `2` does not become `2.0` in a report."""
    return int(value) if float(value).is_integer() else value


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    return value


Size = Annotated[StrictInt, Field(ge=1, description="a positive int")]
NonNegative = Annotated[StrictInt, Field(ge=0)]
Axis = Annotated[StrictInt, Field(ge=0, description="an axis, counted from 0")]
Axes = Annotated[list[Axis], Field(min_length=1, description="a list of axes, counted from 0")]
StartLength = NonNegative
Flag = StrictBool
Label = StrictInt
Real = Annotated[
    float, BeforeValidator(_not_bool), Field(allow_inf_nan=False, strict=True), AfterValidator(_plain_number)
]
Positive = Annotated[Real, Field(gt=0)]
Probability = Annotated[Real, Field(ge=0, lt=1)]
Reduction = Literal["mean", "sum", "none"]
Single = Annotated[list[Size], _times(1), Field(min_length=1, max_length=1, description="an int or [length]")]
SingleOrZero = Annotated[
    list[NonNegative], _times(1), Field(min_length=1, max_length=1, description="an int or [length]")
]
Pair = Annotated[list[Size], _times(2), Field(min_length=2, max_length=2, description="an int or [height, width]")]
PairOrZero = Annotated[
    list[NonNegative], _times(2), Field(min_length=2, max_length=2, description="an int or [height, width]")
]
Triple = Annotated[
    list[Size], _times(3), Field(min_length=3, max_length=3, description="an int or [depth, height, width]")
]
TripleOrZero = Annotated[
    list[NonNegative], _times(3), Field(min_length=3, max_length=3, description="an int or [depth, height, width]")
]
_Sides = Annotated[list[NonNegative], Field(min_length=2, max_length=2)]
Padding1d = Annotated[
    list[_Sides],
    _sides(1),
    Field(min_length=1, max_length=1, description="an int, [length] or [[before, after]]"),
]
Padding2d = Annotated[
    list[_Sides],
    _sides(2),
    Field(min_length=2, max_length=2, description="an int, [height, width] or [[top, bottom], [left, right]]"),
]
Padding3d = Annotated[
    list[_Sides],
    _sides(3),
    Field(min_length=3, max_length=3, description="an int, [depth, height, width] or one [before, after] for each"),
]
Padding = Annotated[list[_Sides], Field(min_length=1, description="one [before, after] per axis")]
Shape = Annotated[list[NonNegative], Field(min_length=1, max_length=8, description="a list of ints of 0 or more")]
Sizes = Annotated[list[Size], Field(min_length=1, description="a list of positive ints")]
Offset = Annotated[StrictInt, Field(description="an int")]
Offsets = Annotated[list[Offset], Field(min_length=1, description="a list of ints")]
EpsilonPlace = Literal["maximum", "length", "square"]
ChannelOrder = Literal["CRD", "DCR"]
