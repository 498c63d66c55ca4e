"""Declarations of given tensors: from what is written to a `Tensor` with its draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradconform.draws import Draw
from gradconform.dtypes import narrowest
from gradconform.graph import Shape
from gradconform.spec.errors import Mistakes, counted, show
from gradconform.spec.form import Declaration, Drawn
from gradconform.spec.model import Tensor, Where
from gradconform.spec.text import Item, plain

MOST_ELEMENTS = 2**31
MOST_WRONG_ELEMENTS = 10


class Declared:
    """Makes the tensors and draws that a file declares, and notes what is wrong with them."""

    def __init__(self, path: Path, dtypes: Iterable[str], mistakes: Mistakes) -> None:
        self.path = path
        self.mistakes = mistakes
        self.narrowest = narrowest(dtypes)

    def input(self, name: str, declaration: Declaration, item: Item, grad: bool) -> Tensor:
        """The input that a declaration describes.

        grad: whether a float input has a gradient where the declaration does not say.
        """
        what = f"input {name}"
        shape = tuple(declaration.shape)
        kind = "int64" if declaration.integers is not None else declaration.kind or "float"
        for message in _contradictions(declaration):
            self.mistakes.add(item.key_line, f"{what}: {message}")
        draw = self.draw(declaration, item, what, Draw(shape), kind)
        if declaration.integers is not None:
            low, high = declaration.integers
            expected = "low < high, since high itself is not drawn"
            self._check_order(low < high, item.value["integers"], what, "integers", expected)
            draw = Draw(shape, kind="integers", low=low, high=high)
        wanted = declaration.grad if declaration.grad is not None else grad and kind == "float"
        return Tensor(name, "input", shape, kind, wanted, draw, Where(self.path, item.key_line))

    def draw(self, drawn: Drawn, item: Item, what: str, default: Draw, kind: str = "float") -> Draw:
        """How a tensor is drawn, with the shape of the default; the default itself where the spec says nothing."""
        ways = _ways(drawn)
        if len(ways) > 1:
            self.mistakes.add(item.key_line, f"{what}: {' and '.join(ways)} are given; expected one of them")
        for way, numbers in (("uniform", drawn.uniform), ("normal", drawn.normal)):
            # An empty `uniform:` is told of with all other empty values.
            for number, line in _scalars(item.value[way]) if numbers is not None else ():
                self._check_finite(number, line, what)
        if "value" in ways:
            return self._literal(item.value["value"], what, default, kind)
        if drawn.uniform is not None:
            low, high = drawn.uniform
            self._check_order(low <= high, item.value["uniform"], what, "uniform", "low <= high")
            return replace(default, kind="uniform", low=low, high=high)
        if drawn.normal is not None:
            mean, scale = drawn.normal
            self._check_order(scale >= 0, item.value["normal"], what, "normal", "a scale of 0 or more")
            return replace(default, kind="normal", mean=mean, scale=scale)
        if drawn.dropout is not None:
            return replace(default, kind="dropout", p=drawn.dropout)
        return default

    def _check_order(self, right: bool, item: Item, what: str, way: str, expected: str) -> None:
        if not right:
            self.mistakes.add(item.line, f"{what}: {way} is {show(plain(item))}; expected {expected}")

    def _literal(self, item: Item, what: str, default: Draw, kind: str) -> Draw:
        right = self._elements_are_right(item, what, kind)
        fills = not isinstance(item.value, list)
        shape = default.shape if fills else _shape_of(item)
        if shape != default.shape:
            came = "rows of different lengths" if shape is None else f"shape {list(shape)}"
            self.mistakes.add(item.line, f"{what}: value has {came}; expected shape {list(default.shape)}")
        if shape != default.shape or not right:
            return default
        value: Any = plain(item)
        if fills and default.shape and math.prod(default.shape) <= MOST_ELEMENTS:
            # A view of one number: filling a large shape costs nothing until it is drawn.
            number = np.asarray(value, np.int64 if kind == "int64" else np.float64)
            value = np.broadcast_to(number, default.shape)
        return replace(default, kind="literal", value=value)

    def _elements_are_right(self, item: Item, what: str, kind: str) -> bool:
        wrong = 0
        for number, line in _scalars(item):
            wrong += not self._check_element(number, line, what, kind)
            if wrong == MOST_WRONG_ELEMENTS:
                break
        return wrong == 0

    def _check_element(self, number: Any, line: int, what: str, kind: str) -> bool:
        right = isinstance(number, int) if kind == "int64" else isinstance(number, int | float)
        if isinstance(number, bool) or not right:
            expected = "an int, since kind is int64" if kind == "int64" else "a number"
            self.mistakes.add(line, f"{what}: value holds {show(number)}; expected {expected}")
            return False
        if kind == "float":
            return self._check_finite(number, line, what)
        if not -(2**63) <= number < 2**63:
            self.mistakes.add(line, f"{what}: {show(number)} does not fit int64")
            return False
        return True

    def _check_finite(self, number: float, line: int, what: str) -> bool:
        """Whether a number stays finite in the narrowest dtype; infinity and NaN may be meant as such."""
        if not (isinstance(number, int) or math.isfinite(number)) or abs(number) <= self.narrowest.largest:
            return True
        self.mistakes.add(line, f"{what}: {show(number)} is too large for {self.narrowest.name}; {self._limit}")
        return False

    @property
    def _limit(self) -> str:
        return f"expected at most {self.narrowest.largest:.6g}"


def _ways(drawn: Drawn) -> list[str]:
    return [way for way in ("value", "uniform", "normal", "dropout", "integers") if way in drawn.model_fields_set]


def _contradictions(declaration: Declaration) -> Iterator[str]:
    """The keys of a declaration that contradict each other, each with what to do."""
    integral = declaration.kind == "int64" or declaration.integers is not None
    if declaration.kind == "float" and declaration.integers is not None:
        yield "kind is float, and integers are asked for; leave `kind` out"
    if declaration.kind == "int64" and not {"value", "integers"}.intersection(_ways(declaration)):
        yield "kind is int64, without `integers` or `value`; write `integers: [low, high]`"
    if integral and declaration.grad:
        yield "grad is true, but integers have no gradient; remove `grad`"


def _scalars(item: Item) -> Iterator[tuple[Any, int]]:
    if isinstance(item.value, list):
        for inner in item.value:
            yield from _scalars(inner)
    else:
        yield plain(item), item.line


def _shape_of(item: Item) -> Shape | None:
    """The shape of nested lists; None where they are ragged."""
    if not isinstance(item.value, list):
        return ()
    inner = {_shape_of(i) for i in item.value} or {()}
    shape = inner.pop()
    return None if inner or shape is None else (len(item.value), *shape)


def check_elements(shapes: Iterable[tuple[int, str, Shape]], most: int, mistakes: Mistakes) -> None:
    """Note each tensor that is too large by itself, and the one with which all together become too large."""
    total = 0
    for line, name, shape in shapes:
        elements = math.prod(shape)
        if elements > most:
            came = f"{name} has {counted(elements, 'element')}, shape {show(list(shape))}"
            mistakes.add(line, f"{came}; expected at most {most:,}")
            continue
        if total <= most < total + elements:
            together = counted(total + elements, "element")
            mistakes.add(line, f"with {name} all tensors have {together} together; expected at most {most:,}")
        total += elements
