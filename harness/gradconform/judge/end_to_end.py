"""What a person porting a network asks: how far is the whole of it from the reference, and from another framework?

These rows are measured, not judged: the layers after an honest error may amplify it, and only the local check can
tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from gradconform.contract import Capture, Problem
from gradconform.dtypes import Dtype
from gradconform.judge.compare import Comparison, compare
from gradconform.judge.judgement import measured, row_of
from gradconform.reasons import Code
from gradconform.rows import Check, CheckKind, Kind, Row

Array = NDArray[Any]


def rows(problem: Problem, captures: Sequence[Capture], expected: Mapping[str, Array]) -> Iterator[Row]:
    """The rows of each capture against the reference, and of each capture against every other, tensor by tensor.

    expected: what `reference.network.reference` gives for this problem.
    """
    unit = Dtype.of(problem.dtype)
    for name, node, kind, shape in problem.graph.addresses():
        present = [(capture, capture.tensors[name]) for capture in captures if name in capture.tensors]
        others = [(Check(CheckKind.CROSS, _called(capture, captures)), array) for capture, array in present]
        if name in expected:
            others.append((Check(CheckKind.END_TO_END), expected[name]))
        for check, other in others:
            wide = other.astype(float, copy=False)
            # Another framework's tensor of a wrong shape is that framework's fault; nothing can be measured here.
            fits = wide.shape == shape
            for capture, array in present:
                if array is not other:
                    row = row_of(problem, capture, node=node, tensor=name, kind=Kind(kind), check=check)
                    comparison = compare(array, wide, None, unit, shape) if fits else Comparison(reason=Code.SHAPE)
                    yield measured(row, shape, comparison)


def _called(capture: Capture, captures: Sequence[Capture]) -> str:
    """The name of a capture's framework, with its version where another one of the framework is there too."""
    alike = sum(other.framework == capture.framework for other in captures)
    return capture.framework if alike == 1 else f"{capture.framework}-{capture.version}"
