"""The definition of every operator that a node may have: those of specs, and the identity of a second capture."""

from __future__ import annotations

from typing import Any

from gradconform.contract.apart import IDENTITY
from gradconform.reference.operator import OPERATORS, Operator


def identity(x: Any) -> Any:
    """x itself: what lies between a tensor and one of its readers in a second capture."""
    return x


def definition(name: str) -> Operator:
    """The operator of this name. Raises KeyError."""
    return _INSERTED if name == IDENTITY else OPERATORS[name]


# Not `@operator`, which would make it a word of specs.
_INSERTED = Operator(identity, moves=True)


@_INSERTED.vjp
def _identity_vjp(dy: Any, _: Any) -> Any:
    return (dy,)
