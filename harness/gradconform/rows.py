"""What the judge says: one row for each tensor, route and check."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The words a row may end with.

    `measured` is for rows that report a difference without judging it: end to end and between frameworks, an honest
    error may be amplified by the layers after it, and no tolerance for that is derived yet. `holds` and `refuted` are
    of claims: what somebody printed is no framework's fault, so neither makes a run fail. `inconclusive`:
    the error bar of a numerical derivative is too wide to tell.
    """

    CONFORMS = "conforms"
    DIVERGES = "diverges"
    KNOWN = "known"
    MISSING = "missing"
    UNSUPPORTED = "unsupported"
    CRASHED = "crashed"
    MEASURED = "measured"
    HOLDS = "holds"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


UNJUDGED = (Verdict.MEASURED, Verdict.HOLDS, Verdict.REFUTED, Verdict.INCONCLUSIVE)
"""Verdicts that find nothing right or wrong with a framework."""


class Reason(StrEnum):
    """Why a row diverges or is missing, where one word says it.

    `unsupported` and `crashed` carry the framework's own words.
    """

    SHAPE = "shape"
    DTYPE = "dtype"
    NONFINITE = "nonfinite"
    VALUE = "value"
    BOUND = "no_finite_bound"
    NOT_BITWISE = "not_bitwise"
    UNINFORMATIVE = "uninformative"
    NOT_ON_PATH = "not_on_path"


@dataclass(frozen=True)
class Row:
    """One verdict. The columns of every report, in their order.

    ratio: largest |error| / bound over the tensor (NaN where there is no bound). worst_index: the index of that
    element, as `[0, 3]`; got and expected: its values. n_bad: how many elements are beyond the bound. culprit: the
    node or nodes to look at, joined by a space, empty where nothing is wrong.
    """

    spec: str
    node: str
    op: str
    tensor: str
    kind: str
    check: str
    framework: str
    version: str
    route: str
    dtype: str
    shape: str
    ratio: float
    max_abs_err: float
    max_rel_err: float
    worst_index: str
    got: float
    expected: float
    n_bad: int
    verdict: str
    reason: str
    culprit: str


COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Row))
LIMIT = 4.0
"""A tensor diverges where its ratio is above this. One figure for every operator, shape, dtype and scale."""

NAN = float("nan")


def blank(**known: Any) -> Row:
    """A row with nothing measured: for what is missing, unsupported or crashed."""
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    empty |= {"ratio": NAN, "max_abs_err": NAN, "max_rel_err": NAN, "got": NAN, "expected": NAN, "n_bad": 0}
    return Row(**(empty | known))
