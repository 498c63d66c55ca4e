"""The form of problem.json and of capture.json: their keys and what each may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt

from gradconform.dtypes import Held, UnderTest

REASONS = Literal[
    "not_requested",
    "not_on_path",
    "graph_cut",
    "not_retained",
    "buffer_reused",
    "not_differentiable",
    "uninitialised",
    "unexplained",
]


def _claimable(value: Any) -> Any:
    try:
        # NumPy would take null for NaN.
        if value in ("none", "raises") or None in np.asarray(value, object).flat:
            return {"none": "none", "raises": "raises"}[value]
        return np.asarray(value, float)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("expected numbers, none or raises") from error


class Claim(BaseModel):
    """A printed result, as problem.json has it.

    says, source: what somebody says, and where it is printed.
    framework: the adapter that it speaks of, or None for every one.
    of: the tensor, as an address or an ask.
    value: an array as nested lists, `none` or `raises`.
    digits: the significant digits that were printed, None where the dtype's own rounding is all that may stand between.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    says: str
    source: str
    framework: str | None = None
    of: str
    value: Annotated[Any, AfterValidator(_claimable)]
    digits: Annotated[StrictInt, Field(ge=1, le=17)] | None = None


class Asked(BaseModel):
    """What became of an ask of a behaviour, as capture.json has it.

    ask: what was asked for.
    outcome: `value`, `none` or `raises`.
    step: index of the step that raised; None where reading did.
    error: type and first line of the exception.
    reason: why a buffer was not read, or why no gradient came there.
    nodes: where the framework's graph is cut, as in `cuts` of a capture.
    """

    model_config = ConfigDict(frozen=True)

    ask: str
    outcome: Literal["value", "none", "raises"]
    step: StrictInt | None = None
    error: str | None = None
    reason: REASONS | None = None
    nodes: tuple[str, ...] = ()


_Extent = Annotated[StrictInt, Field(ge=0, lt=2**48)]


class _Form(BaseModel):
    """A part of a document; keys that this version does not know are let pass."""

    model_config = ConfigDict(frozen=True)


class _TensorForm(_Form):
    name: str
    shape: tuple[_Extent, ...]
    dtype: Held
    grad: StrictBool


class _OutputForm(_Form):
    name: str
    shape: tuple[_Extent, ...]
    result: StrictBool = False


class _NodeForm(_Form):
    name: str
    op: str
    tensors: tuple[tuple[str, str | list[str] | None], ...]
    attributes: dict[str, Any]
    outputs: Annotated[tuple[_OutputForm, ...], Field(min_length=1)]


class _StepForm(_Form):
    do: Literal["forward", "backward", "grad", "keep", "clear", "fill", "set", "change"]


class ProblemForm(_Form):
    """`problem.json`: a network's graph, or a behaviour's, and what was asked of it."""

    spec: str
    about: str
    seed: StrictInt
    dtype: UnderTest
    values: Literal["drawn", "exact"]
    inputs: tuple[_TensorForm, ...]
    parameters: tuple[_TensorForm, ...]
    buffers: tuple[_TensorForm, ...]
    nodes: tuple[_NodeForm, ...]
    output: str
    digest: str
    claims: tuple[Claim, ...] = ()
    script: tuple[_StepForm, ...] = ()
    asks: tuple[str, ...] = ()


class Difference(_Form):
    """How an array differs from what it was, or from that of an earlier run.

    n: how many elements; 0 where it is another kind of difference, of which `was` and `now` speak in words.
    index: of the first of them.
    was, now: its figures, as texts.
    """

    n: Annotated[StrictInt, Field(ge=0)]
    index: tuple[_Extent, ...]
    was: str
    now: str

    @property
    def is_of_figures(self) -> bool:
        """Whether `was` and `now` can be read as figures."""
        try:
            return isinstance(float(self.was) + float(self.now), float)
        except ValueError:
            return False


class CaptureForm(_Form):
    """`capture.json`: what a worker says of one problem in one framework, beside the tensors."""

    status: Literal["ok", "unsupported", "crashed"]
    reason: str | None = None
    framework: str
    version: str | None = None
    route: str
    problem: str | None = None
    digest: str | None = None
    at: str | None = None
    missing: dict[str, REASONS] = {}
    asked: tuple[Asked, ...] = ()
    cuts: dict[str, tuple[str, ...]] = {}
    remedies: dict[str, str] = {}
    lines: dict[Literal["leaf", "between"], str] = {}
    accumulates: dict[str, tuple[UnderTest, UnderTest]] = {}
    changed: dict[str, Difference] = {}
    repeated: dict[str, Difference] = {}
