"""Declarations of given tensors: from what is written to a `Tensor` with its draw."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.draws import Draw
from harness.spec.errors import Problems, counted, show
from harness.spec.form import Declaration, Drawn
from harness.spec.model import Shape, Tensor, Where
from harness.spec.text import Item, plain

MOST_ELEMENTS = 2**31
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_FLOAT64_MAX = float(np.finfo(np.float64).max)


class Declared:
    """Makes tensors and draws of what a file declares, noting what is wrong."""

    def __init__(self, path: Path, dtypes: list[str], problems: Problems) -> None:
        self.path = path
        self.problems = problems
        self.largest = _FLOAT32_MAX if "float32" in dtypes else _FLOAT64_MAX
        self.narrowest = "float32" if "float32" in dtypes else "float64"

    def input(self, name: str, said: Declaration, item: Item, grad: bool) -> Tensor:
        """The input of a declaration; grad: whether a float input's gradient is wanted when nothing is said."""
        where = Where(self.path, item.key_line)
        shape = tuple(said.shape)
        kind = said.kind or ("int64" if said.integers is not None else "float")
        for message, hint in _contradictions(said):
            self.problems.add(item.key_line, f"input {name}: {message}", hint)
        draw = self.draw(said, item, f"input {name}", Draw(shape), kind)
        if said.integers is not None and "integers" not in _ways(said)[1:]:
            low, high = said.integers
            if low >= high:
                line = item.value["integers"].line
                self.problems.add(line, f"input {name}: integers is {show(said.integers)}; expected low < high, high is not drawn")
            draw = Draw(shape, kind="integers", low=low, high=high)
        wanted = said.grad if said.grad is not None else grad and kind == "float"
        return Tensor(name, "input", shape, kind, wanted, draw, where)

    def draw(self, said: Drawn, item: Item, what: str, default: Draw, kind: str = "float") -> Draw:
        """The draw that is asked for, with the shape of the default; the default where nothing is asked."""
        ways = [way for way in ("value", "uniform", "normal") if way in said.model_fields_set]
        if len(ways) > 1 and not isinstance(said, Declaration):
            self.problems.add(item.value[ways[1]].key_line, f"{what}: {' and '.join(ways)} are given; expected one of them")
        for number, line in _numbers(item, ways):
            self._check_size(number, line, what)
        if "value" in ways:
            return self._literal(item.value["value"], what, default, kind)
        if said.uniform is not None:
            low, high = said.uniform
            if low > high:
                self.problems.add(item.value["uniform"].line, f"{what}: uniform is {show(said.uniform)}; expected low <= high")
            return replace(default, kind="uniform", low=low, high=high)
        if said.normal is not None:
            mean, scale = said.normal
            if scale < 0:
                self.problems.add(item.value["normal"].line, f"{what}: normal is {show(said.normal)}; expected a scale of 0 or more")
            return replace(default, kind="normal", mean=mean, scale=scale)
        return default

    def _literal(self, item: Item, what: str, default: Draw, kind: str) -> Draw:
        ok = True
        for number, line in _scalars(item):
            ok = self._check_literal(number, line, what, kind) and ok
        fills = not isinstance(item.value, list)
        shape = default.shape if fills else _shape_of(item)
        if shape is None:
            self.problems.add(item.line, f"{what}: value has rows of different lengths; expected shape {list(default.shape)}")
        elif shape != default.shape:
            self.problems.add(item.line, f"{what}: value has shape {list(shape)}; expected {list(default.shape)}")
        if not ok or shape != default.shape:
            return default
        value: Any = plain(item)
        if fills and default.shape and math.prod(default.shape) <= MOST_ELEMENTS:
            # A view of one number: filling a large shape costs nothing until it is drawn.
            value = np.broadcast_to(np.asarray(value, np.int64 if kind == "int64" else np.float64), default.shape)
        return replace(default, kind="literal", value=value)

    def _check_literal(self, number: Any, line: int, what: str, kind: str) -> bool:
        expected = "an int" if kind == "int64" else "a number"
        right = isinstance(number, int) if kind == "int64" else isinstance(number, int | float)
        if not right or isinstance(number, bool):
            hint = "write `kind: int64` for integers" if kind == "float" else "write `kind: float` or leave `kind` out for numbers"
            self.problems.add(line, f"{what}: value holds {show(number)}; expected {expected}", hint if right else "")
            return False
        if kind == "int64":
            fits = -(2**63) <= number < 2**63
            if not fits:
                self.problems.add(line, f"{what}: value holds {show(number)}, which does not fit int64")
            return fits
        return self._check_size(number, line, what)

    def _check_size(self, number: Any, line: int, what: str) -> bool:
        """Whether a finite number is finite in the narrowest dtype; infinity and NaN may be written on purpose."""
        if not isinstance(number, int | float) or (isinstance(number, float) and not math.isfinite(number)):
            return True
        if abs(number) <= self.largest:
            return True
        self.problems.add(line, f"{what}: {show(number)} is too large for {self.narrowest}", f"at most {self.largest:.6g}")
        return False


def _ways(said: Declaration) -> list[str]:
    return [way for way in ("value", "uniform", "normal", "integers") if way in said.model_fields_set]


def _contradictions(said: Declaration) -> Iterator[tuple[str, str]]:
    """What does not go together in a declaration."""
    ways = _ways(said)
    if len(ways) > 1:
        yield f"{' and '.join(ways)} are given", "expected one of them"
    if said.kind == "float" and said.integers is not None:
        yield "kind is float, and integers are asked for", "leave `kind` out"
    integral = said.kind == "int64" or said.integers is not None
    if said.kind == "int64" and not ({"value", "integers"} & set(ways)):
        yield "kind is int64, but no value and no integers are given", "write `integers: [low, high]`"
    if integral and said.grad:
        yield "grad is true; integers have no gradient", "remove `grad`"


def _numbers(item: Item, ways: list[str]) -> Iterator[tuple[Any, int]]:
    for way in ways:
        if way != "value":
            yield from _scalars(item.value[way])


def _scalars(item: Item) -> Iterator[tuple[Any, int]]:
    if isinstance(item.value, list):
        for inner in item.value:
            yield from _scalars(inner)
    elif isinstance(item.value, dict):
        yield {}, item.line
    else:
        yield item.value, item.line


def _shape_of(item: Item) -> Shape | None:
    """The shape of nested lists; None where they are ragged."""
    if not isinstance(item.value, list):
        return ()
    inner = {_shape_of(i) for i in item.value} or {()}
    shape = inner.pop()
    return None if inner or shape is None else (len(item.value), *shape)


def check_elements(shapes: Iterator[tuple[int, str, Shape]], most: int, problems: Problems) -> None:
    """Note the tensors that are too large by themselves, else the one at which all of them together are."""
    total = 0
    for line, name, shape in shapes:
        elements = math.prod(shape)
        if elements > most:
            problems.add(line, f"{name} has {counted(elements, 'element')}, shape {show(list(shape))}; expected at most {most:,}")
            continue
        if total <= most < total + elements:
            problems.add(line, f"with {name} the tensors have {counted(total + elements, 'element')} together; expected at most {most:,}")
        total += elements
