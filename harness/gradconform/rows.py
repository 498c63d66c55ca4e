"""What the judge says: one row for each tensor, route and check."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, get_type_hints

from gradconform import reasons
from gradconform.reasons import Answered, Claimed, Reason, Refused

LIMIT = 4.0
"""A tensor diverges where its ratio is above this. One figure for every operator, shape, dtype and scale."""

NAN = float("nan")


class Verdict(StrEnum):
    """The answer of a row.

    `measured` is for rows that report a difference without judging it: end to end and between frameworks, an honest
    error may be amplified by the layers after it, and no tolerance for that is derived yet. `holds` and `refuted` are
    of claims: what somebody printed is no framework's fault, so neither makes a run fail. `inconclusive`: rounding
    decides what an honest framework gives, or the error bar of a numerical derivative is too wide to tell.
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

    @classmethod
    def _missing_(cls, value: object) -> None:
        # A word that no report knows would be counted nowhere.
        raise ValueError(f"verdict {value!r}; expected one of {', '.join(cls)}; correct the judge")

    @property
    def wrong(self) -> bool:
        """Whether this verdict says that a tensor is wrong or not there, which makes a run fail."""
        return self in (Verdict.DIVERGES, Verdict.MISSING)

    @property
    def fails(self) -> bool:
        """Whether a check with this verdict has no success: something is wrong, or the framework crashed."""
        return self.wrong or self is Verdict.CRASHED

    @property
    def passes(self) -> bool:
        """Whether this verdict says that all is as expected; a change from it to one that does not is for the worse."""
        return self in (Verdict.CONFORMS, Verdict.KNOWN, Verdict.HOLDS)

    @property
    def judged(self) -> bool:
        """Whether this verdict finds something right or wrong with a framework."""
        return self.wrong or self in (Verdict.CONFORMS, Verdict.KNOWN)

    @property
    def apart(self) -> bool:
        """Whether this verdict speaks of neither right nor wrong: a measurement, a claim, a bar too wide to tell."""
        return not (self.judged or self in (Verdict.UNSUPPORTED, Verdict.CRASHED))

    @property
    def severity(self) -> int:
        """How bad the verdict is: from 0, all is well, to the worst."""
        return _MILD_TO_BAD.index(self) if self in _MILD_TO_BAD else 0


_MILD_TO_BAD = (
    Verdict.CONFORMS,
    Verdict.INCONCLUSIVE,
    Verdict.UNSUPPORTED,
    Verdict.KNOWN,
    Verdict.MISSING,
    Verdict.DIVERGES,
    Verdict.CRASHED,
)


class Kind(StrEnum):
    """What the tensor of a row is; `none` where a row speaks of a whole problem."""

    NONE = ""
    OUTPUT = "output"
    GRAD_OUTPUT = "grad_output"
    GRAD_INPUT = "grad_input"
    GRAD_PARAM = "grad_param"
    TANGENT = "tangent"
    GRAD2 = "grad2"


class CheckKind(StrEnum):
    """What the tensor of a row was held against; `none` in a row that no check has made yet."""

    NONE = ""
    LOCAL = "local"
    EXACT = "exact"
    END_TO_END = "end_to_end"
    CROSS = "cross"
    ROUTE = "route"
    SEMANTICS = "semantics"
    CLAIM = "claim"
    NUMERIC = "numeric"
    SECOND_ORDER = "second_order"
    UNCHANGED = "unchanged"
    REPEAT = "repeat"


class Blame(StrEnum):
    """How the culprits of a row were found, where several nodes read its tensor; `none` where there was no question.

    `joint`: nobody saw them apart, so all are named. `apart`: a second capture has an identity between the tensor and
    each reader, and those are named whose own part of the gradient is wrong there. `sum`: each part is right in it,
    and the tensor is not. `first`: all is right in it, so it is the first capture alone that went wrong: something
    overwrote the gradient there.
    """

    NONE = ""
    JOINT = "joint"
    APART = "apart"
    SUM = "sum"
    FIRST = "first"


class Check(str):
    """The question that a row answers. It is its text, `local` or `route:retain_grad`, as a StrEnum is.

    kind: what the tensor was held against.
    of: which one, where there are several: the framework of a `cross`, the route of a `route`; else empty.
    """

    kind: CheckKind
    of: str

    def __new__(cls, kind: CheckKind, of: str = "") -> Check:
        """The check of a kind, and which one of that kind."""
        check = super().__new__(cls, f"{kind}:{of}" if of else str(kind))
        check.kind, check.of = kind, of
        return check

    def __getnewargs__(self) -> tuple[CheckKind, str]:  # type: ignore[override]
        return self.kind, self.of

    @classmethod
    def read(cls, text: str) -> Check:
        """The check that a text names. Raises ValueError where there is none of that name."""
        kind, _, of = text.partition(":")
        return cls(CheckKind(kind), of)


@dataclass(frozen=True)
class Row:
    """One verdict: what was found of one tensor by one route and check. The fields are the columns of every report.

    spec: the network, case or behaviour.
    node, op: the node that the tensor is judged with, and its operator; empty for a whole problem.
    tensor: its name in a capture, such as `grad/x`; empty for a whole problem.
    kind: what the tensor is.
    check: what it was held against.
    framework, version, route, dtype: what was judged.
    shape: the tensor's, as `[2, 3]`.
    ratio: largest |error| / bound over the tensor; NaN where there is no bound.
    max_abs_err, max_rel_err: the largest |error|, and the same relative to the largest expected magnitude.
    worst_index: the index of the worst element, as `[0, 3]`.
    got, expected: the values of the worst element.
    n_bad: how many elements are beyond the bound.
    n_nonfinite: how many elements that the framework gave are NaN or infinity, rightly or wrongly.
    digits: how many decimal digits are right where the fewest are, of the elements beyond the bound; NaN elsewhere.
    verdict, reason: the answer, and why.
    culprit: the node or nodes to look at, joined by a space; empty where nothing is wrong.
    culprit_op: their operators, each once, joined by a space.
    blame: how they were found, where several nodes read the tensor.

    A row may be made of plain texts, as they stand in a file; it raises ValueError at an unknown verdict, kind or
    check.
    """

    spec: str
    node: str
    op: str
    tensor: str
    kind: Kind
    check: Check
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
    n_nonfinite: int
    digits: float
    verdict: Verdict
    reason: Reason
    culprit: str
    culprit_op: str
    blame: Blame

    def __post_init__(self) -> None:
        for name, kind, read in _TYPES:
            value = getattr(self, name)
            if type(value) is not kind:
                object.__setattr__(self, name, read(value))

    @property
    def severity(self) -> tuple[int, bool, float]:
        """Sort key of a row: larger is worse.

        One that diverges without a ratio (shape, dtype) is worse than any with a ratio.
        """
        beyond = math.inf if self.verdict == Verdict.DIVERGES else -1.0
        ratio = beyond if math.isnan(self.ratio) else self.ratio
        # Beyond a bound of zero every ratio is infinite, so a local check tells more than an exact one.
        return self.verdict.severity, self.check.kind != CheckKind.EXACT, ratio

    @property
    def undecided(self) -> bool:
        """Whether rounding alone decides what an honest framework gives here, so that nobody can say who is right."""
        return self.verdict == Verdict.INCONCLUSIVE and self.check.kind != CheckKind.NUMERIC

    @property
    def claimed(self) -> Claimed:
        """The claim that a claim's row is about, and what there is in its place."""
        return reasons.claimed_in(self.reason, self.framework, self.version)

    @property
    def answered(self) -> Answered:
        """The word for what the framework does in a behaviour's row, and the word for what is right."""
        if self.verdict == Verdict.UNSUPPORTED:
            return Answered(str(self.verdict), "")
        return reasons.answered_in(self.reason, right=self.verdict == Verdict.CONFORMS)

    @property
    def refused(self) -> Refused:
        """The framework's own words in a row that was refused or crashed."""
        return reasons.refused_in(self.reason)


_TYPES: tuple[tuple[str, type, Any], ...] = (
    ("kind", Kind, Kind),
    ("check", Check, Check.read),
    ("verdict", Verdict, Verdict),
    ("reason", Reason, Reason),
    ("blame", Blame, Blame),
)

COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Row))
_HINTS = get_type_hints(Row)
NUMBERS = tuple(name for name in COLUMNS if _HINTS[name] is float)
COUNTS = tuple(name for name in COLUMNS if _HINTS[name] is int)
TEXTS = tuple(name for name in COLUMNS if name not in NUMBERS + COUNTS)

ORDER = ("spec", "framework", "version", "route", "dtype", "check", "node", "tensor", "kind", "verdict", "reason")
"""Columns by which reports sort their rows, so that two runs can be compared line by line."""


def blank(**known: Any) -> Row:
    """A row with nothing measured; its verdict is `missing` unless another one is given."""
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    empty |= {
        "ratio": NAN,
        "max_abs_err": NAN,
        "max_rel_err": NAN,
        "got": NAN,
        "expected": NAN,
        "n_bad": 0,
        "n_nonfinite": 0,
        "digits": NAN,
    }
    return Row(**(empty | {"verdict": Verdict.MISSING} | known))
